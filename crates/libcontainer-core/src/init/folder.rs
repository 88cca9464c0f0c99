//! The folder that was used last: nearly all devices and links are in one, and most mount points
//! of the kernel's filesystems.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::left::leave;
use crate::rootfs::Root;

/// A handle on a folder below the root, kept for the next one who asks for it.
#[derive(Debug, Default)]
pub struct Folder {
    path: String,
    fd: Option<OwnedFd>,
}

impl Folder {
    /// A handle on the folder of a path, and the last name.
    pub fn of<'p>(&mut self, path: &'p str, root: &Root<'_>) -> Result<(&OwnedFd, &'p str), Errno> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.path != parent {
            self.forget();
        }
        let fd = match self.fd.take() {
            Some(fd) => fd,
            None => root.make_parent(path)?.0,
        };
        parent.clone_into(&mut self.path);
        Ok((self.fd.insert(fd), name))
    }

    /// The same if that folder is the one that was used or mounted last.
    pub fn of_same<'p>(
        &mut self,
        path: &'p str,
        root: &Root<'_>,
    ) -> Result<Option<(&OwnedFd, &'p str)>, Errno> {
        match path.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() && parent == self.path => {
                self.of(path, root).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Something was mounted at this path, in front of what was opened before.
    pub fn mounted(&mut self, path: &str) {
        self.forget();
        path.clone_into(&mut self.path);
    }

    /// Lets go of it.
    pub fn forget(&mut self) {
        self.path.clear();
        self.fd.take().into_iter().for_each(leave);
    }
}

//! Giving a container its cgroup (config-linux.md, "Cgroup ownership").

use std::borrow::Cow;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Uid, chownat, openat};
use rustix::io::Errno;

use crate::error::{At, Error};
use crate::file;
use crate::record::Record;

/// Where the kernel lists the files that may be given away (Linux 4.15).
const LIST: &str = "/sys/kernel/cgroup/delegate";
/// What every kernel lists.
const MINIMUM: &str = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";

impl Record {
    /// Makes a user the owner of the container's directory of version 2, and of the files in it
    /// that may be given away; nothing else, and nothing in version 1.
    ///
    /// # Errors
    /// When an owner cannot be changed.
    pub fn delegate(&self, uid: u32) -> Result<(), Error> {
        let Some(directory) = self.unified() else { return Ok(()) };
        let root = self.open_root()?;
        let owner = Some(Uid::from_raw(uid));
        let path = directory.below_root();
        let chown =
            |path: &str| chownat(root.as_fd(), path, owner, None, AtFlags::SYMLINK_NOFOLLOW);
        chown(&path).at("change owner of", &self.full(&path))?;
        for name in delegated_files().lines() {
            let path = directory.file(name);
            match chown(&path) {
                // The list has files of controllers that are not here.
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno).at("change owner of", &self.full(&path)),
            }
        }
        Ok(())
    }
}

fn delegated_files() -> Cow<'static, str> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let text = openat(CWD, LIST, flags, Mode::empty()).and_then(|fd| file::read_all(fd.as_fd()));
    text.map_or(Cow::Borrowed(MINIMUM), Cow::Owned)
}

//! Lookups below a root on kernels without `openat2(2)` (before Linux 5.6): one component at a time.
//!
//! Each is opened without following it; a symlink's text goes on from the top at most. `..` is the
//! handle by which the walk came, never a question to the kernel, so that no rename can lead out. The
//! text of a magic link of procfs is a path in the root like any other.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::rootfs::{LINKS_MAX, file_type};

/// A handle (O_PATH) on a path; of `flags`, O_NOFOLLOW and O_DIRECTORY mean what they do for `open(2)`.
pub fn handle(top: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut way: Vec<OwnedFd> = Vec::new();
    let mut left: Vec<String> = reversed(path);
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            way.pop();
            continue;
        }
        let here = way.last().map_or(top, AsFd::as_fd);
        let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = rustix::fs::openat(here, &*name, step, Mode::empty())?;
        let is_last = left.is_empty();
        if file_type(&found)? != FileType::Symlink || (is_last && flags.contains(OFlags::NOFOLLOW))
        {
            way.push(found);
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(Errno::LOOP);
        }
        let target = rustix::fs::readlinkat(&found, "", Vec::new())?;
        let target = target.into_string().map_err(|_| Errno::ILSEQ)?;
        if target.starts_with('/') {
            way.clear();
        }
        left.extend(reversed(&target));
    }
    let found = match way.pop() {
        Some(found) => found,
        None => rustix::io::fcntl_dupfd_cloexec(top, 3)?,
    };
    let directory = flags.contains(OFlags::DIRECTORY) || path.ends_with('/');
    if directory && file_type(&found)? != FileType::Directory {
        return Err(Errno::NOTDIR);
    }
    Ok(found)
}

fn reversed(path: &str) -> Vec<String> {
    let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    names.rev().map(str::to_owned).collect()
}

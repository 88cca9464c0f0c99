//! Removing a container's cgroup, with the sub-cgroups that it made.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use crate::error::{At, Error};
use crate::path::join;
use crate::processes::children;
use crate::record::Record;
use crate::systemd::Unit;

/// How often a busy directory is tried again, with a delay that doubles from one millisecond: the
/// last processes of a dead container take a moment to leave.
const ATTEMPTS: u32 = 10;

impl Record {
    /// Stops the unit, if there is one, and removes the directories; what is gone is no error.
    ///
    /// # Errors
    /// When a directory is still busy after about a second; the others are removed nonetheless.
    pub fn remove(&self) -> Result<(), Error> {
        let stopped = self.unit.as_ref().map_or(Ok(()), Unit::stop);
        // systemd forgets a unit whose cgroup is gone: when that succeeds, all is done.
        self.remove_directories().map_err(|busy| stopped.err().unwrap_or(busy))
    }

    fn remove_directories(&self) -> Result<(), Error> {
        let root = self.open_root()?;
        let mut left: Vec<String> =
            self.directories.iter().map(|directory| directory.below_root()).collect();
        left.retain(|path| rmdir(root.as_fd(), path) == Err(Errno::BUSY));
        self.remove_trees(root.as_fd(), left)
    }

    /// Removes directories below the root, with all below them.
    pub(crate) fn remove_trees(
        &self,
        root: BorrowedFd<'_>,
        mut left: Vec<String>,
    ) -> Result<(), Error> {
        let mut result = Ok(());
        for attempt in 0..=ATTEMPTS {
            result = Ok(());
            left.retain(|path| match remove_tree(root, path) {
                Ok(()) => false,
                Err(errno) => {
                    result = Err(errno).at("remove cgroup", &self.full(path));
                    errno == Errno::BUSY
                }
            });
            if left.is_empty() || attempt == ATTEMPTS {
                break;
            }
            std::thread::sleep(Duration::from_millis(1 << attempt));
        }
        result
    }
}

/// Removes a directory and all below it, children first.
fn remove_tree(root: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    for child in children(root, path)? {
        // A busy child makes its parent busy: that one's error is the one that counts.
        let _ = remove_tree(root, &join(path, &child));
    }
    rmdir(root, path)
}

fn rmdir(root: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    match unlinkat(root, path, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

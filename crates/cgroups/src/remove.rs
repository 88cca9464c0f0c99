//! Removing a container's cgroup, with the sub-cgroups that it made.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use crate::descent::walk;
use crate::error::{At, Error};
use crate::file;
use crate::layout::Kind;
use crate::record::Record;
use crate::systemd::{Left, Unit};

/// How often a busy directory is tried again, with a delay that doubles from one millisecond: the
/// last processes of a dead container take a moment to leave.
const ATTEMPTS: u32 = 10;

/// The same, where what is busy may be another's.
const UNUSED_ATTEMPTS: u32 = 8;

impl Record {
    /// Stops the unit, if there is one, and removes the directories; what is gone is no error.
    ///
    /// # Errors
    /// When a directory is still busy after about a second; the others are removed nonetheless.
    pub fn remove(&self) -> Result<(), Error> {
        // The container's own processes are gone: those that are left came into a slice later.
        let is_slice = self.unit.as_ref().is_some_and(|unit| unit.name.ends_with(".slice"));
        if is_slice && self.pids().is_ok_and(|pids| !pids.is_empty()) {
            return Ok(());
        }
        let running = self.unit.as_ref().filter(|unit| !self.has_ended(unit));
        let stopped = running.map_or(Ok(()), Unit::stop);
        // systemd forgets a unit whose cgroup is gone: when that succeeds, all is done.
        self.remove_directories().map_err(|busy| stopped.err().unwrap_or(busy))
    }

    /// Removes those of the directories that are empty, or so within a quarter of a second; gives the
    /// others.
    ///
    /// A scope without processes is brought to its end before: systemd does not notice the end of one whose
    /// directory is taken away, and the name would stay taken.
    pub fn remove_unused(&self) -> Vec<String> {
        if let Some(unit) = self.unit.as_ref().filter(|unit| unit.is_scope()) {
            // A failure here is of no more weight than a directory that another is in.
            let _ = self.stop_unused(unit);
        }
        let mut busy: Vec<String> = self.paths().map(|(_, path)| path).collect();
        for attempt in 0..UNUSED_ATTEMPTS {
            busy.retain(|path| rustix::fs::rmdir(&**path) == Err(Errno::BUSY));
            if busy.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1 << attempt));
        }
        busy
    }

    fn stop_unused(&self, unit: &Unit) -> Result<(), Error> {
        // A `create` that was killed may have asked for it a moment ago.
        if !unit.is_known()? {
            return Ok(());
        }
        for attempt in 0..UNUSED_ATTEMPTS {
            if self.has_ended(unit) {
                return Ok(());
            }
            if self.pids()?.is_empty() {
                return unit.stop();
            }
            std::thread::sleep(Duration::from_millis(1 << attempt));
        }
        Ok(())
    }

    /// Whether the unit was a scope that systemd has ended with its last process, or does within moments, and
    /// left no directory of.
    ///
    /// Version 1 tells systemd less reliably that a cgroup is empty.
    fn has_ended(&self, unit: &Unit) -> bool {
        let Some(directory) = self.unified().filter(|_| self.kind == Kind::V2) else {
            return false;
        };
        let Ok(root) = self.open_root() else { return false };
        unit.has_ended(|| match file::read_at(root.as_fd(), &directory.file("cgroup.events")) {
            Ok(events) if events.lines().any(|line| line == "populated 0") => Left::Empty,
            Err(Errno::NOENT | Errno::NODEV) => Left::Nothing,
            _ => Left::Processes,
        })
    }

    fn remove_directories(&self) -> Result<(), Error> {
        let root = self.open_root()?;
        let mut left: Vec<String> =
            self.directories.iter().map(|directory| directory.below_root()).collect();
        left.retain(|path| rmdir(root.as_fd(), path).is_err());
        self.remove_trees(root.as_fd(), left)
    }

    /// Removes directories below the root, with all below them.
    pub(crate) fn remove_trees(
        &self,
        root: BorrowedFd<'_>,
        mut left: Vec<String>,
    ) -> Result<(), Error> {
        for attempt in 0..=ATTEMPTS {
            let mut result = Ok(());
            let mut busy = false;
            left.retain(|path| {
                let Err(errno) = remove_tree(root, path) else { return false };
                result = Err(errno).at("remove cgroup", &self.full(path));
                busy |= errno == Errno::BUSY;
                true
            });
            // What is refused for another reason is tried along, and told at last.
            if !busy || attempt == ATTEMPTS {
                return result;
            }
            std::thread::sleep(Duration::from_millis(1 << attempt));
        }
        Ok(())
    }
}

/// Removes a directory and all below it, children first.
fn remove_tree(root: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    // A busy child, or one that cannot be looked at, makes its parent busy: that one's error counts.
    let _ = walk(root, path, path, &mut |_| Ok(()), &mut |parent, name| {
        let _ = rmdir(parent, name);
    });
    rmdir(root, path)
}

fn rmdir(root: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    match unlinkat(root, path, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

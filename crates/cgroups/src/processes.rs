//! Which processes live in a cgroup and below it.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::descent::walk;
use crate::error::{At, Cause, Error};
use crate::file;
use crate::path::join;
use crate::record::Record;

impl Record {
    /// The processes of the container, those in sub-cgroups too; none if the cgroup is gone.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub fn pids(&self) -> Result<Vec<i32>, Error> {
        let root = self.open_root()?;
        match self.of_processes() {
            Some(directory) => below(root.as_fd(), self, &directory.below_root()),
            None => Ok(Vec::new()),
        }
    }
}

/// The processes in a directory and below it.
pub(crate) fn below(root: BorrowedFd<'_>, record: &Record, path: &str) -> Result<Vec<i32>, Error> {
    let full = record.full(path);
    let mut pids = Vec::new();
    let mut collect = |directory: BorrowedFd<'_>| {
        match file::read_at(directory, "cgroup.procs") {
            Ok(text) => {
                for line in text.lines() {
                    let pid = line.parse();
                    pids.push(pid.map_err(|_| Error::new("read", &full, Cause::Unreadable))?);
                }
                Ok(())
            }
            // Gone, or going; or a threaded cgroup, whose processes are listed by the domain above.
            Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno).at("read", &join(&full, "cgroup.procs")),
        }
    };
    walk(root, path, &full, &mut collect, &mut |_, _| ())?;
    Ok(pids)
}

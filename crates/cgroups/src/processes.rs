//! Which processes live in a cgroup and below it.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Dir, FileType, OFlags, fstat};
use rustix::io::Errno;

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
    let list = join(path, "cgroup.procs");
    let full = record.full(&list);
    let mut pids = Vec::new();
    match file::read_at(root, &list) {
        Ok(text) => {
            for line in text.lines() {
                let pid = line.parse();
                pids.push(pid.map_err(|_| Error::new("read", &full, Cause::Unreadable))?);
            }
        }
        // Gone, or going.
        Err(Errno::NOENT | Errno::NODEV) => return Ok(pids),
        // A threaded cgroup: its processes are listed by the domain above.
        Err(Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno).at("read", &full),
    }
    for child in children(root, path).at("list cgroup", &record.full(path))? {
        pids.extend(below(root, record, &join(path, &child))?);
    }
    Ok(pids)
}

/// The names of the directories in a directory; none if it is gone.
pub(crate) fn children(root: BorrowedFd<'_>, path: &str) -> Result<Vec<String>, Errno> {
    let fd = match file::open(root, path, OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        result => result?,
    };
    // In a cgroup hierarchy every sub-directory adds a link: two links, and there is none.
    if fstat(fd.as_fd())?.st_nlink == 2 {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in Dir::new(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if entry.file_type() == FileType::Directory && name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    Ok(names)
}

//! CPUs and memory nodes of a new cpuset of version 1, which takes no process while it has none
//! (cpuset(7)).

use std::os::fd::BorrowedFd;

use crate::error::{At, Cause, Error};
use crate::file;
use crate::path::join;
use crate::record::{Directory, Record};

/// Gives an empty cpuset what its nearest ancestor with something has; a fresh one is empty.
pub(crate) fn inherit(
    root: BorrowedFd<'_>,
    record: &Record,
    directory: &Directory,
    fresh: bool,
) -> Result<(), Error> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let cpuset = Inheritance { root, record, directory, name };
        match fresh {
            true => cpuset.fill_from_above(&directory.path)?,
            false => cpuset.value(&directory.path)?,
        };
    }
    Ok(())
}

struct Inheritance<'a> {
    root: BorrowedFd<'a>,
    record: &'a Record,
    directory: &'a Directory,
    name: &'static str,
}

impl Inheritance<'_> {
    /// The value at a path below the mount point, filled in from above if it was empty.
    fn value(&self, path: &str) -> Result<String, Error> {
        let file = self.file(path);
        let value = file::read_at(self.root, &file).at("read", &self.record.full(&file))?;
        match value.trim() {
            "" if !path.is_empty() => self.fill_from_above(path),
            value => Ok(value.to_owned()),
        }
    }

    fn fill_from_above(&self, path: &str) -> Result<String, Error> {
        let above = self.value(path.rsplit_once('/').map_or("", |(parent, _)| parent))?;
        let file = self.file(path);
        let subject = || format!("{above:?} to {}", self.record.full(&file));
        match file::write_at(self.root, &file, &above) {
            Ok(()) => Ok(above),
            Err(errno) => Err(Error::new("write", subject(), Cause::Errno(errno))),
        }
    }

    fn file(&self, path: &str) -> String {
        join(&join(&self.directory.mount, path), self.name)
    }
}

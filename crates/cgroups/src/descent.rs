//! A way through a cgroup and all below it, whatever a container has made there.
//!
//! One that may make cgroups of its own can nest them until their paths are too long for the kernel,
//! and deeper than descriptors or the stack last: the way goes from directory to directory, and holds
//! one of them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::error::{At, Error};
use crate::file;

const READ: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Shows each directory to `enter` before those below it, and to `leave`, by parent and name, when it
/// is done, but for the first one. What is gone is passed over; `full` is the path for messages.
pub(crate) fn walk(
    root: BorrowedFd<'_>,
    path: &str,
    full: &str,
    enter: &mut dyn FnMut(BorrowedFd<'_>) -> Result<(), Error>,
    leave: &mut dyn FnMut(BorrowedFd<'_>, &str),
) -> Result<(), Error> {
    let open = |dir: BorrowedFd<'_>, name: &str| match file::open(dir, name, READ) {
        Err(Errno::NOENT | Errno::NODEV) => Ok(None),
        other => other.map(Some).at("list cgroup", full),
    };
    let Some(mut here) = open(root, path)? else { return Ok(()) };
    enter(here.as_fd())?;
    let mut names: Vec<String> = Vec::new();
    let mut left = vec![children(&here).at("list cgroup", full)?];
    while let Some(level) = left.last_mut() {
        if let Some(name) = level.pop() {
            let Some(child) = open(here.as_fd(), &name)? else { continue };
            enter(child.as_fd())?;
            left.push(children(&child).at("list cgroup", full)?);
            names.push(name);
            here = child;
            continue;
        }
        left.pop();
        let Some(name) = names.pop() else { break };
        here = match openat(&here, "..", READ | OFlags::CLOEXEC, Mode::empty()) {
            // Somebody else removes it all.
            Err(Errno::NOENT | Errno::NODEV) => break,
            other => other.at("list cgroup", full)?,
        };
        leave(here.as_fd(), &name);
    }
    Ok(())
}

/// The names of the directories in a directory; none if it is gone.
fn children(directory: &OwnedFd) -> Result<Vec<String>, Errno> {
    // In a cgroup hierarchy every sub-directory adds a link: two links, and there is none.
    if fstat(directory)?.st_nlink == 2 {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    let entries = match Dir::read_from(directory) {
        Err(Errno::NOENT | Errno::NODEV) => return Ok(names),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if entry.file_type() == FileType::Directory && name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    Ok(names)
}

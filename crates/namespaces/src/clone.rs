//! The one place where processes are made: `clone3(2)` with namespaces, a pidfd and a cgroup.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::{NamespaceSet, sys};

/// What a new process gets besides a copy of the caller.
#[derive(Debug, Default)]
pub struct CloneRequest<'fd> {
    /// Namespaces that are created for it.
    pub namespaces: NamespaceSet,
    /// The cgroup v2 directory that it starts in (`CLONE_INTO_CGROUP`, Linux 5.7).
    pub cgroup: Option<BorrowedFd<'fd>>,
    /// Whether the caller's parent becomes its parent (`CLONE_PARENT`).
    pub sibling: bool,
}

/// The new process as its maker sees it.
#[derive(Debug)]
pub struct Child {
    /// Its id in the maker's pid namespace.
    pub pid: Pid,
    /// The handle by which it is signalled and waited for.
    pub pidfd: OwnedFd,
}

/// On which side of the fork the caller is.
#[derive(Debug)]
pub enum Fork {
    /// In the process that called [`clone`].
    Parent(Child),
    /// In the new process.
    Child,
}

/// Why no process was made.
#[derive(Debug, PartialEq, Eq)]
pub enum CloneError {
    /// The caller has more than one thread; a fork would copy their locks in whatever state they are.
    Threads(usize),
    /// `clone3(2)` failed.
    Clone(Errno),
}

/// Makes a copy of the calling process, in new namespaces and, if asked for, in another cgroup.
///
/// The caller must be single-threaded, so that the copy may do all that the caller may.
/// Errors are those of `clone3(2)`; a missing pid 1 or a full pid cgroup is EAGAIN.
pub fn clone(request: &CloneRequest<'_>) -> Result<Fork, CloneError> {
    debug_assert_single_threaded()?;
    sys::clone3(request).map_err(CloneError::Clone)
}

/// Counts the threads in builds with debug assertions; a release build trusts the tests of these.
fn debug_assert_single_threaded() -> Result<(), CloneError> {
    if !cfg!(debug_assertions) || cfg!(test) {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads == 1 { Ok(()) } else { Err(CloneError::Threads(threads)) }
}

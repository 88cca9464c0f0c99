//! The one place where processes are made: `clone3(2)` with namespaces, a pidfd and a cgroup.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::{Namespace, NamespaceSet, handle, sys};

/// What a new process gets besides a copy of the caller.
#[derive(Debug, Default)]
pub struct CloneRequest<'fd> {
    /// Namespaces that are created for it.
    pub namespaces: NamespaceSet,
    /// The cgroup v2 directory that it starts in (`CLONE_INTO_CGROUP`, Linux 5.7; it waits to be moved
    /// there before).
    pub cgroup: Option<BorrowedFd<'fd>>,
    /// Whether the caller's parent becomes its parent (`CLONE_PARENT`).
    pub sibling: bool,
}

/// The new process as its maker sees it.
#[derive(Debug)]
pub struct Child {
    /// Its id in the maker's pid namespace.
    pub pid: Pid,
    /// The handle by which it is signalled and waited for: a pidfd, or what takes its place
    /// ([`open_handle`](crate::open_handle)).
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
    match sys::clone3(request) {
        // Before Linux 5.3, or a seccomp profile that looks at flags, which it can't see there: a
        // startContainer hook is made under the container's filter. E2BIG is Linux before 5.7, which
        // knows no cgroup there.
        Err(Errno::NOSYS | Errno::TOOBIG) => clone_in_steps(request),
        other => other,
    }
    .map_err(CloneError::Clone)
}

/// The same by `clone(2)`: the child waits until it is in its cgroup.
fn clone_in_steps(request: &CloneRequest<'_>) -> Result<Fork, Errno> {
    if request.namespaces.contains(Namespace::Time) {
        return Err(Errno::NOSYS);
    }
    let Some(cgroup) = request.cgroup else {
        return Ok(match sys::clone_plainly(request)? {
            None => Fork::Child,
            Some(pid) => Fork::Parent(child(pid)?),
        });
    };
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let processes = rustix::fs::openat(cgroup, "cgroup.procs", flags, Mode::empty())?;
    let (moved, tell) = pipe_with(PipeFlags::CLOEXEC)?;
    let Some(pid) = sys::clone_plainly(request)? else {
        drop(tell);
        return match retry_on_intr(|| rustix::io::read(&moved, &mut [0])) {
            Ok(1) => Ok(Fork::Child),
            _ => sys::exit_now(1),
        };
    };
    let child = child(pid)?;
    let text = pid.as_raw_nonzero().to_string();
    let written =
        rustix::io::write(&processes, text.as_bytes()).and_then(|_| rustix::io::write(&tell, b"x"));
    drop(tell);
    if let Err(errno) = written {
        let _ = handle::wait_for_end(child.pidfd.as_fd());
        return Err(errno);
    }
    Ok(Fork::Parent(child))
}

fn child(pid: Pid) -> Result<Child, Errno> {
    Ok(Child { pid, pidfd: handle::open_handle(pid)? })
}

/// Counts the threads in builds with debug assertions; a release build trusts the tests of these.
fn debug_assert_single_threaded() -> Result<(), CloneError> {
    if !cfg!(debug_assertions) || cfg!(test) {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads == 1 { Ok(()) } else { Err(CloneError::Threads(threads)) }
}

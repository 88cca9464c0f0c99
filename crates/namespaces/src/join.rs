//! Joining namespaces that exist: by file, or all of a process at once by pidfd.

use std::ffi::CStr;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::{Namespace, NamespaceSet, send_signal, sys};

/// An open file that stands for a namespace of a known kind.
#[derive(Debug)]
pub struct NamespaceFile {
    kind: Namespace,
    file: OwnedFd,
}

/// Why a namespace file was not opened or joined.
#[derive(Debug, PartialEq, Eq)]
pub enum JoinError {
    /// `open(2)` failed.
    Open(Errno),
    /// The file is not a namespace, or one of another kind (its `CLONE_NEW*` flag, if any).
    WrongKind(Option<u64>),
    /// `setns(2)` failed.
    Join(Errno),
}

impl NamespaceFile {
    /// Opens the file at `path` and checks that it is a namespace of this kind (`ioctl_nsfs(2)`).
    pub fn open(kind: Namespace, path: &CStr) -> Result<NamespaceFile, JoinError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(JoinError::Open)?;
        match sys::namespace_type(file.as_fd()) {
            Ok(flag) if flag == kind.flag() => Ok(NamespaceFile { kind, file }),
            Ok(flag) => Err(JoinError::WrongKind(Some(flag))),
            Err(_) => Err(JoinError::WrongKind(None)),
        }
    }

    /// The kind of this namespace.
    pub fn kind(&self) -> Namespace {
        self.kind
    }

    /// Moves the caller into the namespace; for pid, only its later children (`setns(2)`).
    pub fn join(&self) -> Result<(), JoinError> {
        sys::setns(self.file.as_fd(), self.kind.flag()).map_err(JoinError::Join)
    }
}

impl AsFd for NamespaceFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Open(errno) | JoinError::Join(errno) => write!(f, "{errno}"),
            JoinError::WrongKind(None) => write!(f, "it is not a namespace file"),
            JoinError::WrongKind(Some(flag)) => {
                let kind = Namespace::ALL.into_iter().find(|kind| kind.flag() == *flag);
                write!(f, "it is a {} namespace", kind.map_or("unknown", Namespace::name))
            }
        }
    }
}

/// Joins the namespaces in `set` of the process behind `pidfd` in one call (Linux 5.8).
///
/// EINVAL from an older kernel, EBADF from one without pidfds.
pub fn join_all_of_process(pidfd: BorrowedFd<'_>, set: NamespaceSet) -> Result<(), Errno> {
    sys::setns(pidfd, set.flags())
}

/// Opens the files of the namespaces in `set` of the process behind `pidfd`, to be joined one by one.
pub fn open_all_of_process(
    pid: Pid,
    pidfd: BorrowedFd<'_>,
    set: NamespaceSet,
) -> Result<Vec<NamespaceFile>, Errno> {
    let open = |kind: Namespace| {
        let path = format!("/proc/{}/ns/{}", pid.as_raw_nonzero(), kind.proc_name());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(NamespaceFile { kind, file })
    };
    let files = set.iter().map(open).collect::<Result<Vec<_>, Errno>>()?;
    // They are the process's own if it had its id until now.
    send_signal(pidfd, 0).map(|()| files)
}

/// Moves the caller into new namespaces (`unshare(2)`).
pub fn unshare(set: NamespaceSet) -> Result<(), Errno> {
    sys::unshare(set.flags())
}

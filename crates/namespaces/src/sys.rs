//! System calls that rustix does not wrap.
#![allow(unsafe_code)]

use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::{Child, CloneRequest, Fork};

/// `struct clone_args` of `linux/sched.h`, as of Linux 5.7.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

const CLONE_PIDFD: u64 = 0x1000;
const CLONE_PARENT: u64 = 0x8000;
/// Not taken from libc, which has 0 for it on linux-gnu.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// `ioctl_nsfs(2)`.
const NS_GET_NSTYPE: libc::c_ulong = 0xb703;

/// `clone3(2)` as a fork: the child continues on a copy of the caller's stack.
pub fn clone3(request: &CloneRequest<'_>) -> Result<Fork, Errno> {
    let mut pidfd: RawFd = -1;
    let mut args = CloneArgs {
        flags: request.namespaces.flags() | CLONE_PIDFD,
        pidfd: (&raw mut pidfd) as u64,
        // With CLONE_PARENT the kernel takes the signal of the caller, and wants zero here.
        exit_signal: if request.sibling { 0 } else { libc::SIGCHLD as u64 },
        ..CloneArgs::default()
    };
    if request.sibling {
        args.flags |= CLONE_PARENT;
    }
    if let Some(cgroup) = request.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: the memory is copied, not shared (no CLONE_VM), and no stack is given, so the child
    // returns here on its own copy. `args` and `pidfd` live in this frame and have the sizes that
    // the kernel is told. The caller is single-threaded (`clone` checks), so no lock of libc or of
    // the allocator is held by a thread which the child lacks.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<CloneArgs>()) };
    match result {
        -1 => Err(last_errno()),
        0 => Ok(Fork::Child),
        pid => {
            // SAFETY: the kernel stored a new descriptor that nobody else owns (CLONE_PIDFD).
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = Pid::from_raw(pid as i32).ok_or(Errno::SRCH)?;
            Ok(Fork::Parent(Child { pid, pidfd }))
        }
    }
}

/// `clone(2)` as a fork, with what it can do of a request: no pidfd, no cgroup. None in the child.
pub fn clone_plainly(request: &CloneRequest<'_>) -> Result<Option<Pid>, Errno> {
    let mut flags = request.namespaces.flags() | libc::SIGCHLD as u64;
    if request.sibling {
        flags |= CLONE_PARENT;
    }
    let (first, second) = if cfg!(target_arch = "s390x") { (0, flags) } else { (flags, 0) };
    // SAFETY: as for `clone3`: a copy of the memory, and no stack is given. No pointer is passed.
    match unsafe { libc::syscall(libc::SYS_clone, first, second, 0, 0, 0) } {
        -1 => Err(last_errno()),
        0 => Ok(None),
        pid => Pid::from_raw(pid as i32).ok_or(Errno::SRCH).map(Some),
    }
}

/// Ends a forked child at once, without destructors.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit takes no memory and does not return; a forked child has no destructor to run.
    unsafe { libc::_exit(status) }
}

/// `pidfd_send_signal(2)`
pub fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let info = std::ptr::null::<libc::siginfo_t>();
    let number = libc::SYS_pidfd_send_signal;
    // SAFETY: the pointer is null, so no memory is passed; the descriptor is borrowed.
    let result = unsafe { libc::syscall(number, pidfd.as_raw_fd(), signal, info, 0) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Makes a process the owner of a file (`F_SETOWN`); ESRCH if there is none of that id.
pub fn set_owner(file: BorrowedFd<'_>, pid: Pid) -> Result<(), Errno> {
    // SAFETY: only numbers are passed; the descriptor is borrowed.
    let result =
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, pid.as_raw_nonzero().get()) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// The owner of a file (`F_GETOWN`); none if it is gone.
pub fn owner(file: BorrowedFd<'_>) -> Result<Option<Pid>, Errno> {
    // SAFETY: no memory is passed; the descriptor is borrowed.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETOWN) };
    if result < 0 { Err(last_errno()) } else { Ok(Pid::from_raw(result)) }
}

/// `kill(2)`
pub fn kill(pid: Pid, signal: i32) -> Result<(), Errno> {
    // SAFETY: only numbers are passed.
    let result = unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// The `CLONE_NEW*` flag of the namespace that a file stands for (`ioctl_nsfs(2)`, Linux 4.11).
pub fn namespace_type(file: BorrowedFd<'_>) -> Result<u64, Errno> {
    // SAFETY: this ioctl takes no argument and touches no memory; the descriptor is borrowed.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE as _) };
    if result < 0 { Err(last_errno()) } else { Ok(result as u64) }
}

/// `setns(2)`; the descriptor is a namespace file or a pidfd.
pub fn setns(file: BorrowedFd<'_>, flags: u64) -> Result<(), Errno> {
    // SAFETY: no memory is passed; the descriptor is borrowed.
    let result = unsafe { libc::setns(file.as_raw_fd(), flags as libc::c_int) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// `unshare(2)` of namespaces only: the descriptor table and the memory stay as they are.
pub fn unshare(flags: u64) -> Result<(), Errno> {
    // SAFETY: `flags` holds CLONE_NEW* only (it comes from a NamespaceSet), so no memory or
    // descriptor table that Rust relies on changes its owner.
    let result = unsafe { libc::unshare(flags as libc::c_int) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

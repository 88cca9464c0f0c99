//! The seccomp(2) system call.
#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::{Filter, LoadError};

// `SECCOMP_FILTER_FLAG_*` of `linux/seccomp.h`.
pub(crate) const LOG: u32 = 1 << 1;
pub(crate) const SPEC_ALLOW: u32 = 1 << 2;
pub(crate) const NEW_LISTENER: u32 = 1 << 3;
pub(crate) const WAIT_KILLABLE_RECV: u32 = 1 << 5;

const SET_MODE_FILTER: libc::c_ulong = 1;
const GET_ACTION_AVAIL: libc::c_ulong = 2;

/// Installs `filter` for the calling thread, and returns the listener if the filter notifies.
///
/// Does not allocate and does not set `no_new_privs`. See seccomp(2), `SECCOMP_SET_MODE_FILTER`.
pub fn load(filter: &Filter) -> Result<Option<OwnedFd>, LoadError> {
    let program = filter.instructions();
    let flags = filter.flags();
    let failed = |errno| LoadError { errno, instructions: program.len(), flags };
    // The compiler keeps programs below the kernel's limit of 4,096.
    let len = u16::try_from(program.len()).map_err(|_| failed(Errno::INVAL))?;
    let prog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `prog` points to `len` instructions of the layout of `sock_filter` (checked by a
    // test of `Instruction`) that outlive the call, and the kernel only reads them.
    let ret = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const prog) };
    if ret < 0 {
        return Err(failed(last_errno()));
    }
    if flags & NEW_LISTENER == 0 {
        return Ok(None);
    }
    let fd = i32::try_from(ret).map_err(|_| failed(Errno::BADF))?;
    // SAFETY: with SECCOMP_FILTER_FLAG_NEW_LISTENER the kernel returns a new descriptor that
    // nobody else owns.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// Whether the kernel knows the action `code` (a `SECCOMP_RET_*` value).
pub(crate) fn action_available(code: u32) -> bool {
    // SAFETY: the kernel reads one u32 from a pointer to a live u32.
    let ret = unsafe { libc::syscall(libc::SYS_seccomp, GET_ACTION_AVAIL, 0, &raw const code) };
    ret == 0
}

/// Whether the kernel knows the flags in `flags`.
///
/// A null program makes a known flag fail with EFAULT and an unknown one with EINVAL, before
/// anything is installed.
pub(crate) fn flags_available(flags: u32) -> bool {
    let none = std::ptr::null::<libc::sock_fprog>();
    // SAFETY: the kernel checks the pointer itself and answers EFAULT for null.
    let ret = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, none) };
    ret < 0 && last_errno() == Errno::FAULT
}

fn last_errno() -> Errno {
    // std reads errno without another system call.
    let raw = std::io::Error::last_os_error().raw_os_error();
    Errno::from_raw_os_error(raw.unwrap_or(libc::EINVAL))
}

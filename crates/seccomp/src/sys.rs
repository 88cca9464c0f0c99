//! The seccomp(2) system call.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::notify::Notification;
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

// `SECCOMP_IOCTL_*` and `SECCOMP_USER_NOTIF_FLAG_*` of `linux/seccomp.h`.
const NOTIF_RECV: u64 = 0xc050_2100;
const NOTIF_SEND: u64 = 0xc018_2101;
const CONTINUE: u32 = 1;

/// `struct seccomp_notif` with `struct seccomp_data` in it. The size is a part of the ioctl's
/// number, so that a kernel with a longer one would have another number for it.
#[repr(C)]
#[derive(Default)]
struct Notif {
    id: u64,
    pid: u32,
    flags: u32,
    number: u32,
    audit: u32,
    instruction_pointer: u64,
    arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Waits for the next call of a listener.
pub(crate) fn receive_notification(listener: BorrowedFd<'_>) -> Result<Notification, Errno> {
    let mut notif = Notif::default();
    ioctl(listener, NOTIF_RECV, (&raw mut notif).cast())?;
    Ok(Notification { id: notif.id, audit: notif.audit, number: notif.number })
}

/// Answers a call of a listener by letting it go on.
pub(crate) fn answer_continue(listener: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let mut response = Response { id, value: 0, error: 0, flags: CONTINUE };
    ioctl(listener, NOTIF_SEND, (&raw mut response).cast())
}

/// `argument` points to a live structure of the size that is in `request`.
fn ioctl(fd: BorrowedFd<'_>, request: u64, argument: *mut libc::c_void) -> Result<(), Errno> {
    debug_assert!(
        [size_of::<Notif>(), size_of::<Response>()].contains(&(request as usize >> 16 & 0x3fff))
    );
    // SAFETY: both callers pass a pointer to a structure of theirs of the size that the number
    // says, and that is all that the kernel reads and writes.
    let ret = unsafe { libc::ioctl(fd.as_raw_fd(), request as _, argument) };
    if ret < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    // std reads errno without another system call.
    let raw = std::io::Error::last_os_error().raw_os_error();
    Errno::from_raw_os_error(raw.unwrap_or(libc::EINVAL))
}

//! The agent's side of a filter that notifies (seccomp_unotify(2)).

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::sys;

/// A call that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// What the answer is given for.
    pub id: u64,
    /// The architecture as the kernel calls it (`AUDIT_ARCH_*`).
    pub audit: u32,
    /// The number of the call.
    pub number: u32,
}

/// Waits for a call; none if the caller died before it was read, or was interrupted.
///
/// EINTR if a signal came meanwhile. `SECCOMP_IOCTL_NOTIF_RECV`, Linux 5.0.
pub fn receive(listener: BorrowedFd<'_>) -> Result<Option<Notification>, Errno> {
    match sys::receive_notification(listener) {
        Err(Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

/// Lets a call go on as if there were no filter; nothing happens if its caller is gone.
///
/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`, Linux 5.5.
pub fn let_pass(listener: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    match sys::answer_continue(listener, id) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

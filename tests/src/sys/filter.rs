//! Loads a filter of system calls into a child before its exec, and answers the calls it asks about.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{sock_filter, sock_fprog};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::check;
use super::seccomp::{Answer, answer, receive_notification};
use crate::old_kernel::TRIES;

/// Loads a filter for the caller and all its children.
pub fn load(program: &[sock_filter], asks: bool) -> Result<(), Errno> {
    let filter = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    let flags = if asks { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    // SAFETY: the filter and its instructions live until the call returns.
    let result = check(unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, mode, flags, &raw const filter)
    });
    match result {
        Err(Errno::ACCESS) => {
            // Without CAP_SYS_ADMIN a filter takes the promise to gain no privileges.
            rustix::thread::set_no_new_privs(true)?;
            load(program, asks)
        }
        Ok(number) if asks => {
            // SAFETY: the kernel gave a new descriptor, which nobody else owns.
            leave_to_another(unsafe { OwnedFd::from_raw_fd(number as i32) })
        }
        other => other.map(drop),
    }
}

/// Makes a process that answers, and is nobody's child when this returns.
fn leave_to_another(listener: OwnedFd) -> Result<(), Errno> {
    // SAFETY: a copy of a process with one thread of its own after `fork`, as `pre_exec` has it: only
    // plain system calls follow.
    match check(unsafe { libc::fork() }.into())? {
        0 => {
            // SAFETY: as above.
            if unsafe { libc::fork() } == 0 {
                serve(&listener);
            }
            // SAFETY: ends this process at once; it has nothing to clean up.
            unsafe { libc::_exit(0) }
        }
        child => super::seccomp::wait(child as i32).map(drop),
    }
}

fn serve(listener: &OwnedFd) {
    let number = listener.as_raw_fd();
    for fd in (0..256).filter(|fd| *fd != number) {
        // SAFETY: this process uses no other descriptor from here on.
        unsafe { libc::close(fd) };
    }
    let listener: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(listener);
    let mut count = 0;
    loop {
        let mut fds = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if fds[0].revents().contains(PollFlags::HUP) {
            return;
        }
        let Ok(call) = receive_notification(listener) else { continue };
        count = (count + 1) % (TRIES + 1);
        let word = if count == 0 { Answer::Continue } else { Answer::Error(libc::EAGAIN) };
        let _ = answer(listener, &call, word);
    }
}

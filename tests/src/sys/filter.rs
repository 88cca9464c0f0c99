//! Loads a filter of system calls into a child before its exec, and answers the calls it asks about.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{sock_filter, sock_fprog};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::check;
use super::seccomp::{Answer, answer, receive_notification};
use crate::old_kernel::TRIES;

/// Loads a filter for the caller and all its children; with `asks`, another process answers for it.
pub fn load(program: &[sock_filter], asks: bool) -> Result<(), Errno> {
    // Before the filter: one who has it too would never see the last of the others go.
    let answerer = if asks { Some(Answerer::start()?) } else { None };
    let filter = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    let flags = if asks { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    let result = match install(&filter, flags) {
        Err(Errno::ACCESS) => {
            // Without CAP_SYS_ADMIN a filter takes the promise to gain no privileges.
            rustix::thread::set_no_new_privs(true)?;
            install(&filter, flags)
        }
        other => other,
    }?;
    match answerer {
        // SAFETY: the kernel gave a new descriptor, which nobody else owns.
        Some(answerer) => answerer.hand_over(unsafe { OwnedFd::from_raw_fd(result as i32) }),
        None => Ok(()),
    }
}

fn install(filter: &sock_fprog, flags: u64) -> Result<i64, Errno> {
    // SAFETY: the filter and its instructions live until the call returns.
    check(unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, mode, flags, std::ptr::from_ref(filter))
    })
}

/// A process that answers the filter's questions, and is nobody's child.
struct Answerer {
    tell: OwnedFd,
    taken: OwnedFd,
}

impl Answerer {
    fn start() -> Result<Answerer, Errno> {
        let (told, tell) = pipe_with(PipeFlags::CLOEXEC)?;
        let (taken, take) = pipe_with(PipeFlags::CLOEXEC)?;
        let asker = rustix::process::getpid();
        // SAFETY: a copy of a process with one thread of its own after `fork`, as `pre_exec` has it:
        // only plain system calls follow, here and in the copy's copy.
        match check(unsafe { libc::fork() }.into())? {
            0 => {
                drop(tell);
                // SAFETY: as above.
                if unsafe { libc::fork() } == 0 {
                    let _ = take_and_serve(asker, &told, take);
                }
                // SAFETY: ends this process at once; it has nothing to clean up.
                unsafe { libc::_exit(0) }
            }
            child => super::seccomp::wait(child as i32).map(|_| Answerer { tell, taken }),
        }
    }

    fn hand_over(self, listener: OwnedFd) -> Result<(), Errno> {
        rustix::io::write(&self.tell, &listener.as_raw_fd().to_ne_bytes())?;
        rustix::io::read(&self.taken, &mut [0u8; 1]).map(drop)
    }
}

fn take_and_serve(asker: Pid, told: &OwnedFd, take: OwnedFd) -> Result<(), Errno> {
    let mut number = [0u8; 4];
    rustix::io::read(told, &mut number)?;
    let pidfd = pidfd_open(asker, PidfdFlags::empty())?;
    let number = i32::from_ne_bytes(number);
    let listener = pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty())?;
    rustix::io::write(&take, b"x")?;
    drop(take);
    serve(&listener);
    Ok(())
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

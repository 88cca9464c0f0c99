//! Handles on processes: pidfds, and before Linux 5.3 a pipe that is owned by the process.
//!
//! The kernel keeps the owner of a file (`F_SETOWN` of `fcntl(2)`) as the process, not as a number:
//! whoever gets its id later, the owner is gone, and a reader in another pid namespace sees the id
//! that it has there. What a pidfd can be asked for directly takes a look at the owner here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open};

use crate::sys;

/// How long a look at a process stays true while it is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Opens a handle on a process; ESRCH if there is none of that id (`pidfd_open(2)`, Linux 5.3).
pub fn open_handle(pid: Pid) -> Result<OwnedFd, Errno> {
    match pidfd_open(pid, PidfdFlags::empty()) {
        // EPERM is a filter that is older than the call.
        Err(Errno::NOSYS | Errno::PERM) => open_owned(pid),
        // The id is a thread's now (EINVAL before Linux 6.9).
        Err(Errno::NOENT | Errno::INVAL) => Err(Errno::SRCH),
        other => other,
    }
}

/// A pipe that nobody writes to, with the process as its owner.
fn open_owned(pid: Pid) -> Result<OwnedFd, Errno> {
    let (handle, _) = pipe_with(PipeFlags::CLOEXEC)?;
    sys::set_owner(handle.as_fd(), pid)?;
    Ok(handle)
}

/// Whether a handle is a pidfd.
pub fn is_pidfd(handle: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(handle)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::Fifo)
}

/// Sends a signal by number, real-time ones too (`pidfd_send_signal(2)`, Linux 5.1).
///
/// Without pidfds the id is looked up, and may in theory be another's when the signal is sent.
pub fn send_signal(handle: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    match sys::pidfd_send_signal(handle, signal) {
        Err(_) if !is_pidfd(handle) => sys::kill(look(handle)?, signal),
        other => other,
    }
}

/// Waits until a child has ended, and reaps it (`waitid(2)` with P_PIDFD, Linux 5.4).
pub fn wait_for_end(handle: BorrowedFd<'_>) -> Result<Option<WaitIdStatus>, Errno> {
    wait(handle, WaitIdOptions::EXITED)
}

/// The same without reaping it.
pub fn see_end(handle: BorrowedFd<'_>) -> Result<Option<WaitIdStatus>, Errno> {
    wait(handle, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
}

fn wait(handle: BorrowedFd<'_>, options: WaitIdOptions) -> Result<Option<WaitIdStatus>, Errno> {
    match retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(handle), options)) {
        Err(Errno::INVAL | Errno::BADF) => {
            // A child that was not waited for keeps its id.
            let pid = look(handle)?;
            retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), options))
        }
        other => other,
    }
}

/// `poll(2)`, where a handle of either kind is ready when its process has ended.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    let ready = rustix::event::poll(fds, timeout)?;
    if fds.iter().any(may_be_owned) { poll_owned(fds, timeout) } else { Ok(ready) }
}

/// A pipe without a writer has ended and nothing to read, which is never so for a pidfd.
fn may_be_owned(fd: &PollFd<'_>) -> bool {
    fd.revents() & (PollFlags::HUP | PollFlags::IN) == PollFlags::HUP
}

fn poll_owned(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    let limit = timeout.and_then(|time| Duration::try_from(*time).ok());
    let start = Instant::now();
    loop {
        for fd in fds.iter_mut().filter(|fd| may_be_owned(fd)) {
            if look(fd.as_fd()).is_ok_and(has_not_ended) {
                fd.clear_revents();
            }
        }
        let ready = fds.iter().filter(|fd| !fd.revents().is_empty()).count();
        if ready > 0 || limit.is_some_and(|limit| start.elapsed() >= limit) {
            return Ok(ready);
        }
        std::thread::sleep(PAUSE);
        rustix::event::poll(fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    }
}

/// The process behind a pipe; ESRCH if it is gone.
fn look(handle: BorrowedFd<'_>) -> Result<Pid, Errno> {
    sys::owner(handle)?.ok_or(Errno::SRCH)
}

/// A child is asked for without reaping it; of others, /proc tells whether they are zombies.
fn has_not_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::process::waitid(WaitId::Pid(pid), options) {
        Ok(status) => status.is_none(),
        Err(_) => std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero()))
            .is_ok_and(|stat| is_alive(&String::from_utf8_lossy(&stat))),
    }
}

/// `proc_pid_stat(5)`: the name in parentheses may have any character.
fn is_alive(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X', 'x']))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test may start processes")]
    use super::*;
    use std::process::Command;

    #[test]
    fn an_owned_pipe_does_what_a_pidfd_does() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        let handle = open_owned(pid).unwrap();
        assert!(!is_pidfd(handle.as_fd()));
        let short = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut fds = [PollFd::new(&handle, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&short)), Ok(0));
        send_signal(handle.as_fd(), 9).unwrap();
        assert_eq!(poll(&mut fds, None), Ok(1));
        let status = wait_for_end(handle.as_fd()).unwrap().unwrap();
        assert_eq!(status.terminating_signal(), Some(9));
        assert_eq!(send_signal(handle.as_fd(), 9), Err(Errno::SRCH));
        assert_eq!(open_owned(pid).unwrap_err(), Errno::SRCH);
        assert!(child.try_wait().is_err());
    }

    #[test]
    fn a_thread_is_no_process() {
        let (tell, hear) = std::sync::mpsc::channel();
        let (stop, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            let _ = wait.recv();
        });
        let id = hear.recv().unwrap();
        assert_eq!(open_handle(id).unwrap_err(), Errno::SRCH);
        drop(stop);
        thread.join().unwrap();
    }

    #[test]
    fn a_pidfd_is_told_from_a_pipe() {
        let own = rustix::process::getpid();
        let handle = open_handle(own).unwrap();
        assert!(is_pidfd(handle.as_fd()));
        assert_eq!(send_signal(handle.as_fd(), 0), Ok(()));
        assert!(has_not_ended(own));
    }

    #[test]
    fn names_of_processes_may_have_any_character() {
        assert!(is_alive("7 (a) Z (b) S 1"));
        assert!(!is_alive("7 (a) Z 1"));
        assert!(!is_alive("7"));
    }
}

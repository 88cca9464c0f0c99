//! Handles on processes: pidfds, and before Linux 5.3 the process's directory in /proc.
//!
//! Both stand for one process, whoever gets its id later. A directory can't be polled or signalled
//! itself: what a pidfd does alone takes a look into it here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open};

use crate::sys;

/// How long a look at a process's directory stays true while it is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Opens a handle on a process; ESRCH if there is none of that id (`pidfd_open(2)`, Linux 5.3).
pub fn open_handle(pid: Pid) -> Result<OwnedFd, Errno> {
    match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::NOSYS) => open_directory(&format!("/proc/{}", pid.as_raw_nonzero())),
        other => other,
    }
}

pub(crate) fn open_directory(path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Err(Errno::NOENT) => Err(Errno::SRCH),
        other => other,
    }
}

/// Whether a handle is a pidfd, not a directory.
pub fn is_pidfd(handle: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(handle)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::Directory)
}

/// Sends a signal by number, real-time ones too (`pidfd_send_signal(2)`, Linux 5.1).
///
/// Without pidfds the id is read from the directory, and may in theory be another's when the signal
/// is sent.
pub fn send_signal(handle: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    match sys::pidfd_send_signal(handle, signal) {
        Err(Errno::NOSYS | Errno::BADF) => sys::kill(look(handle)?.0, signal),
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
            let (pid, _) = look(handle)?;
            retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), options))
        }
        other => other,
    }
}

/// `poll(2)`, where a handle of either kind is ready when its process has ended.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    let ready = rustix::event::poll(fds, timeout)?;
    if fds.iter().any(|fd| fd.revents().contains(PollFlags::NVAL)) {
        return poll_directories(fds, timeout);
    }
    Ok(ready)
}

/// The kernel calls an O_PATH descriptor invalid: that is how a directory is known.
fn poll_directories(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize, Errno> {
    let limit = timeout.and_then(|time| Duration::try_from(*time).ok());
    let start = Instant::now();
    loop {
        for fd in fds.iter_mut() {
            if fd.revents().contains(PollFlags::NVAL) && look(fd.as_fd()).is_ok_and(|(_, up)| up) {
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

/// The id of the process behind a directory, and whether it is more than a zombie.
fn look(directory: BorrowedFd<'_>) -> Result<(Pid, bool), Errno> {
    let gone = |errno| if errno == Errno::NOENT { Errno::SRCH } else { errno };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, "stat", flags, Mode::empty()).map_err(gone)?;
    let mut text = [0; 512];
    let count = retry_on_intr(|| rustix::io::read(&file, &mut text))?;
    parse(&String::from_utf8_lossy(&text[..count])).ok_or(Errno::SRCH)
}

/// `proc_pid_stat(5)`: the name in parentheses may have any character.
fn parse(stat: &str) -> Option<(Pid, bool)> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some((Pid::from_raw(pid)?, !rest.starts_with(['Z', 'X', 'x'])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn directory_of(pid: u32) -> OwnedFd {
        open_directory(&format!("/proc/{pid}")).unwrap()
    }

    #[test]
    fn a_directory_does_what_a_pidfd_does() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = directory_of(child.id());
        assert!(!is_pidfd(handle.as_fd()));
        let short = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut fds = [PollFd::new(&handle, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&short)), Ok(0));
        send_signal(handle.as_fd(), 9).unwrap();
        assert_eq!(poll(&mut fds, None), Ok(1));
        let status = wait_for_end(handle.as_fd()).unwrap().unwrap();
        assert_eq!(status.terminating_signal(), Some(9));
        assert_eq!(send_signal(handle.as_fd(), 9), Err(Errno::SRCH));
        assert!(child.try_wait().is_err());
    }

    #[test]
    fn a_pidfd_is_told_from_a_directory() {
        let own = rustix::process::getpid();
        let handle = open_handle(own).unwrap();
        assert!(is_pidfd(handle.as_fd()));
        assert_eq!(send_signal(handle.as_fd(), 0), Ok(()));
    }

    #[test]
    fn names_of_processes_may_have_any_character() {
        let pid = Pid::from_raw(7).unwrap();
        assert_eq!(parse("7 (a) Z (b) S 1"), Some((pid, true)));
        assert_eq!(parse("7 (a) Z 1"), Some((pid, false)));
        assert_eq!(parse("7"), None);
    }
}

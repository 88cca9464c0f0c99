//! `wait`: stays until a container has ended, and finds out how, although its parent is another.

use std::os::fd::{AsFd, BorrowedFd};

use ::namespaces::{open_handle, poll};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::Pid;

use crate::container::{Container, Status, has_inode};
use crate::error::{At, Error, Result};
use crate::procfs;
use crate::state::State;
use crate::step::Step;
use crate::sys;

/// Waits for the end of the container process; its exit status, or 128 and the number of the signal
/// that ended it. None if nobody knows: it ended before, or its parent took the status away and the
/// kernel keeps none (before Linux 6.15).
pub fn wait(container: &Container) -> Result<Option<i32>> {
    if container.status == Status::Creating {
        return Err(Error::new(
            Step::CheckStatus,
            "cannot wait for a container that is being created",
        ));
    }
    let state = &container.state;
    let Some(live) = container.live() else {
        return Ok(status_of_zombie(state).map(shell_status));
    };
    let mut fds = [PollFd::from_borrowed_fd(live.as_fd(), PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, None)).at(Step::Wait, "poll")?;
    let status = match status_of_zombie(state) {
        Some(status) => Some(status),
        None => sys::status_of_reaped(live.as_fd()).or_else(|| after_reaping(live.as_fd())),
    };
    Ok(status.map(shell_status))
}

/// Field 52 of `proc_pid_stat(5)`, as long as the parent has not asked for the status.
fn status_of_zombie(state: &State) -> Option<i32> {
    let stat = procfs::read(&format!("{}/stat", state.pid)).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The third field is the first here.
    let same = match state.start_time {
        0 => has_inode(state, open_handle(Pid::from_raw(state.pid)?).ok()?.as_fd()),
        time => fields.get(19)?.parse() == Ok(time),
    };
    if same && fields[0] == "Z" { fields.get(49)?.parse().ok() } else { None }
}

/// The moment between the zombie and the record of its end is short.
fn after_reaping(pidfd: BorrowedFd<'_>) -> Option<i32> {
    let soon = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    // The kernel hangs up when the process was reaped.
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::empty())];
    match poll(&mut fds, Some(&soon)) {
        Ok(_) | Err(Errno::INTR) => sys::status_of_reaped(pidfd),
        Err(_) => None,
    }
}

/// As shells tell it.
fn shell_status(status: i32) -> i32 {
    match status & 0x7f {
        0 => (status >> 8) & 0xff,
        signal => 128 + signal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_a_shell() {
        for (status, shown) in [(0, 0), (3 << 8, 3), (9, 137), (15, 143), (11 | 0x80, 139)] {
            assert_eq!(shell_status(status), shown, "{status:#x}");
        }
    }
}

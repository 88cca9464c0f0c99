//! Why a process of a container is gone that had more to do.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::error::{Error, Side};
use crate::step::Step;
use crate::{procfs, signal};

/// Whether a process has ended, or is about to: it closes its descriptors before it is a zombie.
pub fn has_ended(pid: i32, pidfd: BorrowedFd<'_>) -> bool {
    // First: then the id, if it was given to another, is known to have been.
    let exiting = is_exiting(pid);
    exiting || ends_within(pidfd, Duration::ZERO) == Ok(true)
}

/// Waits until a process has ended; false if it takes too long.
pub fn ends_within(pidfd: BorrowedFd<'_>, patience: Duration) -> Result<bool, Errno> {
    let timeout = Timespec {
        tv_sec: patience.as_secs().cast_signed(),
        tv_nsec: patience.subsec_nanos().into(),
    };
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    Ok(rustix::io::retry_on_intr(|| ::namespaces::poll(&mut fds, Some(&timeout)))? > 0)
}

/// `PF_EXITING` of `linux/sched.h`, set before descriptors are closed.
const EXITING: u32 = 4;

fn is_exiting(pid: i32) -> bool {
    let stat = procfs::read(&format!("{pid}/stat")).unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat);
    // The name in parentheses may have any character; the flags are field 9 (`proc_pid_stat(5)`).
    let flags = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(6)?.parse().ok());
    flags.is_some_and(|flags: u32| flags & EXITING != 0)
}

/// The error of a process that ended without a word: out of memory, or by which signal, as far as
/// the caller can know. `when` is "before it was ready".
pub fn explain(pidfd: BorrowedFd<'_>, cgroup: Option<&cgroups::Record>, when: &str) -> Error {
    if cgroup.is_some_and(cgroups::Record::oom_killed) {
        let reason = "container init was OOM-killed (memory limit too low?)";
        return Error::because(Step::InitDied, when, reason)
            .field("linux.resources.memory.limit")
            .on(Side::Starting);
    }
    // Only of a child, which stays to be waited for.
    let status = ::namespaces::see_end(pidfd);
    let reason = status.ok().flatten().and_then(|status| {
        let exited = || status.exit_status().map(|code| format!("exit status {code}"));
        let killed = |signal| format!("signal: {}", signal::describe(signal));
        status.terminating_signal().map(killed).or_else(exited)
    });
    let error = match reason {
        Some(reason) => Error::because(Step::InitDied, when, reason),
        None => Error::new(Step::InitDied, when),
    };
    error.on(Side::Starting)
}

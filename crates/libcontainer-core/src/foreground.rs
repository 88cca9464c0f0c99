//! Staying with a process in the foreground: signals go to it, its terminal is served, its end is the result.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions};

use crate::error::{At, Result};
use crate::interrupt::{ENDING, Signals};
use crate::notify::Proxy;
use crate::relay::Relay;
use crate::step::Step;
use ::namespaces::wait_for_end;

/// Stays until the process ends, and tells the caller when it is ready; its exit status, or 128 and the number of the signal that ended it.
pub fn attend(
    pid: Pid,
    pidfd: &OwnedFd,
    signals: &Signals,
    mut relay: Option<Relay>,
    mut notify: Option<Proxy>,
) -> Result<i32> {
    for signal in signals.take_early() {
        forward(pid, pidfd.as_fd(), signal, relay.as_mut());
    }
    let mut patience = None;
    loop {
        let sources =
            Sources { process: Some(pidfd.as_fd()), notify: notify.as_ref().map(AsFd::as_fd) };
        let event = wait(sources, signals, relay.as_mut(), None)?;
        if event.told
            && let Some(proxy) = &notify
        {
            // For the caller this process is the service. One that can't be told is left alone.
            let own = rustix::process::getpid().as_raw_nonzero().get();
            if proxy.forward(own, Some(signals)).unwrap_or(true) {
                notify = None;
            }
        }
        while event.signalled
            && let Some(signal) = signals.next()
        {
            // That is of the process itself, and orphans of the container's have another soon.
            if signal == libc::SIGCHLD && event.ended {
                continue;
            }
            if ENDING.contains(&signal) {
                patience = Some(PATIENCE);
            }
            forward(pid, pidfd.as_fd(), signal, relay.as_mut());
        }
        if event.ended {
            if let Some(relay) = &mut relay {
                hand_over(signals, relay, patience)?;
            }
            return exit_status(pidfd);
        }
    }
}

/// How long a reader may take nothing when the runtime was asked to end.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Hands the last output to a caller that takes it, until a signal says that nobody does.
fn hand_over(signals: &Signals, relay: &mut Relay, patience: Option<Timespec>) -> Result<()> {
    while !relay.finish() && signals.check().is_ok() {
        if wait(Sources::default(), signals, Some(relay), patience)?.nothing {
            break;
        }
    }
    Ok(())
}

/// What is waited for besides signals and the terminal.
#[derive(Default)]
struct Sources<'s> {
    process: Option<BorrowedFd<'s>>,
    notify: Option<BorrowedFd<'s>>,
}

/// What happened.
#[derive(Default)]
struct Event {
    ended: bool,
    told: bool,
    signalled: bool,
    nothing: bool,
}

/// Waits until something happens, and serves the terminal.
fn wait(
    sources: Sources<'_>,
    signals: &Signals,
    relay: Option<&mut Relay>,
    patience: Option<Timespec>,
) -> Result<Event> {
    let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
    let [ended_at, told_at] = [sources.process, sources.notify].map(|source| {
        let source = source?;
        fds.push(PollFd::from_borrowed_fd(source, PollFlags::IN));
        Some(fds.len() - 1)
    });
    let own = fds.len();
    let interests = relay.iter().flat_map(|relay| relay.interests());
    fds.extend(interests.map(|(fd, events)| PollFd::from_borrowed_fd(fd, events)));
    let count = match ::namespaces::poll(&mut fds, patience.as_ref()) {
        Err(Errno::INTR) => return Ok(Event::default()),
        other => other.at(Step::Wait, "poll")?,
    };
    let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    drop(fds);
    if let Some(relay) = relay {
        relay.work(&ready[own..]);
    }
    let is_ready = |at: Option<usize>| at.is_some_and(|at| ready[at]);
    let (ended, told) = (is_ready(ended_at), is_ready(told_at));
    Ok(Event { ended, told, signalled: ready[0], nothing: count == 0 })
}

fn forward(pid: Pid, pidfd: BorrowedFd<'_>, signal: i32, relay: Option<&mut Relay>) {
    match (signal, relay) {
        (libc::SIGCHLD, _) => return reap_others(pid),
        // Of this process's own doing.
        (libc::SIGURG | libc::SIGPIPE | libc::SIGTTOU | libc::SIGTTIN, _) => return,
        (libc::SIGWINCH, Some(relay)) => return relay.resize(),
        (libc::SIGCONT, Some(relay)) => relay.resume(),
        _ => {}
    }
    // It may have ended just now; then poll says so next.
    let _ = ::namespaces::send_signal(pidfd, signal);
}

/// As a subreaper this process gets the orphans of the container's; the process itself is kept.
fn reap_others(keep: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while let Ok(Some(_)) = rustix::process::waitid(WaitId::All, options) {
        let Some(zombie) = next_zombie(keep) else { return };
        let _ = rustix::process::waitpid(Some(zombie), WaitOptions::NOHANG);
    }
}

/// A child that has ended, other than `keep`. The kernel has no call that leaves one out, so the
/// children are looked up; this happens only when an orphan has ended.
fn next_zombie(keep: Pid) -> Option<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero();
    let children = crate::procfs::read(&format!("self/task/{own}/children")).ok()?;
    let children = String::from_utf8_lossy(&children).into_owned();
    children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .filter(|pid| *pid != keep.as_raw_nonzero().get())
        .find(|pid| crate::container::process_facts(*pid).is_some_and(|(_, alive)| !alive))
        .and_then(Pid::from_raw)
}

fn exit_status(pidfd: &OwnedFd) -> Result<i32> {
    let status = wait_for_end(pidfd.as_fd()).at(Step::Wait, "its exit status")?;
    let Some(status) = status else { return Ok(-1) };
    Ok(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => -1,
    })
}

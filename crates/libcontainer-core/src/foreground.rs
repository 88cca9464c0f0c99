//! Staying with a process in the foreground: signals go to it, its terminal is served, its end is the result.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions};
use rustix::termios::{OptionalActions, Termios};

use crate::error::{At, Result};
use crate::interrupt::Signals;
use crate::step::Step;
use crate::store::write_all;
use ::namespaces::wait_for_end;

/// The caller's terminal in raw mode, and the container's behind it.
#[derive(Debug)]
pub struct Relay {
    master: OwnedFd,
    host: Option<HostTerminal>,
    input_open: bool,
    output_open: bool,
    /// Nothing was read from the caller's terminal since it became raw.
    fresh: bool,
}

/// Puts the modes back on every way out.
#[derive(Debug)]
struct HostTerminal {
    fd: OwnedFd,
    modes: Termios,
}

impl Drop for HostTerminal {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to put back.
        let _ = rustix::termios::tcsetattr(&self.fd, OptionalActions::Now, &self.modes);
    }
}

impl Relay {
    /// Makes the caller's terminal raw; without one, the streams are relayed as they are.
    pub fn new(master: OwnedFd) -> Result<Relay> {
        let host = HostTerminal::open()?;
        let relay = Relay { master, host, input_open: true, output_open: true, fresh: true };
        relay.resize();
        Ok(relay)
    }

    /// Gives the container's terminal the size of the caller's.
    fn resize(&self) {
        if let Some(host) = &self.host
            && let Ok(size) = rustix::termios::tcgetwinsize(&host.fd)
        {
            // The container may have closed its side.
            let _ = rustix::termios::tcsetwinsize(&self.master, size);
        }
    }

    fn input(&mut self) {
        let mut buffer = [0u8; 8192];
        let count =
            rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut buffer));
        let fresh = std::mem::replace(&mut self.fresh, false);
        match count {
            // An end of file that was typed before the terminal became raw reads as a NUL (n_tty(4)
            // keeps it as one); it is not for the program.
            Ok(1) if fresh && buffer[0] == 0 && self.host.is_some() => {}
            Ok(count) if count > 0 && write_all(&self.master, &buffer[..count]).is_ok() => {}
            _ => self.input_open = false,
        }
    }

    fn output(&mut self) {
        if copy(self.master.as_fd(), rustix::stdio::stdout()) == Flow::Ended {
            self.output_open = false;
        }
    }

    /// What the program wrote before it ended.
    fn drain(&mut self) {
        let _ = rustix::fs::fcntl_setfl(&self.master, OFlags::NONBLOCK);
        while self.output_open && copy(self.master.as_fd(), rustix::stdio::stdout()) == Flow::Goes {
        }
    }
}

impl HostTerminal {
    /// The terminal of stdin, or the controlling one.
    fn open() -> Result<Option<HostTerminal>> {
        let own = rustix::stdio::stdin();
        let fd = if rustix::termios::isatty(own) {
            own.try_clone_to_owned()
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        } else {
            let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
            rustix::fs::openat(CWD, "/dev/tty", flags, Mode::empty())
        };
        let Ok(fd) = fd else { return Ok(None) };
        let Ok(modes) = rustix::termios::tcgetattr(&fd) else { return Ok(None) };
        let mut raw = modes.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&fd, OptionalActions::Now, &raw)
            .at(Step::HostTerminal, "make it raw")?;
        Ok(Some(HostTerminal { fd, modes }))
    }
}

#[derive(PartialEq, Eq)]
enum Flow {
    Goes,
    Ended,
}

fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Flow {
    let mut buffer = [0u8; 8192];
    match rustix::io::retry_on_intr(|| rustix::io::read(from, &mut buffer)) {
        Ok(count) if count > 0 && write_all(to, &buffer[..count]).is_ok() => Flow::Goes,
        _ => Flow::Ended,
    }
}

/// Stays until the process ends; its exit status, or 128 and the number of the signal that ended it.
pub fn attend(
    pid: Pid,
    pidfd: &OwnedFd,
    signals: &Signals,
    mut relay: Option<Relay>,
) -> Result<i32> {
    loop {
        let mut fds = vec![PollFd::new(pidfd, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        let stdin = rustix::stdio::stdin();
        let (mut output_at, mut input_at) = (None, None);
        if let Some(relay) = &relay {
            if relay.output_open {
                output_at = Some(fds.len());
                fds.push(PollFd::new(&relay.master, PollFlags::IN));
            }
            if relay.input_open {
                input_at = Some(fds.len());
                fds.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
            }
        }
        match ::namespaces::poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            other => other.at(Step::Wait, "poll")?,
        };
        let ready = |at: usize| !fds[at].revents().is_empty();
        let (ended, signalled) = (ready(0), ready(1));
        let (output, input) = (output_at.is_some_and(ready), input_at.is_some_and(ready));
        drop(fds);
        if let Some(relay) = &mut relay {
            if output {
                relay.output();
            }
            if input {
                relay.input();
            }
        }
        if signalled {
            forward(pid, pidfd.as_fd(), signals, relay.as_ref());
        }
        if ended {
            if let Some(relay) = &mut relay {
                relay.drain();
            }
            return exit_status(pidfd);
        }
    }
}

fn forward(pid: Pid, pidfd: BorrowedFd<'_>, signals: &Signals, relay: Option<&Relay>) {
    while let Some(signal) = signals.next() {
        match signal {
            libc::SIGCHLD => reap_others(pid),
            libc::SIGURG => {}
            libc::SIGWINCH if relay.is_some() => relay.iter().for_each(|relay| relay.resize()),
            // It may have ended just now; then poll says so next.
            other => drop(::namespaces::send_signal(pidfd, other)),
        }
    }
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

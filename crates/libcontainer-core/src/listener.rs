//! Seccomp user notification: the listener of a filter goes to the agent (runtime.md, "Container process state").
//!
//! The filter may decide on the very calls that would hand the listener over, or leave them to an
//! agent that does not have it yet. So the process only tells, before it loads the filter, which
//! number the listener will have, and the parent takes it from there (`pidfd_getfd(2)`, Linux 5.6).
//! Until then the process waits without a system call: for a byte that the parent writes into it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};

use crate::error::{At, Cause, Error, Result, Side};
use crate::plan::{Agent, ProcessPlan};
use crate::spec::OCI_VERSION;
use crate::state::State;
use crate::step::Step;
use crate::sync::{Message, Pipe, send_with_fd};

/// Between two looks for the listener; loading a filter takes about as long.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000 };

/// The process's part: loads the filter, after the parent was told where the listener will be.
pub fn load_filter(plan: &ProcessPlan, pipe: &Pipe) -> Result<()> {
    let Some(filter) = &plan.seccomp else { return Ok(()) };
    if filter.notifies() {
        announce(pipe)?;
    }
    match seccomp::load(filter) {
        Ok(listener) => {
            if filter.notifies() {
                wait_until_taken();
            }
            // Closed by execve, as a close may be notified of.
            std::mem::forget(listener);
            Ok(())
        }
        Err(error) => {
            let detail = format!("{} instructions", filter.instructions().len());
            let cause = Cause::Detailed(error.errno(), detail);
            Err(Error { cause, ..Error::new(Step::Seccomp, "load filter").field("linux.seccomp") })
        }
    }
}

/// Set from outside.
static TAKEN: AtomicU8 = AtomicU8::new(0);

/// How long the parent may take; it is at work at this very moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// Spins: some 0.1 ms. The clock is read in user space (`vdso(7)`).
fn wait_until_taken() {
    let start = Instant::now();
    while TAKEN.load(Ordering::Acquire) == 0 {
        if start.elapsed() > PATIENCE {
            // The parent was killed. Without a listener the filter would answer ENOSYS.
            std::process::abort();
        }
        std::hint::spin_loop();
    }
}

/// The listener gets the lowest free number, which is the one that a copy gets now.
fn announce(pipe: &Pipe) -> Result<()> {
    let copy = rustix::io::fcntl_dupfd_cloexec(pipe, 0).at(Step::Seccomp, "listener")?;
    let number = copy.as_raw_fd().unsigned_abs();
    drop(copy);
    pipe.send(&Message::ListenerAt(number, TAKEN.as_ptr() as u64))?;
    match pipe.receive()? {
        Some(Message::Watching) => Ok(()),
        _ => crate::sys::exit_now(1),
    }
}

/// Whether the agent of a filter that notifies has a socket at all: told by `create`, while the
/// connection is only made when the program starts.
pub fn check_agent(process: &ProcessPlan) -> Result<()> {
    let notifies = process.seccomp.as_ref().is_some_and(seccomp::Filter::notifies);
    let Some(agent) = process.agent.as_ref().filter(|_| notifies) else { return Ok(()) };
    let fail = |error: Error| error.field("linux.seccomp.listenerPath").on(Side::Starting);
    let stat = rustix::fs::stat(&*agent.path).at(Step::Agent, &*agent.path).map_err(fail)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Socket {
        return Ok(());
    }
    Err(fail(Error::because(Step::Agent, &*agent.path, "it is not a socket")))
}

/// The parent's part: takes the listener and hands it to the agent with the state of the process.
pub fn deliver(
    agent: Option<&Agent>,
    pipe: &Pipe,
    process: (i32, BorrowedFd<'_>),
    place: (u32, u64),
    state: &[u8],
) -> Result<()> {
    let (pid, pidfd) = process;
    let Some(agent) = agent else {
        return Err(Error::config("linux.seccomp.listenerPath", "is missing"));
    };
    let fail = |error: Error| error.field("linux.seccomp.listenerPath").on(Side::Starting);
    let socket = connect(&agent.path).at(Step::Agent, &*agent.path).map_err(fail)?;
    let taken = take_announced(pipe, pidfd, place.0);
    let Some(listener) = taken.at(Step::Agent, "take the listener").map_err(fail)? else {
        return Ok(()); // the process is gone; its end of the pipe tells why
    };
    crate::sys::poke(pid, place.1, 1).at(Step::Agent, "tell that it is taken").map_err(fail)?;
    let state: serde_json::Value = serde_json::from_slice(state).unwrap_or_default();
    let message = serde_json::json!({
        "ociVersion": OCI_VERSION,
        "fds": ["seccompFd"],
        "pid": pid,
        "metadata": agent.metadata,
        "state": state,
    });
    send_with_fd(socket.as_fd(), message.to_string().as_bytes(), Some(listener.as_fd()))
        .at(Step::Agent, &*agent.path)
        .map_err(fail)
}

/// The same for a container whose program is being started.
pub fn deliver_running(
    state: &State,
    pipe: &Pipe,
    process: (i32, BorrowedFd<'_>),
    place: (u32, u64),
) -> Result<()> {
    deliver(state.agent.as_ref(), pipe, process, place, &state.oci_state("running").to_json())
}

fn connect(path: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Lets the process load its filter, and takes the listener under the number that it told.
pub fn take_announced(
    pipe: &Pipe,
    pidfd: BorrowedFd<'_>,
    number: u32,
) -> std::result::Result<Option<OwnedFd>, Errno> {
    // A process that is gone is found by its pidfd.
    let _ = pipe.send(&Message::Watching);
    take(pidfd, number)
}

/// Waits until the listener is there; none if the process ended first, or the load failed.
fn take(pidfd: BorrowedFd<'_>, number: u32) -> std::result::Result<Option<OwnedFd>, Errno> {
    loop {
        match pidfd_getfd(pidfd, number as i32, PidfdGetfdFlags::empty()) {
            Ok(fd) => return Ok(Some(fd)),
            Err(Errno::BADF) => {}
            Err(Errno::SRCH) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| ::namespaces::poll(&mut fds, Some(&PAUSE)))? > 0 {
            return Ok(None);
        }
    }
}

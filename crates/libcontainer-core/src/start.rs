//! `start`: lets a created container run its program, and tells the truth about how that went.

use std::os::fd::{AsFd, BorrowedFd};

use crate::container::Container;
use crate::error::{Error, Result, Side};
use crate::hooks::{self, HookRun};
use crate::interrupt::Signals;
use crate::notify::Proxy;
use crate::oci_state::OciState;
use crate::state::State;
use crate::step::Step;
use crate::sync::{Message, Pipe};
use crate::{death, gate, listener};

/// Starts a container.
///
/// Returns when its program runs. The init holds the connection until `execve`, so its end after
/// the word that all else is done means success, and a failing hook or exec is told. With the
/// `NOTIFY_SOCKET` of the caller, when it is ready.
pub fn start(container: &Container, notify_socket: Option<&str>) -> Result<()> {
    let live = container.created()?;
    let proxy = Proxy::open(&container.dir, notify_socket)?;
    let already = || Error::new(Step::CheckStatus, "cannot start an already running container");
    let gate = gate::connect(&container.dir)?.ok_or_else(already)?;
    gate.send(&Message::Proceed { gate: false })?;
    // Of several that start at once, the init hears one; the others' connections just end.
    let executing = match gate.receive()? {
        Some(Message::Accepted) => false,
        Some(Message::Executing) => true,
        _ => return Err(unless_dead(live.as_fd(), &container.state, already())),
    };
    let process = (live.pid, live.as_fd());
    let heard = Hearing { executing, process, state: &container.state, signals: None };
    let heard = heard
        .hear(&gate, &|place| listener::deliver_running(&container.state, &gate, process, place));
    container.dir.remove_gate()?;
    heard?;
    run_poststart(&container.state, live.as_fd(), None)?;
    proxy.map_or(Ok(()), |proxy| proxy.wait(live.as_fd(), live.pid, None))
}

/// An init that was killed before it took the word did not take another's.
fn unless_dead(pidfd: BorrowedFd<'_>, state: &State, error: Error) -> Error {
    if !death::has_ended(state.pid, pidfd) {
        return error;
    }
    death::explain(pidfd, state.cgroup.as_ref(), BEFORE_PROGRAM)
}

const BEFORE_PROGRAM: &str = "before it ran its program";

/// What is listened for on the way to the program.
#[derive(Debug)]
pub struct Hearing<'a> {
    /// Whether all but `execve` was done already.
    pub executing: bool,
    /// The process: its id, and its handle.
    pub process: (i32, BorrowedFd<'a>),
    /// The container.
    pub state: &'a State,
    /// What may end the wait.
    pub signals: Option<&'a Signals>,
}

impl Hearing<'_> {
    /// Listens until the program runs; what failed instead is the error.
    pub fn hear(&self, pipe: &Pipe, deliver: &dyn Fn((u32, u64)) -> Result<()>) -> Result<()> {
        let mut executing = self.executing;
        loop {
            self.signals.map_or(Ok(()), |signals| signals.wait_for(pipe.as_fd()))?;
            match pipe.receive()? {
                Some(Message::Executing) => executing = true,
                Some(Message::ListenerAt(number, flag)) => deliver((number, flag))?,
                Some(Message::Failed(error)) => return Err(error.on(Side::Init)),
                Some(_) => return Err(Error::because(Step::Talk, "", "unexpected message")),
                // A process that lives closed its end by `execve`.
                None if executing || !death::has_ended(self.process.0, self.process.1) => {
                    return Ok(());
                }
                None => {
                    let cgroup = self.state.cgroup.as_ref();
                    return Err(death::explain(self.process.1, cgroup, BEFORE_PROGRAM));
                }
            }
        }
    }
}

/// Runs the poststart hooks; if one fails, the container is stopped (runtime.md, "Lifecycle").
pub fn run_poststart(
    state: &State,
    pidfd: BorrowedFd<'_>,
    signals: Option<&Signals>,
) -> Result<()> {
    if state.poststart.is_empty() {
        return Ok(());
    }
    let result = run_hooks(state, "poststart", "running", signals);
    if result.is_err() {
        let _ = ::namespaces::send_signal(pidfd, libc::SIGKILL);
    }
    result
}

/// Runs hooks of the runtime's side, in the bundle if it is still there.
pub fn run_hooks(
    state: &State,
    kind: &'static str,
    status: &str,
    signals: Option<&Signals>,
) -> Result<()> {
    let (hooks, pid) = match kind {
        "poststart" => (&state.poststart, state.pid),
        _ => (&state.poststop, 0),
    };
    let cwd = hooks::open_bundle(&state.bundle).or_else(|_| hooks::open_bundle("/"))?;
    let json = OciState { pid, ..state.oci_state(status) }.to_json();
    hooks::run(&HookRun {
        kind,
        hooks,
        state: &json,
        cwd: cwd.as_fd(),
        default_env: None,
        signals,
        process: None,
    })
}

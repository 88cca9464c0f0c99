//! `start`: lets a created container run its program, and tells the truth about how that went.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::container::Container;
use crate::error::{At, Error, Result, Side};
use crate::hooks::{self, HookRun};
use crate::listener;
use crate::notify::Proxy;
use crate::oci_state::OciState;
use crate::spec::Hook;
use crate::step::Step;
use crate::store::{GATE, State};
use crate::sync::{Message, Pipe};
use crate::sys;

/// Starts a container.
///
/// Returns when its program runs. The init holds the connection until `execve`, so its end without
/// a word means success, and a failing hook or exec is told. With the `NOTIFY_SOCKET` of the caller,
/// when it is ready.
pub fn start(container: &Container, notify_socket: Option<&str>) -> Result<()> {
    let live = container.created()?;
    let proxy = Proxy::open(&container.dir, notify_socket)?;
    let gate = connect(container)?;
    gate.send(&Message::Proceed { gate: false })?;
    // Of several that start at once, the init hears one; the others' connections just end.
    if !matches!(gate.receive()?, Some(Message::Accepted)) {
        return Err(Error::new(Step::CheckStatus, "cannot start an already running container"));
    }
    let heard = hear_of_program(&gate, &|place| {
        let process = (live.pid, live.as_fd());
        listener::deliver_running(&container.dir, &container.state, &gate, process, place)
    });
    container.dir.remove_gate()?;
    heard?;
    run_poststart(&container.state, live.as_fd())?;
    proxy.map_or(Ok(()), |proxy| proxy.wait(live.as_fd(), live.pid))
}

/// Listens until the program runs; what failed instead is the error.
pub fn hear_of_program(pipe: &Pipe, deliver: &dyn Fn((u32, u64)) -> Result<()>) -> Result<()> {
    loop {
        match pipe.receive()? {
            None => return Ok(()),
            Some(Message::ListenerAt(number, flag)) => deliver((number, flag))?,
            Some(Message::Failed(error)) => return Err(error.on(Side::Init)),
            Some(_) => return Err(Error::because(Step::Talk, "", "unexpected message")),
        }
    }
}

fn connect(container: &Container) -> Result<Pipe> {
    let id = container.dir.id();
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .at(Step::Gate, id)?;
    let path = format!("/proc/self/fd/{}/{GATE}", container.dir.as_fd().as_raw_fd());
    let address = SocketAddrUnix::new(path).at(Step::Gate, id)?;
    match rustix::net::connect(&socket, &address) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => {
            // A `start` that was killed in the middle left the gate behind.
            let _ = container.dir.remove_gate();
            Err(Error::new(Step::CheckStatus, "cannot start an already running container"))
        }
        other => other.at(Step::Gate, id).map(|()| Pipe::from(socket)),
    }
}

/// Runs the poststart hooks; if one fails, the container is stopped (runtime.md, "Lifecycle").
pub fn run_poststart(state: &State, pidfd: BorrowedFd<'_>) -> Result<()> {
    if state.poststart.is_empty() {
        return Ok(());
    }
    let result = run_hooks(state, "poststart", &state.poststart, "running", state.pid);
    if result.is_err() {
        let _ = sys::send_signal(pidfd, libc::SIGKILL);
    }
    result
}

/// Runs hooks of the runtime's side, in the bundle if it is still there.
pub fn run_hooks(
    state: &State,
    kind: &'static str,
    hooks: &[Hook],
    status: &str,
    pid: i32,
) -> Result<()> {
    let flags =
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let cwd = rustix::fs::open(&*state.bundle, flags, rustix::fs::Mode::empty())
        .or_else(|_| rustix::fs::open("/", flags, rustix::fs::Mode::empty()))
        .at(Step::ReadConfig, &*state.bundle)?;
    let json = OciState { pid, ..state.oci_state(status) }.to_json();
    hooks::run(&HookRun { kind, hooks, state: &json, cwd: cwd.as_fd(), default_env: &[] })
}

//! The gate: the socket in the state directory at which a created container waits to be started.
//!
//! The init stops listening when it hears the word of a `start`, so a refused connection means that
//! the container was started, also by a `start` that was killed before it removed the file.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::{At, Result};
use crate::step::Step;
use crate::store::{GATE, StateDir};
use crate::sync::Pipe;

/// How many may knock while the container is frozen.
const BACKLOG: i32 = 64;

/// Makes the gate of a container that is being created.
pub fn make(dir: &StateDir) -> Result<OwnedFd> {
    let gate = socket(SocketFlags::CLOEXEC).at(Step::Gate, dir.id())?;
    // The mode of the file to be; the umask may be anything.
    let made = address(dir).and_then(|address| {
        rustix::fs::fchmod(&gate, Mode::RUSR | Mode::WUSR)?;
        rustix::net::bind(&gate, &address)?;
        rustix::net::listen(&gate, BACKLOG)
    });
    made.at(Step::Gate, dir.id()).map(|()| gate)
}

/// Connects to the gate; none if nobody listens there any more.
pub fn connect(dir: &StateDir) -> Result<Option<Pipe>> {
    match try_connect(dir, SocketFlags::CLOEXEC) {
        Ok(gate) => Ok(Some(Pipe::from(gate))),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno).at(Step::Gate, dir.id()),
    }
}

/// Whether nobody waits there any more. The init notices the knock, and waits on.
pub fn is_closed(dir: &StateDir) -> bool {
    let knock = try_connect(dir, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
    matches!(knock, Err(Errno::CONNREFUSED | Errno::NOENT))
}

fn try_connect(dir: &StateDir, flags: SocketFlags) -> std::result::Result<OwnedFd, Errno> {
    let socket = socket(flags)?;
    rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address(dir)?))?;
    Ok(socket)
}

fn socket(flags: SocketFlags) -> std::result::Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// By way of the descriptor: the path of the state directory may be too long for an address.
fn address(dir: &StateDir) -> std::result::Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{GATE}", dir.as_fd().as_fd().as_raw_fd()))
}

//! Sockets of the caller that get a descriptor: the terminal's master, or a pidfd (runc's docs/terminals.md).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::{At, Error, Result};
use crate::step::Step;
use crate::sync::send_with_fd;

/// A terminal needs somebody who serves it: a socket if the runtime will not stay, and only then.
pub fn check(terminal: bool, detached: bool, socket: Option<&str>) -> Result<()> {
    let refuse = |words: &str| Err(Error::because(Step::CheckOption, "--console-socket", words));
    match (terminal, detached, socket) {
        (true, true, None) => {
            refuse("cannot allocate tty if runc will detach without setting console socket")
        }
        (false, _, Some(_)) | (true, false, Some(_)) => {
            refuse("cannot use console socket if runc will not detach or allocate tty")
        }
        _ => Ok(()),
    }
}

/// Connects to the socket that will get the master.
pub fn connect(path: &str) -> Result<OwnedFd> {
    connect_to(path).at(Step::ConsoleSocket, path)
}

/// Sends the master; the text is its name, as receivers expect one.
pub fn send_master(socket: &OwnedFd, master: BorrowedFd<'_>) -> Result<()> {
    send_with_fd(socket.as_fd(), b"/dev/ptmx", Some(master)).at(Step::ConsoleSocket, "send")
}

/// Connects to a socket and sends a pidfd.
pub fn send_pidfd(path: &str, pidfd: BorrowedFd<'_>) -> Result<()> {
    if !::namespaces::is_pidfd(pidfd) {
        return Err(Error::because(Step::PidfdSocket, path, "pidfds need Linux 5.3"));
    }
    let socket = connect_to(path).at(Step::PidfdSocket, path)?;
    send_with_fd(socket.as_fd(), b"pidfd", Some(pidfd)).at(Step::PidfdSocket, path)
}

fn connect_to(path: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

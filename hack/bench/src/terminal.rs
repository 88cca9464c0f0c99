//! The console socket: who takes the terminals that runtimes send.

use crate::bundle::Bundle;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

const WAIT: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The option that names the socket, with a space behind.
pub fn option(bundle: &Bundle) -> String {
    format!("--console-socket {} ", bundle.path("console").display())
}

/// A listening console socket. A runtime only has to connect and send: the listener need not run
/// meanwhile, so none of its time is measured.
pub struct ConsoleSocket(UnixListener);

impl ConsoleSocket {
    /// Listens at the path that [`option`] names.
    pub fn listen(bundle: &Bundle) -> Result<ConsoleSocket, String> {
        let path = bundle.path("console");
        if path.exists() {
            std::fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let listener = UnixListener::bind(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(ConsoleSocket(listener))
    }

    /// The terminal of the last call; to be kept while the container lives.
    pub fn take(&self) -> Result<OwnedFd, String> {
        let none = "the console socket got no terminal";
        let mut ready = [PollFd::new(&self.0, PollFlags::IN)];
        if poll(&mut ready, Some(&WAIT)).map_err(|e| format!("poll: {e}"))? == 0 {
            return Err(none.into());
        }
        let (connection, _) = self.0.accept().map_err(|e| format!("console socket: {e}"))?;
        let mut name = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut name)];
        recvmsg(&connection, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            .map_err(|e| format!("console socket: {e}"))?;
        let terminal = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        terminal.ok_or(none.into())
    }
}

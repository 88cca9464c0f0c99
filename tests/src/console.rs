//! Terminals: the socket that receives one, and one in the hands of the test.

use std::fs::File;
use std::io::{IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::host;

/// The socket that the runtime sends the terminal's master to, or a pidfd.
#[derive(Debug)]
pub struct ConsoleSocket {
    listener: UnixListener,
    /// The option's value.
    pub path: PathBuf,
}

impl ConsoleSocket {
    /// Listens at a path, which must be short.
    pub fn listen(path: PathBuf) -> ConsoleSocket {
        let listener = UnixListener::bind(&path).expect("listen for the terminal");
        ConsoleSocket { listener, path }
    }

    /// The path as text.
    pub fn option(&self) -> &str {
        self.path.to_str().expect("a path of plain letters")
    }

    /// Receives the terminal; panics when there is none after 10 s, or not exactly one.
    pub fn receive(&self) -> Pty {
        Pty::of(self.receive_descriptor())
    }

    /// Receives any descriptor, as a pidfd, likewise.
    pub fn receive_descriptor(&self) -> OwnedFd {
        assert!(readable(&self.listener, 10), "nobody connected to the console socket");
        let (connection, _) = self.listener.accept().expect("accept the runtime's connection");
        let mut name = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut name)];
        let got = recvmsg(&connection, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            .expect("receive the terminal");
        let fds: Vec<OwnedFd> = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        let [sent] = <[OwnedFd; 1]>::try_from(fds).expect("one descriptor comes with the message");
        assert!(got.bytes > 0, "the message names the descriptor");
        sent
    }
}

/// The master side of a pseudo terminal.
#[derive(Debug)]
pub struct Pty {
    master: File,
    seen: String,
}

impl Pty {
    /// Opens a pair of the given size; returns the master and the other side.
    pub fn open(rows: u16, columns: u16) -> (Pty, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("open a terminal");
        grantpt(&master).expect("grant the terminal");
        unlockpt(&master).expect("unlock the terminal");
        let name = ptsname(&master, Vec::new()).expect("ask for the terminal's name");
        let path = Path::new(name.to_str().expect("a plain name")).to_owned();
        let other = File::options().read(true).write(true).open(path).expect("open the terminal");
        let pty = Pty::of(master);
        pty.resize(rows, columns);
        (pty, other.into())
    }

    fn of(master: OwnedFd) -> Pty {
        Pty { master: master.into(), seen: String::new() }
    }

    /// Sets the size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).expect("set the terminal's size");
    }

    /// Types a text.
    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("write to the terminal");
    }

    /// The inode facts of the master, as the kernel gives them.
    pub fn metadata(&self) -> std::fs::Metadata {
        self.master.metadata().expect("stat the terminal")
    }

    /// Reads until `text` has come; panics with what has come when it ends or stalls.
    pub fn wait_for(&mut self, text: &str) -> &str {
        while !self.seen.contains(text) {
            let more = self.read_some();
            assert!(more, "{text:?} never came from the terminal, but {:?}", self.seen);
        }
        &self.seen
    }

    /// Reads until the last process on the other side is gone.
    pub fn read_to_end(&mut self) -> &str {
        while self.read_some() {}
        &self.seen
    }

    /// The end is an EIO; 10 s of silence count as the end.
    fn read_some(&mut self) -> bool {
        let mut bytes = [0; 4096];
        if !readable(&self.master, 10) {
            return false;
        }
        match self.master.read(&mut bytes) {
            Ok(count) if count > 0 => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
                true
            }
            _ => false,
        }
    }
}

fn readable(fd: &impl std::os::fd::AsFd, seconds: u64) -> bool {
    let limit = host::patience(Duration::from_secs(seconds));
    let timeout = Timespec::try_from(limit).expect("a short time");
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).is_ok_and(|ready| ready > 0)
}

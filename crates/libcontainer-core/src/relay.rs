//! The caller's terminal in front of the container's: bytes both ways, and nobody is waited for.
//!
//! A program that reads nothing, or a reader that went away, must not keep signals from being
//! forwarded: each way has a bounded buffer, and is only read when there is room, only written when
//! the other side takes it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::termios::{OptionalActions, OutputModes, SpecialCodeIndex, Termios};

use crate::error::{At, Result};
use crate::step::Step;
use crate::sys;

/// How much is taken from one side before the other has it.
const ROOM: usize = 64 * 1024;
/// At most this is written at once: a pipe that is writable takes it without blocking (`pipe(7)`).
const PIECE: usize = 4096;

/// The caller's terminal in raw mode, and the container's behind it.
#[derive(Debug)]
pub struct Relay {
    master: OwnedFd,
    host: Option<HostTerminal>,
    output: Sink,
    to_program: Way,
    to_caller: Way,
    /// Nothing was read from the caller's terminal since it became raw.
    fresh: bool,
    /// What was read last ends in the middle of a line.
    in_line: bool,
}

/// One way.
#[derive(Debug)]
struct Way {
    bytes: Vec<u8>,
    /// Whether more may come.
    open: bool,
}

impl Way {
    fn new() -> Way {
        Way { bytes: Vec::new(), open: true }
    }

    fn has_room(&self) -> bool {
        self.open && self.bytes.len() < ROOM
    }

    /// Takes what is there; the way ends with its source.
    fn read(&mut self, from: BorrowedFd<'_>) {
        let mut buffer = [0u8; 8192];
        match rustix::io::read(from, &mut buffer) {
            Ok(count) if count > 0 => self.bytes.extend_from_slice(&buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // EIO: no process has the container's terminal open any more.
            _ => self.open = false,
        }
    }

    /// Hands over what the other side takes; what nobody will ever take is dropped.
    fn write(&mut self, write: impl FnOnce(&[u8]) -> std::result::Result<usize, Errno>) {
        match write(&self.bytes[..self.bytes.len().min(PIECE)]) {
            Ok(count) => drop(self.bytes.drain(..count)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.bytes.clear(),
        }
    }
}

/// Fits a container's terminal to the caller's that is in front of it, before its program runs: lines end as the
/// program writes them, since the caller's adds carriage returns, and the size is the caller's.
///
/// Who takes a terminal at a console socket decides this for himself.
pub fn fit(master: &OwnedFd) {
    if let Ok(mut modes) = rustix::termios::tcgetattr(master) {
        modes.output_modes.remove(OutputModes::ONLCR);
        let _ = rustix::termios::tcsetattr(master, OptionalActions::Now, &modes);
    }
    if let Ok(size) = rustix::termios::tcgetwinsize(rustix::stdio::stdin()) {
        // The container may have closed its side.
        let _ = rustix::termios::tcsetwinsize(master, size);
    }
}

impl Relay {
    /// Makes the caller's terminal raw; without one, the streams are relayed as they are.
    pub fn new(master: OwnedFd) -> Result<Relay> {
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)
            .at(Step::HostTerminal, "relay")?;
        let relay = Relay {
            master,
            host: HostTerminal::open()?,
            output: Sink::of(rustix::stdio::stdout()),
            to_program: Way::new(),
            to_caller: Way::new(),
            fresh: true,
            in_line: false,
        };
        relay.resize();
        Ok(relay)
    }

    /// Gives the container's terminal the size of the caller's, once more.
    pub fn resize(&self) {
        if let Some(host) = &self.host
            && let Ok(size) = rustix::termios::tcgetwinsize(&host.fd)
        {
            // The container may have closed its side.
            let _ = rustix::termios::tcsetwinsize(&self.master, size);
        }
    }

    /// Makes the caller's terminal raw again: the shell changes it when the runtime is stopped.
    pub fn resume(&self) {
        if let Some(host) = &self.host {
            // A terminal that is gone ends the input by itself.
            let _ = host.come_to_front().and_then(|_| host.make_raw());
        }
        self.resize();
    }

    /// What is waited for: a descriptor, and the events.
    pub fn interests(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let mut interests = Vec::with_capacity(3);
        let mut master = PollFlags::empty();
        master.set(PollFlags::IN, self.to_caller.has_room());
        master.set(PollFlags::OUT, !self.to_program.bytes.is_empty());
        if !master.is_empty() {
            interests.push((self.master.as_fd(), master));
        }
        if self.to_program.has_room() {
            interests.push((rustix::stdio::stdin(), PollFlags::IN));
        }
        if !self.to_caller.bytes.is_empty() {
            interests.push((self.output.as_fd(), PollFlags::OUT));
        }
        interests
    }

    /// Moves bytes; `ready` are the answers to [`Relay::interests`], in their order.
    pub fn work(&mut self, ready: &[bool]) {
        let mut ready = ready.iter().copied();
        let (reads_master, writes_master) =
            (self.to_caller.has_room(), !self.to_program.bytes.is_empty());
        let (reads_input, writes_output) =
            (self.to_program.has_room(), !self.to_caller.bytes.is_empty());
        if (reads_master || writes_master) && ready.next() == Some(true) {
            if writes_master {
                self.to_program.write(|bytes| rustix::io::write(&self.master, bytes));
            }
            if reads_master {
                self.to_caller.read(self.master.as_fd());
            }
        }
        if reads_input && ready.next() == Some(true) {
            self.input();
        }
        if writes_output && ready.next() == Some(true) {
            self.to_caller.write(|bytes| self.output.write(bytes));
        }
    }

    fn input(&mut self) {
        let before = self.to_program.bytes.len();
        self.to_program.read(rustix::stdio::stdin());
        // In the background, reading fails (EIO) until the shell says that this is over (SIGCONT).
        self.to_program.open |= self.host.as_ref().is_some_and(|host| !host.is_ours());
        let fresh = std::mem::replace(&mut self.fresh, false);
        // An end of file that was typed before the terminal became raw reads as a NUL (n_tty(4)
        // keeps it as one); it is not for the program.
        if fresh && self.host.is_some() && self.to_program.bytes[before..] == [0] {
            self.to_program.bytes.truncate(before);
        }
        if let Some(last) = self.to_program.bytes[before..].last() {
            self.in_line = !matches!(last, b'\n' | b'\r');
        }
        if !self.to_program.open {
            self.tell_end();
        }
    }

    /// A terminal has no end: its letter for that is typed, twice where the first ends a line
    /// (termios(3)). It is in raw mode too, as shells that edit lines read it so.
    fn tell_end(&mut self) {
        let Ok(modes) = rustix::termios::tcgetattr(&self.master) else { return };
        let letter = modes.special_codes[SpecialCodeIndex::VEOF];
        let count = if letter == 0 { 0 } else { 1 + usize::from(self.in_line) };
        self.to_program.bytes.extend(std::iter::repeat_n(letter, count));
    }

    /// Takes what the program wrote before it ended, and leaves what nobody will read; true when
    /// nothing is left to hand over.
    pub fn finish(&mut self) -> bool {
        self.to_program = Way { bytes: Vec::new(), open: false };
        // Processes that the program left behind may write on without an end.
        let enough = self.to_caller.bytes.len() + ROOM;
        let mut before = usize::MAX;
        while self.to_caller.open
            && (before == usize::MAX || before != self.to_caller.bytes.len())
            && self.to_caller.bytes.len() < enough
        {
            before = self.to_caller.bytes.len();
            self.to_caller.read(self.master.as_fd());
        }
        self.to_caller.open = false;
        self.to_caller.bytes.is_empty()
    }
}

/// Puts the modes back on every way out.
#[derive(Debug)]
struct HostTerminal {
    fd: OwnedFd,
    modes: Termios,
}

impl Drop for HostTerminal {
    fn drop(&mut self) {
        // The terminal may be gone, or be another job's by now; then there is nothing to put back.
        if self.is_ours() {
            let _ = rustix::termios::tcsetattr(&self.fd, OptionalActions::Now, &self.modes);
        }
    }
}

impl HostTerminal {
    /// The terminal of stdin, or the controlling one; none if it is another job's and there is no
    /// shell that would give it to this one.
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
        let mut host = HostTerminal { fd, modes };
        if host.come_to_front().is_err() {
            return Ok(None);
        }
        // What the shell made of it meanwhile.
        host.modes = rustix::termios::tcgetattr(&host.fd).at(Step::HostTerminal, "modes")?;
        host.make_raw().at(Step::HostTerminal, "make it raw")?;
        Ok(Some(host))
    }

    /// As with any program in the background, the kernel stops this one until its shell brings it to
    /// the front (SIGTTOU). An error if there is no such shell.
    fn come_to_front(&self) -> std::result::Result<(), Errno> {
        if self.is_ours() {
            return Ok(());
        }
        let unchanged = || rustix::termios::tcsetattr(&self.fd, OptionalActions::Now, &self.modes);
        sys::with_terminal_stop(unchanged)?;
        if !self.is_ours() {
            return Err(Errno::IO);
        }
        Ok(())
    }

    /// Whether this process's group is the one in front; so is one without a terminal of its own.
    fn is_ours(&self) -> bool {
        match rustix::termios::tcgetpgrp(&self.fd) {
            Ok(front) => front == rustix::process::getpgrp(),
            // A terminal that is not the controlling one has no front.
            Err(errno) => errno == Errno::NOTTY,
        }
    }

    fn make_raw(&self) -> std::result::Result<(), Errno> {
        let mut raw = self.modes.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&self.fd, OptionalActions::Now, &raw)
    }
}

/// The caller's standard output, which others have open too: its flags must stay as they are.
#[derive(Debug)]
enum Sink {
    /// Opened once more, so that it does not block.
    Own(OwnedFd),
    /// A socket, where each call can be told not to block.
    Socket(BorrowedFd<'static>),
    /// A file, which does not block, or what can't be opened again.
    Plain(BorrowedFd<'static>),
}

impl Sink {
    fn of(stream: BorrowedFd<'static>) -> Sink {
        let kind = rustix::fs::fstat(stream).map(|stat| FileType::from_raw_mode(stat.st_mode));
        if kind == Ok(FileType::Socket) {
            return Sink::Socket(stream);
        }
        // Not a file, whose position is shared, too.
        if kind == Ok(FileType::Fifo) || rustix::termios::isatty(stream) {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let path = format!("/proc/self/fd/{}", stream.as_raw_fd());
            if let Ok(own) = rustix::fs::open(path, flags, Mode::empty()) {
                return Sink::Own(own);
            }
        }
        Sink::Plain(stream)
    }

    fn write(&self, bytes: &[u8]) -> std::result::Result<usize, Errno> {
        match self {
            Sink::Own(fd) => rustix::io::write(fd, bytes),
            Sink::Socket(fd) => {
                rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            }
            Sink::Plain(fd) => rustix::io::write(fd, bytes),
        }
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Sink::Own(fd) => fd.as_fd(),
            Sink::Socket(fd) | Sink::Plain(fd) => *fd,
        }
    }
}

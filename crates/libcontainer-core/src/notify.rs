//! `NOTIFY_SOCKET`: a container tells systemd that it is ready, as `sd_notify(3)` has it and runc does it.
//!
//! The container gets a directory of its state at /run/notify. Who starts it listens there, and when
//! it is ready tells the caller's socket so, with the process to watch, in its own name: systemd
//! listens to the main process of a service only (`NotifyAccess=main`).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::{At, Result};
use crate::interrupt::Signals;
use crate::spec::{Mount, Spec, Str};
use crate::step::Step;
use crate::store::{NOTIFY, StateDir};
use crate::sync::send_with_fd;
use ::namespaces::poll;

/// Where the container finds the directory.
const INSIDE: &str = "/run/notify";
const SOCKET: &str = "notify.sock";
/// The longest datagram that is understood.
const DATAGRAM_MAX: usize = 4096;
/// How long the caller's side may take to say that it has read everything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Adds to a configuration what its container needs, for a state directory at this path.
pub fn provide(spec: &mut Spec<'_>, state: &str) {
    let Some(process) = &mut spec.process else { return };
    let words = ["bind", "nosuid", "noexec", "nodev", "ro"].map(Str::from);
    spec.mounts.push(Mount {
        destination: INSIDE.into(),
        source: Some(format!("{state}/{NOTIFY}").into()),
        options: Some(words.into()),
        ..Mount::default()
    });
    let variable = format!("NOTIFY_SOCKET={INSIDE}/{SOCKET}").into();
    process.env.get_or_insert_default().push(variable);
}

/// Makes the directory that the container will see.
pub fn make_directory(dir: &StateDir) -> Result<()> {
    let mode = Mode::from_raw_mode(0o755);
    rustix::fs::mkdirat(dir.as_fd(), NOTIFY, mode)
        .and_then(|()| rustix::fs::chmodat(dir.as_fd(), NOTIFY, mode, rustix::fs::AtFlags::empty()))
        .at_with(Step::Notify, || format!("{}/{NOTIFY}", dir.id()))
}

/// A container's socket, and the caller's.
#[derive(Debug)]
pub struct Proxy {
    inside: OwnedFd,
    outside: OwnedFd,
}

impl Proxy {
    /// Listens for a container; none if nobody wants to know, or if it was created without a socket.
    pub fn open(dir: &StateDir, caller: Option<&str>) -> Result<Option<Proxy>> {
        let Some(caller) = caller else { return Ok(None) };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = match rustix::fs::openat(dir.as_fd(), NOTIFY, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.at(Step::Notify, dir.id())?,
        };
        let outside = connect(caller).at(Step::Notify, caller)?;
        let inside = listen(&place).at(Step::Notify, dir.id())?;
        Ok(Some(Proxy { inside, outside }))
    }

    /// Waits until the container is ready, and says so, or until it has ended; an error if a signal
    /// asks to end.
    pub fn wait(self, pidfd: BorrowedFd<'_>, main: i32, signals: Option<&Signals>) -> Result<()> {
        loop {
            let mut fds = vec![
                PollFd::new(&self.inside, PollFlags::IN),
                PollFd::from_borrowed_fd(pidfd, PollFlags::IN),
            ];
            fds.extend(signals.map(|signals| PollFd::new(signals, PollFlags::IN)));
            retry_on_intr(|| poll(&mut fds, None)).at(Step::Notify, "poll")?;
            let (heard, ended) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
            if (heard && self.forward(main, signals)?) || ended {
                return Ok(());
            }
            signals.map_or(Ok(()), Signals::check)?;
        }
    }

    /// Reads a datagram; true when the container was ready and the caller knows.
    pub fn forward(&self, main: i32, signals: Option<&Signals>) -> Result<bool> {
        let mut buffer = [0; DATAGRAM_MAX];
        let (_, count) =
            retry_on_intr(|| rustix::net::recv(&self.inside, &mut buffer[..], RecvFlags::DONTWAIT))
                .at(Step::Notify, "read")?;
        let mut lines = buffer[..count].split(|byte| *byte == b'\n');
        let Some(ready) = lines.find(|line| line.starts_with(b"READY=")) else { return Ok(false) };
        let ready = [ready, b"\n"].concat();
        let main = format!("MAINPID={main}\n").into_bytes();
        for text in [ready, main] {
            rustix::net::send(&self.outside, &text, SendFlags::NOSIGNAL)
                .at(Step::Notify, "write")?;
        }
        self.barrier(signals).at(Step::Notify, "barrier")?;
        Ok(true)
    }

    /// Waits until all was read (`sd_notify_barrier(3)`): the other side closes a descriptor. A signal,
    /// which is left to be read, counts for more.
    fn barrier(&self, signals: Option<&Signals>) -> std::result::Result<(), Errno> {
        let (ours, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        send_with_fd(self.outside.as_fd(), b"BARRIER=1", Some(theirs.as_fd()))?;
        drop(theirs);
        let mut fds = vec![PollFd::new(&ours, PollFlags::IN)];
        fds.extend(signals.map(|signals| PollFd::new(signals, PollFlags::IN)));
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        // One that knows no barriers never closes it; it was told all the same.
        retry_on_intr(|| poll(&mut fds, Some(&patience))).map(drop)
    }
}

impl AsFd for Proxy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inside.as_fd()
    }
}

fn listen(place: &OwnedFd) -> std::result::Result<OwnedFd, Errno> {
    let socket = datagrams()?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", place.as_raw_fd());
    // Any user of the container may be the one who is ready.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(0o777))?;
    match rustix::fs::unlinkat(place, SOCKET, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    rustix::net::bind(&socket, &SocketAddrUnix::new(&path)?)?;
    rustix::fs::chmod(&path, Mode::from_raw_mode(0o777))?;
    Ok(socket)
}

/// The caller's socket: a path, or `@NAME` for an abstract one.
fn connect(caller: &str) -> std::result::Result<OwnedFd, Errno> {
    let address = match caller.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        None => SocketAddrUnix::new(caller)?,
    };
    let socket = datagrams()?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}

fn datagrams() -> std::result::Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}

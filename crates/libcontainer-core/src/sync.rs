//! The init pipe: what the parent and the container init (or an exec process) say to each other.
//!
//! | who says it | message | when | answer |
//! |---|---|---|---|
//! | parent | `Outfitted` | ids are mapped, network devices moved, cgroups of version 1 and the resctrl group made, with their limits | |
//! | init | `NeedSource(N)` | a bind mount in a user namespace | `Source` with the detached tree |
//! | init | `MapMount` | an id-mapped mount | `MountMapped` |
//! | init | `Mounted` | there are prestart or createRuntime hooks | `HooksDone` |
//! | init | `Terminal` with the master | the terminal is set up | |
//! | init | `ListenerAt` | it will load a filter that notifies | `Watching` |
//! | init | `Traced` | before `Ready`, if a timeline is wanted | |
//! | init | `Ready` | all is done but the program | `Proceed` |
//! | parent | `Proceed` | the state is committed: wait at the gate, or run | |
//! | init | `Accepted` | at the gate, to the one `start` that it heard, if hooks are left to run | |
//! | init | `Executing` | all is done but the filter and `execve` | |
//! | helper | `Spawned` | it made the process | |
//! | init | `Failed` | a step failed; the last message | |
//!
//! Messages are packets (`SOCK_SEQPACKET`), so none is read in part. The end of the stream means
//! that the other side is gone, or, after `Executing`, that the program runs: the pipe is
//! close-on-exec.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::error::{At, Cause, Error, Result};
use crate::step::Step;

/// The longest message; texts of errors are cut to fit.
const MESSAGE_MAX: usize = 16 * 1024;
/// The longest text of an error, and of one whose letters are long in JSON (`\u001b`).
const TEXT_MAX: [usize; 2] = [3 * 1024, 512];

/// One message.
#[derive(Debug)]
pub enum Message {
    /// What only the parent can do to the process is done (`CreatePlan::needs_outfit`).
    Outfitted,
    /// The source of `mounts[N]` is wanted.
    NeedSource(u32),
    /// Here it is.
    Source(OwnedFd),
    /// The ids of this tree, the source of `mounts[N]`, are to be mapped.
    MapMount(u32, OwnedFd),
    /// They are.
    MountMapped,
    /// The mounts are made, the root is not changed yet.
    Mounted,
    /// The hooks of the runtime's side have run.
    HooksDone,
    /// The terminal's master.
    Terminal(OwnedFd),
    /// What the other side noted for the timeline.
    Traced(Vec<u8>),
    /// All is done but the program.
    Ready,
    /// Go on: wait at the gate first, or not.
    Proceed {
        /// Whether the gate is waited at.
        gate: bool,
    },
    /// The init heard this `start`, and no other.
    Accepted,
    /// All is done but the filter and `execve`; at the gate, the init heard this `start`, too.
    Executing,
    /// The listener of a seccomp filter is about to have this number; once it is taken, a 1 is
    /// wanted at this address.
    ListenerAt(u32, u64),
    /// It is looked for.
    Watching,
    /// A helper made the process: its id on the host, and its handle.
    Spawned(i32, OwnedFd),
    /// A step failed.
    Failed(Error),
}

/// One end of the pipe.
#[derive(Debug)]
pub struct Pipe(OwnedFd);

/// Makes both ends.
pub fn pair() -> Result<(Pipe, Pipe)> {
    let (one, other) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .at(Step::OpenPipe, "")?;
    Ok((Pipe(one), Pipe(other)))
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Pipe {
    fn from(fd: OwnedFd) -> Pipe {
        Pipe(fd)
    }
}

impl Pipe {
    /// Sends a message.
    pub fn send(&self, message: &Message) -> Result<()> {
        let (bytes, fd) = encode(message);
        send_with_fd(self.as_fd(), &bytes, fd).at(Step::Talk, name(message))
    }

    /// Receives a message; none when the other side is gone.
    pub fn receive(&self) -> Result<Option<Message>> {
        let mut bytes = vec![0u8; MESSAGE_MAX];
        match receive_with_fd(self.as_fd(), &mut bytes).at(Step::Talk, "receive")? {
            (0, _) => Ok(None),
            (count, fd) => decode(&bytes[..count], fd).map(Some),
        }
    }
}

/// Sends bytes and, if given, one descriptor (`SCM_RIGHTS`).
pub fn send_with_fd(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fd: Option<BorrowedFd<'_>>,
) -> std::result::Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = fd.map(|fd| [fd]);
    if let Some(fds) = &fds {
        ancillary.push(SendAncillaryMessage::ScmRights(fds));
    }
    let iov = [IoSlice::new(bytes)];
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &iov, &mut ancillary, SendFlags::NOSIGNAL)
    })
    .map(|_| ())
}

fn receive_with_fd(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> std::result::Result<(usize, Option<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    loop {
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut iov = [IoSliceMut::new(bytes)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = match rustix::net::recvmsg(socket, &mut iov, &mut ancillary, flags) {
            // A reset is told once: the other side ended before it read all. What it said is still
            // there to be read, and its end after that.
            Err(Errno::INTR | Errno::CONNRESET) => continue,
            other => other?,
        };
        if message.flags.contains(ReturnFlags::TRUNC) {
            return Err(Errno::MSGSIZE);
        }
        let count = message.bytes;
        let fd = ancillary.drain().find_map(|item| match item {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        return Ok((count, fd));
    }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Outfitted => "Outfitted",
        Message::NeedSource(_) => "NeedSource",
        Message::Source(_) => "Source",
        Message::MapMount(..) => "MapMount",
        Message::MountMapped => "MountMapped",
        Message::Mounted => "Mounted",
        Message::HooksDone => "HooksDone",
        Message::Terminal(_) => "Terminal",
        Message::Traced(_) => "Traced",
        Message::Ready => "Ready",
        Message::Proceed { .. } => "Proceed",
        Message::Accepted => "Accepted",
        Message::Executing => "Executing",
        Message::ListenerAt(..) => "ListenerAt",
        Message::Watching => "Watching",
        Message::Spawned(..) => "Spawned",
        Message::Failed(_) => "Failed",
    }
}

fn encode(message: &Message) -> (Vec<u8>, Option<BorrowedFd<'_>>) {
    match message {
        Message::Outfitted => (b"o".to_vec(), None),
        Message::NeedSource(index) => ([b"n".as_slice(), &index.to_ne_bytes()].concat(), None),
        Message::Source(fd) => (b"s".to_vec(), Some(fd.as_fd())),
        Message::MapMount(index, fd) => {
            ([b"i".as_slice(), &index.to_ne_bytes()].concat(), Some(fd.as_fd()))
        }
        Message::MountMapped => (b"I".to_vec(), None),
        Message::Mounted => (b"M".to_vec(), None),
        Message::HooksDone => (b"H".to_vec(), None),
        Message::Terminal(fd) => (b"t".to_vec(), Some(fd.as_fd())),
        Message::Traced(notes) => ([b"T".as_slice(), notes].concat(), None),
        Message::Ready => (b"r".to_vec(), None),
        Message::Proceed { gate } => (vec![b'p', u8::from(*gate)], None),
        Message::Accepted => (b"a".to_vec(), None),
        Message::Executing => (b"e".to_vec(), None),
        Message::ListenerAt(number, flag) => {
            ([b"l".as_slice(), &number.to_ne_bytes(), &flag.to_ne_bytes()].concat(), None)
        }
        Message::Watching => (b"w".to_vec(), None),
        Message::Spawned(pid, fd) => {
            ([b"S".as_slice(), &pid.to_ne_bytes()].concat(), Some(fd.as_fd()))
        }
        Message::Failed(error) => (encode_error(error), None),
    }
}

fn decode(bytes: &[u8], fd: Option<OwnedFd>) -> Result<Message> {
    Ok(match (bytes, fd) {
        (b"o", _) => Message::Outfitted,
        ([b'n', a, b, c, d], _) => Message::NeedSource(u32::from_ne_bytes([*a, *b, *c, *d])),
        (b"s", Some(fd)) => Message::Source(fd),
        ([b'i', a, b, c, d], Some(fd)) => {
            Message::MapMount(u32::from_ne_bytes([*a, *b, *c, *d]), fd)
        }
        ([b'l', a, b, c, d, flag @ ..], _) if flag.len() == 8 => {
            let flag = flag.try_into().map(u64::from_ne_bytes).unwrap_or_default();
            Message::ListenerAt(u32::from_ne_bytes([*a, *b, *c, *d]), flag)
        }
        (b"a", _) => Message::Accepted,
        (b"e", _) => Message::Executing,
        (b"w", _) => Message::Watching,
        (b"I", _) => Message::MountMapped,
        (b"M", _) => Message::Mounted,
        (b"H", _) => Message::HooksDone,
        (b"t", Some(fd)) => Message::Terminal(fd),
        ([b'T', notes @ ..], _) => Message::Traced(notes.to_vec()),
        (b"r", _) => Message::Ready,
        ([b'p', gate], _) => Message::Proceed { gate: *gate != 0 },
        ([b'S', a, b, c, d], Some(fd)) => {
            Message::Spawned(i32::from_ne_bytes([*a, *b, *c, *d]), fd)
        }
        ([b'f', rest @ ..], _) => Message::Failed(decode_error(rest)),
        _ => return Err(Error::because(Step::Talk, "receive", "unknown message")),
    })
}

/// step, kind of cause, errno, detail, subject, field
type WireError = (u8, u8, i32, String, String, Option<String>);

fn encode_error(error: &Error) -> Vec<u8> {
    let [long, short] = TEXT_MAX.map(|max| encode_cut_error(error, max));
    if long.len() > MESSAGE_MAX { short } else { long }
}

fn encode_cut_error(error: &Error, max: usize) -> Vec<u8> {
    let cut = |text: &str| {
        let mut end = text.len().min(max);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    };
    let (kind, errno, detail) = match &error.cause {
        Cause::Plain => (0, 0, String::new()),
        Cause::Reason(reason) => (1, 0, cut(reason)),
        Cause::Errno(errno) => (2, errno.raw_os_error(), String::new()),
        Cause::Detailed(errno, detail) => (3, errno.raw_os_error(), cut(detail)),
    };
    let field = error.field.as_deref().map(cut);
    let wire: WireError = (error.step.number(), kind, errno, detail, cut(&error.subject), field);
    let mut bytes = b"f".to_vec();
    // Writing numbers and strings into a vector cannot fail.
    let _ = serde_json::to_writer(&mut bytes, &wire);
    bytes
}

fn decode_error(bytes: &[u8]) -> Error {
    let Ok((step, kind, errno, detail, subject, field)) =
        serde_json::from_slice::<WireError>(bytes)
    else {
        return Error::because(Step::Talk, "receive", "unreadable error");
    };
    let step = Step::from_number(step).unwrap_or(Step::Talk);
    let errno =
        if (1..4096).contains(&errno) { Errno::from_raw_os_error(errno) } else { Errno::IO };
    let cause = match kind {
        1 => Cause::Reason(detail),
        2 => Cause::Errno(errno),
        3 => Cause::Detailed(errno, detail),
        _ => Cause::Plain,
    };
    Error { cause, field, ..Error::new(step, subject) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_arrive_as_they_were_sent() {
        let (parent, init) = pair().unwrap();
        let error = Error {
            cause: Cause::Detailed(Errno::INVAL, "tmpfs: Bad value for 'size'".to_owned()),
            ..Error::new(Step::Mount, "\"tmpfs\" to rootfs at \"/m\"").field("mounts[3]")
        };
        init.send(&Message::Failed(error.clone())).unwrap();
        match parent.receive().unwrap() {
            Some(Message::Failed(received)) => assert_eq!(received, error),
            other => panic!("{other:?}"),
        }
        drop(init);
        assert!(parent.receive().unwrap().is_none());
    }

    #[test]
    fn long_texts_are_cut_to_one_message() {
        let (parent, init) = pair().unwrap();
        let error = Error::because(Step::Hook, "é".repeat(9000), "x".repeat(100_000));
        init.send(&Message::Failed(error)).unwrap();
        assert!(matches!(parent.receive().unwrap(), Some(Message::Failed(_))));
        let escapes = "\x1b".repeat(10_000);
        let error = Error::because(Step::Hook, &*escapes, &*escapes).field(escapes);
        init.send(&Message::Failed(error)).unwrap();
        assert!(matches!(parent.receive().unwrap(), Some(Message::Failed(_))));
    }

    #[test]
    fn a_descriptor_travels_with_its_message() {
        let (parent, init) = pair().unwrap();
        let (_, fd) = pair().unwrap();
        init.send(&Message::Terminal(fd.0)).unwrap();
        assert!(matches!(parent.receive().unwrap(), Some(Message::Terminal(_))));
    }
}

//! Talking to systemd over D-Bus: one connection, one question at a time, with a time limit. What has to
//! be said before a question goes with it: each wait takes as long as all else that systemd has to do.
//!
//! The messages are made and read by a library. The connection is not its: that one tells the bus the
//! user id it sees, which within a user namespace is not the one that the bus sees; and it reads on
//! for ever when the other side hangs up.

use std::io::{self, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use rustbus::message_builder::{MarshalledMessage, MessageBuilder, MessageType};
use rustbus::wire::{marshal, unmarshal};

use super::address;
use super::value::Property;
use crate::error::{Cause, Error};

/// How long systemd may take for one thing, as with runc.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest message of D-Bus.
const LONGEST: usize = 128 << 20;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const OBJECT: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// A connection to a manager.
pub(crate) struct Bus {
    stream: UnixStream,
    serial: u32,
    /// Whether the other side is a bus, not systemd itself.
    shared: bool,
    /// What goes with the next message, to save a wait.
    unsent: Vec<u8>,
    /// The number of a message in there, if a refusal of it is one of the next.
    along: Option<u32>,
    /// What was read and is not used up.
    buffer: Vec<u8>,
    /// Jobs that have ended, with their result.
    ended: Vec<(String, String)>,
}

/// An answer that is an error: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Why there was no good answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Refusal),
    Io(io::Error),
    Format(String),
}

impl Failure {
    /// The error for the step.
    pub(crate) fn at(self, step: &'static str, subject: &str) -> Error {
        let text = match self {
            Self::Refused(Refusal { name, text }) => {
                format!("{} ({name})", text.trim_end_matches('.'))
            }
            Self::Io(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                format!("systemd did not answer within {} seconds", PATIENCE.as_secs())
            }
            Self::Io(error) => error.to_string(),
            Self::Format(what) => format!("systemd's answer has an unknown form: {what}"),
        };
        Error::new(step, subject, Cause::Systemd(text))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn format<E: std::fmt::Debug>(error: E) -> Failure {
    Failure::Format(format!("{error:?}"))
}

impl Bus {
    /// Connects to the system's manager, or the user's own: by its bus, or directly.
    pub(crate) fn connect(user: bool) -> Result<Self, Error> {
        let mut tried = Vec::new();
        for (address, shared) in address::of_manager(user) {
            match Self::open(&address, shared) {
                Ok(bus) => return Ok(bus),
                Err(failure) => {
                    let error = failure.at("connect to systemd", "");
                    tried.push(format!("{address}: {}", error.cause));
                }
            }
        }
        let subject = if user { "of the user" } else { "of the system" };
        let hint = match tried.is_empty() {
            true => "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set".to_owned(),
            false => tried.join("; "),
        };
        Err(Error::new("connect to systemd", subject, Cause::Systemd(hint)))
    }

    fn open(address: &str, shared: bool) -> Result<Self, Failure> {
        let stream = match address.strip_prefix('@') {
            Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?,
            None => UnixStream::connect(address)?,
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // EXTERNAL without an identity: the other side takes the one that the socket tells it.
        let unsent = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".to_vec();
        let (buffer, ended) = (Vec::new(), Vec::new());
        let mut bus = Self { stream, serial: 0, shared, unsent, along: None, buffer, ended };
        // A bus takes a message along. systemd would let it lie until more comes.
        let hello = rustbus::standard_messages::hello();
        let hello = shared.then(|| bus.put(&hello)).transpose()?;
        bus.send()?;
        bus.read_welcome()?;
        hello.map_or(Ok(()), |serial| bus.answer(serial).map(drop))?;
        Ok(bus)
    }

    /// Reads the answers to the words of the beginning.
    fn read_welcome(&mut self) -> Result<(), Failure> {
        let size = loop {
            let pairs = self.buffer.windows(2).enumerate();
            let mut ends = pairs.filter(|(_, pair)| pair == b"\r\n").map(|(at, _)| at + 2);
            if let Some(end) = ends.nth(1) {
                break end;
            }
            if self.buffer.len() > 1024 {
                return Err(Failure::Io(ErrorKind::ConnectionAborted.into()));
            }
            self.read_more()?;
        };
        let answer: Vec<u8> = self.buffer.drain(..size).collect();
        match answer.strip_prefix(b"DATA\r\nOK ") {
            Some(_) => Ok(()),
            None => Err(Failure::Format(String::from_utf8_lossy(&answer).trim_end().to_owned())),
        }
    }

    /// Listens for the ends of jobs, from the next question on.
    ///
    /// systemd tells them to whoever asked for the job, and to all who are connected to it directly.
    /// `Subscribe` would have it tell all changes of all units.
    pub(crate) fn listen(&mut self) -> Result<(), Failure> {
        if self.shared {
            let rule = format!(
                "type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'"
            );
            self.along = Some(self.put(&rustbus::standard_messages::add_match(&rule))?);
        }
        Ok(())
    }

    /// `StartTransientUnit`: the path of the job.
    pub(crate) fn start_unit(
        &mut self,
        unit: &str,
        properties: &[&Property],
    ) -> Result<String, Failure> {
        let mut message = call("StartTransientUnit");
        message.body.push_param2(unit, "replace").map_err(format)?;
        push_properties(&mut message, properties)?;
        push_param(&mut message, "a(sa(sv))", Vec::new())?;
        self.job(message)
    }

    /// `StopUnit`: the path of the job.
    pub(crate) fn stop_unit(&mut self, unit: &str) -> Result<String, Failure> {
        let mut message = call("StopUnit");
        message.body.push_param2(unit, "replace").map_err(format)?;
        self.job(message)
    }

    /// `ResetFailedUnit`: forgets a unit that has failed.
    pub(crate) fn reset_failed(&mut self, unit: &str) -> Result<(), Failure> {
        let mut message = call("ResetFailedUnit");
        message.body.push_param(unit).map_err(format)?;
        self.ask(message).map(drop)
    }

    /// `SetUnitProperties`, until the next boot; when this returns, the cgroup has them.
    pub(crate) fn set_properties(
        &mut self,
        unit: &str,
        properties: &[&Property],
    ) -> Result<(), Failure> {
        let mut message = call("SetUnitProperties");
        message.body.push_param2(unit, true).map_err(format)?;
        push_properties(&mut message, properties)?;
        self.ask(message)?;
        // systemd answers before it writes, but writes before it takes another call.
        self.find_unit(unit)
    }

    /// `GetUnit`: refused if there is no such unit.
    pub(crate) fn find_unit(&mut self, unit: &str) -> Result<(), Failure> {
        let mut message = call("GetUnit");
        message.body.push_param(unit).map_err(format)?;
        self.ask(message).map(drop)
    }

    /// Property `ControlGroup`: the cgroup that the units are below.
    pub(crate) fn manager_cgroup(&mut self) -> Result<String, Failure> {
        let mut message = call("Get");
        message.dynheader.interface = Some("org.freedesktop.DBus.Properties".to_owned());
        message.body.push_param2(MANAGER, "ControlGroup").map_err(format)?;
        let answer = self.ask(message)?;
        let value: rustbus::wire::unmarshal::traits::Variant<'_, '_> =
            answer.body.parser().get().map_err(format)?;
        value.get().map_err(format)
    }

    /// `AttachProcessesToUnit`: moves the caller into a unit's cgroup, or one below it.
    pub(crate) fn attach_caller(&mut self, unit: &str, below: &str) -> Result<(), Failure> {
        let mut message = call("AttachProcessesToUnit");
        // 0 is whoever asks.
        message.body.push_param3(unit, below, &[0_u32][..]).map_err(format)?;
        self.ask(message).map(drop)
    }

    /// Waits until a job has ended; gives its result, such as `done`.
    pub(crate) fn wait_for(&mut self, job: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.ended.iter().position(|(path, _)| path == job) {
                return Ok(self.ended.swap_remove(index).1);
            }
            if Instant::now() >= deadline {
                return Err(Failure::Io(ErrorKind::TimedOut.into()));
            }
            let message = self.receive()?;
            self.note(&message);
        }
    }

    fn job(&mut self, message: MarshalledMessage) -> Result<String, Failure> {
        let answer = self.ask(message)?;
        let path: rustbus::wire::ObjectPath<&str> = answer.body.parser().get().map_err(format)?;
        Ok(path.as_ref().to_owned())
    }

    /// Sends a call and waits for its answer.
    fn ask(&mut self, message: MarshalledMessage) -> Result<MarshalledMessage, Failure> {
        let serial = self.put(&message)?;
        self.send()?;
        self.answer(serial)
    }

    /// Puts a message with what is to be sent; gives its number.
    fn put(&mut self, message: &MarshalledMessage) -> Result<u32, Failure> {
        self.serial += 1;
        let mut head = Vec::new();
        marshal::marshal(message, self.serial, &mut head).map_err(format)?;
        self.unsent.extend_from_slice(&head);
        self.unsent.extend_from_slice(message.get_buf());
        Ok(self.serial)
    }

    fn send(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(())
    }

    /// Waits for the answer to a message.
    fn answer(&mut self, serial: u32) -> Result<MarshalledMessage, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.receive()?;
            let to = answer.dynheader.response_serial;
            let failed = answer.typ == MessageType::Error;
            if to.is_some() && (to == Some(serial) || to == self.along) && failed {
                let name = answer.dynheader.error_name.clone().unwrap_or_default();
                let text = answer.body.parser().get::<String>().unwrap_or_default();
                return Err(Failure::Refused(Refusal { name, text }));
            }
            if to == Some(serial) {
                return Ok(answer);
            }
            self.note(&answer);
            if Instant::now() >= deadline {
                return Err(Failure::Io(ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Remembers the end of a job.
    fn note(&mut self, message: &MarshalledMessage) {
        if message.dynheader.member.as_deref() != Some("JobRemoved") {
            return;
        }
        let parts =
            message.body.parser().get4::<u32, rustbus::wire::ObjectPath<&str>, &str, &str>();
        if let Ok((_, path, _, result)) = parts {
            self.ended.push((path.as_ref().to_owned(), result.to_owned()));
        }
    }

    fn receive(&mut self) -> Result<MarshalledMessage, Failure> {
        self.fill(unmarshal::HEADER_LEN + 4)?;
        let (used, header) = unmarshal::unmarshal_header(&self.buffer, 0).map_err(format)?;
        let fields = rustbus::wire::util::parse_u32(&self.buffer[used..], header.byteorder);
        let (_, fields) = fields.map_err(format)?;
        let head = (used + 4 + fields as usize).next_multiple_of(8);
        let whole = head.saturating_add(header.body_len as usize);
        if whole > LONGEST {
            return Err(Failure::Format(format!("a message of {whole} bytes")));
        }
        self.fill(whole)?;
        // The library takes all that it is given for the message.
        let bytes: Vec<u8> = self.buffer.drain(..whole).collect();
        let (more, fields) =
            unmarshal::unmarshal_dynamic_header(&header, &bytes, used).map_err(format)?;
        let (_, message) = unmarshal::unmarshal_next_message(&header, fields, &bytes, used + more)
            .map_err(format)?;
        Ok(message)
    }

    /// Reads until there are so many bytes.
    fn fill(&mut self, size: usize) -> Result<(), Failure> {
        while self.buffer.len() < size {
            self.read_more()?;
        }
        Ok(())
    }

    fn read_more(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Failure::Io(ErrorKind::ConnectionAborted.into())),
            Ok(size) => {
                self.buffer.extend_from_slice(&chunk[..size]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn call(member: &str) -> MarshalledMessage {
    MessageBuilder::new().call(member).on(OBJECT).with_interface(MANAGER).at(SYSTEMD).build()
}

/// Appends properties as `a(sv)`.
fn push_properties(
    message: &mut MarshalledMessage,
    properties: &[&Property],
) -> Result<(), Failure> {
    use rustbus::params::{Container, Param, Variant};
    use rustbus::signature::Type;
    let pairs = properties.iter().map(|property| {
        let signature = property.value.signature();
        let sig = Type::parse_description(&signature).map_err(format)?.pop();
        let sig = sig.ok_or(Failure::Format(signature))?;
        let variant = Variant { sig, value: property.value.param() };
        let variant = Param::Container(Container::Variant(Box::new(variant)));
        let name = Param::Base(rustbus::params::Base::String(property.name.clone()));
        Ok(Param::Container(Container::Struct(vec![name, variant])))
    });
    let pairs = pairs.collect::<Result<Vec<_>, Failure>>()?;
    push_param(message, "a(sv)", pairs)
}

fn push_param(
    message: &mut MarshalledMessage,
    signature: &str,
    values: Vec<rustbus::params::Param<'static, 'static>>,
) -> Result<(), Failure> {
    use rustbus::params::{Array, Container, Param};
    use rustbus::signature::Type;
    let element_sig = Type::parse_description(&signature[1..]).map_err(format)?.pop();
    let element_sig = element_sig.ok_or_else(|| Failure::Format(signature.to_owned()))?;
    let array = Param::Container(Container::Array(Array { element_sig, values }));
    message.body.push_old_param(&array).map_err(format)
}

//! Talking to systemd over D-Bus: one connection, one question at a time, with a time limit.
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
        for (address, shared) in addresses(user) {
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
        let mut bus = Self { stream, serial: 0, shared, buffer: Vec::new(), ended: Vec::new() };
        bus.authenticate()?;
        if shared {
            bus.ask(rustbus::standard_messages::hello())?;
        }
        Ok(bus)
    }

    /// EXTERNAL without an identity: the other side takes the one that the socket tells it.
    fn authenticate(&mut self) -> Result<(), Failure> {
        self.stream.write_all(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")?;
        let mut answer = Vec::new();
        let lines = |answer: &[u8]| answer.windows(2).filter(|pair| pair == b"\r\n").count();
        while lines(&answer) < 2 {
            let mut chunk = [0; 256];
            let size = self.stream.read(&mut chunk)?;
            if size == 0 || answer.len() > 1024 {
                return Err(Failure::Io(ErrorKind::ConnectionAborted.into()));
            }
            answer.extend_from_slice(&chunk[..size]);
        }
        match answer.strip_prefix(b"DATA\r\nOK ") {
            Some(_) => Ok(()),
            None => Err(Failure::Format(String::from_utf8_lossy(&answer).trim_end().to_owned())),
        }
    }

    /// Starts to listen for the ends of jobs.
    pub(crate) fn listen(&mut self) -> Result<(), Failure> {
        if self.shared {
            let rule = format!("type='signal',interface='{MANAGER}',member='JobRemoved'");
            self.ask(rustbus::standard_messages::add_match(&rule))?;
        }
        self.ask(call("Subscribe"))?;
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
        let mut another = call("GetUnit");
        another.body.push_param(unit).map_err(format)?;
        self.ask(another).map(drop)
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
        self.serial += 1;
        let serial = self.serial;
        let mut bytes = Vec::new();
        marshal::marshal(&message, serial, &mut bytes).map_err(format)?;
        bytes.extend_from_slice(message.get_buf());
        self.stream.write_all(&bytes)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.receive()?;
            if answer.dynheader.response_serial != Some(serial) {
                self.note(&answer);
                if Instant::now() >= deadline {
                    return Err(Failure::Io(ErrorKind::TimedOut.into()));
                }
                continue;
            }
            if answer.typ != MessageType::Error {
                return Ok(answer);
            }
            let name = answer.dynheader.error_name.clone().unwrap_or_default();
            let text = answer.body.parser().get::<String>().unwrap_or_default();
            return Err(Failure::Refused(Refusal { name, text }));
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
        let (more, fields) =
            unmarshal::unmarshal_dynamic_header(&header, &self.buffer, used).map_err(format)?;
        let (_, message) =
            unmarshal::unmarshal_next_message(&header, fields, &self.buffer, used + more)
                .map_err(format)?;
        self.buffer.clear();
        Ok(message)
    }

    /// Reads until there are so many bytes, and not one more: the next message follows.
    fn fill(&mut self, size: usize) -> Result<(), Failure> {
        let have = self.buffer.len();
        if size > have {
            self.buffer.resize(size, 0);
            self.stream.read_exact(&mut self.buffer[have..])?;
        }
        Ok(())
    }
}

/// Where to look for a manager, in order, and whether it is a bus that is there.
fn addresses(user: bool) -> Vec<(String, bool)> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut found = Vec::new();
    if user {
        let named = environment("DBUS_SESSION_BUS_ADDRESS");
        found.extend(named.as_deref().and_then(parse_address).map(|path| (path, true)));
        if let Some(dir) = environment("XDG_RUNTIME_DIR") {
            found.push((format!("{dir}/bus"), true));
            found.push((format!("{dir}/systemd/private"), false));
        }
    } else {
        let named = environment("DBUS_SYSTEM_BUS_ADDRESS");
        let named = named.as_deref().and_then(parse_address);
        found.push((named.unwrap_or_else(|| "/run/dbus/system_bus_socket".to_owned()), true));
        found.push(("/run/systemd/private".to_owned(), false));
    }
    found.dedup();
    found
}

/// The first Unix socket of a list of addresses; `@` marks an abstract one.
fn parse_address(list: &str) -> Option<String> {
    list.split(';').find_map(|address| {
        let pairs = address.strip_prefix("unix:")?;
        pairs.split(',').find_map(|pair| match pair.split_once('=')? {
            ("path", path) => Some(unescape(path)),
            ("abstract", name) => Some(format!("@{}", unescape(name))),
            _ => None,
        })
    })
}

/// Undoes `%XX`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_buses() {
        for (list, expected) in [
            ("unix:path=/run/user/1000/bus", Some("/run/user/1000/bus")),
            ("unix:path=/run/bus,guid=0123", Some("/run/bus")),
            ("unix:abstract=/tmp/dbus-x,guid=0", Some("@/tmp/dbus-x")),
            ("tcp:host=localhost;unix:path=/a%20b", Some("/a b")),
            ("unix:path=/a%zz%", Some("/a%zz%")),
            ("autolaunch:", None),
            ("", None),
        ] {
            assert_eq!(parse_address(list).as_deref(), expected, "{list}");
        }
    }
}

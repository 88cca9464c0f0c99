//! The few requests about network devices and their addresses that moving a device takes (`rtnetlink(7)`).
//!
//! A socket stays in the network namespace in which it was opened. Answers are only read as far as
//! they are needed, so that attributes of a later kernel are no error.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{
    DefaultNla, Emitable, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_EXCL,
    NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NlasIterator, Parseable,
};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkFlags, LinkHeader};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

type Result<T> = std::result::Result<T, Errno>;

/// The kernel's answers to a dump are at most this long.
const ANSWER_MAX: usize = 64 * 1024;
/// How often a list that changed while it was read is read again.
const ATTEMPTS: usize = 16;

/// A netlink socket of one network namespace.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

/// A message from the kernel: its type, and what follows the header.
type Answer = (u16, Vec<u8>);

/// A request about a device.
///
/// That of netlink-packet-route has a variant for each attribute there is: 170 KB of the program.
#[derive(Debug, Default)]
struct LinkRequest {
    header: LinkHeader,
    attributes: Vec<DefaultNla>,
}

impl LinkRequest {
    fn of(index: u32) -> LinkRequest {
        let header = LinkHeader { index, ..LinkHeader::default() };
        LinkRequest { header, attributes: Vec::new() }
    }

    fn with(mut self, kind: u16, value: Vec<u8>) -> LinkRequest {
        self.attributes.push(DefaultNla::new(kind, value));
        self
    }
}

impl Emitable for LinkRequest {
    fn buffer_len(&self) -> usize {
        self.header.buffer_len() + self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        let (header, attributes) = buffer.split_at_mut(self.header.buffer_len());
        self.header.emit(header);
        self.attributes.as_slice().emit(attributes);
    }
}

fn c_string(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

impl Socket {
    /// Opens a socket in the caller's network namespace.
    pub fn open() -> Result<Socket> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None, // NETLINK_ROUTE is 0
        )?;
        // From then on only the kernel can send to it.
        rustix::net::connect(&fd, &SocketAddrNetlink::new(0, 0))?;
        Ok(Socket { fd, sequence: 0 })
    }

    /// The index of the device with this name, if there is one.
    pub fn index_of(&mut self, name: &str) -> Result<Option<u32>> {
        let message = LinkRequest::default().with(libc::IFLA_IFNAME, c_string(name));
        match self.change(libc::RTM_GETLINK, 0, &message) {
            Err(Errno::NODEV) => Ok(None),
            other => only_link(&other?).map(|link| Some(link.0)),
        }
    }

    /// The name of the device with this index.
    pub fn name_of(&mut self, index: u32) -> Result<String> {
        let answers = self.change(libc::RTM_GETLINK, 0, &LinkRequest::of(index))?;
        only_link(&answers).map(|link| link.1)
    }

    /// The indices of all devices.
    pub fn indices(&mut self) -> Result<Vec<u32>> {
        let answers = self.list(libc::RTM_GETLINK, &LinkRequest::default())?;
        answers.iter().map(|answer| link_of(answer).map(|link| link.0)).collect()
    }

    /// The addresses of a device, in the kernel's order.
    pub fn addresses(&mut self, index: u32) -> Result<Vec<AddressMessage>> {
        let answers = self.list(libc::RTM_GETADDR, &AddressMessage::default())?;
        let mut addresses = Vec::new();
        for (_, payload) in answers.iter().filter(|answer| answer.0 == libc::RTM_NEWADDR) {
            let address = AddressMessage::parse(payload).map_err(|_| Errno::BADMSG)?;
            if address.header.index == index {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }

    /// Moves a device into another network namespace, under a name or a pattern of names, and with
    /// another index if one is given (Linux 5.13; older kernels pass over it).
    pub fn move_link(
        &mut self,
        index: u32,
        namespace: BorrowedFd<'_>,
        name: &str,
        new_index: Option<u32>,
    ) -> Result<()> {
        let namespace = namespace.as_raw_fd().to_ne_bytes();
        let mut message = LinkRequest::of(index)
            .with(libc::IFLA_NET_NS_FD, namespace.to_vec())
            .with(libc::IFLA_IFNAME, c_string(name));
        if let Some(new) = new_index {
            message = message.with(libc::IFLA_NEW_IFINDEX, new.to_ne_bytes().to_vec());
        }
        self.change(libc::RTM_SETLINK, 0, &message).map(drop)
    }

    /// Brings a device up.
    pub fn bring_up(&mut self, index: u32) -> Result<()> {
        let mut message = LinkRequest::of(index);
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.change(libc::RTM_SETLINK, 0, &message).map(drop)
    }

    /// Adds an address to a device: `RTM_NEWADDR`.
    pub fn add_address(&mut self, message: &AddressMessage) -> Result<()> {
        self.change(libc::RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, message).map(drop)
    }

    fn change(&mut self, kind: u16, flags: u16, message: &dyn Emitable) -> Result<Vec<Answer>> {
        self.send(kind, flags | NLM_F_ACK, message)?;
        self.receive().map(|(answers, _)| answers)
    }

    fn list(&mut self, kind: u16, message: &dyn Emitable) -> Result<Vec<Answer>> {
        for _ in 0..ATTEMPTS {
            self.send(kind, NLM_F_DUMP, message)?;
            let (answers, changed) = self.receive()?;
            if !changed {
                return Ok(answers);
            }
        }
        Err(Errno::INTR)
    }

    fn send(&mut self, kind: u16, flags: u16, message: &dyn Emitable) -> Result<()> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        let start = header.buffer_len();
        let mut bytes = vec![0; start + message.buffer_len()];
        header.length = bytes.len() as u32;
        header.message_type = kind;
        header.flags = flags | NLM_F_REQUEST;
        header.sequence_number = self.sequence;
        header.emit(&mut bytes);
        message.emit(&mut bytes[start..]);
        rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, &bytes, SendFlags::empty()))
            .map(drop)
    }

    /// The answers to the last request, and whether the list changed while it was read.
    fn receive(&mut self) -> Result<(Vec<Answer>, bool)> {
        let mut buffer = vec![0; ANSWER_MAX];
        let (mut answers, mut changed) = (Vec::new(), false);
        loop {
            let (_, length) = rustix::io::retry_on_intr(|| {
                rustix::net::recv(&self.fd, &mut buffer[..], RecvFlags::TRUNC)
            })?;
            let mut rest = buffer.get(..length).ok_or(Errno::MSGSIZE)?;
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest).map_err(|_| Errno::BADMSG)?;
                changed |= message.flags() & NLM_F_DUMP_INTR != 0;
                if message.sequence_number() == self.sequence {
                    match message.message_type() {
                        NLMSG_DONE => return Ok((answers, changed)),
                        NLMSG_ERROR => {
                            return verdict(message.payload()).map(|()| (answers, changed));
                        }
                        kind => answers.push((kind, message.payload().to_vec())),
                    }
                }
                // Messages begin at multiples of four bytes.
                let next = (message.length() as usize).next_multiple_of(4);
                rest = rest.get(next..).unwrap_or_default();
            }
        }
    }
}

/// The kernel's word at the end of a request: an errno, or none.
fn verdict(payload: &[u8]) -> Result<()> {
    let code = payload.first_chunk().ok_or(Errno::BADMSG)?;
    match i32::from_ne_bytes(*code) {
        0 => Ok(()),
        code => Err(Errno::from_raw_os_error(code.wrapping_neg())),
    }
}

fn only_link(answers: &[Answer]) -> Result<(u32, String)> {
    answers.first().ok_or(Errno::NODEV).and_then(link_of)
}

/// Index and name of a device.
fn link_of((kind, payload): &Answer) -> Result<(u32, String)> {
    if *kind != libc::RTM_NEWLINK {
        return Err(Errno::BADMSG);
    }
    let header = LinkHeader::parse(payload).map_err(|_| Errno::BADMSG)?;
    let attributes = payload.get(header.buffer_len()..).unwrap_or_default();
    let name = NlasIterator::new(attributes)
        .flatten()
        .find(|attribute| attribute.kind() == libc::IFLA_IFNAME)
        .map(|attribute| attribute.value().to_vec())
        .unwrap_or_default();
    let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
    Ok((header.index, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found() {
        let mut socket = Socket::open().unwrap();
        let index = socket.index_of("lo").unwrap().expect("every namespace has it");
        assert_eq!(socket.name_of(index).unwrap(), "lo");
        assert!(socket.indices().unwrap().contains(&index));
        let addresses = socket.addresses(index).unwrap();
        assert!(addresses.iter().all(|address| address.header.index == index));
    }

    #[test]
    fn what_is_not_there_is_told() {
        let mut socket = Socket::open().unwrap();
        assert_eq!(socket.index_of("no-such-device"), Ok(None));
        assert_eq!(socket.name_of(0x7fff_fff0), Err(Errno::NODEV));
    }

    #[test]
    fn broken_answers_are_errors() {
        assert_eq!(verdict(&[1, 2]), Err(Errno::BADMSG));
        assert_eq!(verdict(&(-17i32).to_ne_bytes()), Err(Errno::EXIST));
        assert_eq!(verdict(&0i32.to_ne_bytes()), Ok(()));
        assert!(link_of(&(libc::RTM_NEWLINK, vec![0; 3])).is_err());
        assert!(link_of(&(libc::RTM_NEWADDR, vec![0; 16])).is_err());
    }
}

//! Network devices of the host move into the container (config-linux.md, "Network Devices").
//!
//! The kernel keeps what a device is (type, hardware address, mtu), but takes its addresses away:
//! the permanent global ones are given back. All devices are looked at before the first one moves,
//! since what has moved is never taken out again.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};

use ::namespaces::{Child, Namespace, NamespaceFile};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::netlink::Socket;
use crate::plan::{CreatePlan, NetDevice};
use crate::spawn::Away;
use crate::step::Step;

/// What a caller of `RTM_NEWADDR` may set; the other flags are the kernel's own.
const SETTABLE: AddressFlags = AddressFlags::Nodad
    .union(AddressFlags::Homeaddress)
    .union(AddressFlags::Managetempaddr)
    .union(AddressFlags::Noprefixroute)
    .union(AddressFlags::Mcautojoin);

/// The network namespace that is joined, if devices move into one.
///
/// It is opened by the descriptor that the process joins by, so that both mean the same.
pub fn joined(plan: &CreatePlan, files: &[NamespaceFile]) -> Result<Option<NamespaceFile>> {
    let file = files.iter().find(|file| file.kind() == Namespace::Network);
    let (Some(file), false) = (file, plan.net_devices.is_empty()) else { return Ok(None) };
    let place = open_namespace(&format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))?;
    if identity(&place)? == identity(&open_namespace("/proc/self/ns/net")?)? {
        let reason = "the network namespace that is joined is the one of the devices already";
        return Err(Error::config("linux.netDevices", reason));
    }
    Ok(Some(place))
}

/// Moves the devices of the plan into the namespace that is joined, or into the one of `child`.
pub fn provide(plan: &CreatePlan, joined: Option<&NamespaceFile>, child: &Child) -> Result<()> {
    if plan.net_devices.is_empty() {
        return Ok(());
    }
    match joined {
        Some(place) => move_all(&plan.net_devices, place),
        None => {
            let pid = child.pid.as_raw_nonzero();
            move_all(&plan.net_devices, &open_namespace(&format!("/proc/{pid}/ns/net"))?)
        }
    }
}

fn move_all(devices: &[NetDevice], place: &NamespaceFile) -> Result<()> {
    let mut outside = Socket::open().at(Step::Netlink, "")?;
    let mut inside = socket_in(place)?;
    let sources = devices
        .iter()
        .map(|device| inspect(device, &mut outside, &mut inside))
        .collect::<Result<Vec<Source<'_>>>>()?;
    sources.iter().try_for_each(|source| relocate(source, place, &mut outside, &mut inside))
}

/// A device as it is on the host.
#[derive(Debug)]
struct Source<'p> {
    device: &'p NetDevice,
    index: u32,
    addresses: Vec<AddressMessage>,
}

/// Finds a device and its addresses, and that its name is free in the container: the kernel would
/// find that out only between the move and the change of name.
fn inspect<'p>(
    device: &'p NetDevice,
    outside: &mut Socket,
    inside: &mut Socket,
) -> Result<Source<'p>> {
    let index = outside.index_of(&device.host).and_then(|index| index.ok_or(Errno::NODEV));
    let index = failed(device, index)?;
    if !device.is_numbered() && failed(device, inside.index_of(&device.name))?.is_some() {
        let reason = format!("there is a device {:?} in that network namespace", device.name);
        return Err(Error::because(Step::NetDevice, subject(device), reason)
            .field(format!("{}.name", device.field)));
    }
    let mut addresses = failed(device, outside.addresses(index))?;
    addresses.retain(is_kept);
    Ok(Source { device, index, addresses })
}

/// Moves one device, gives it its addresses back, and brings it up.
fn relocate(
    source: &Source<'_>,
    place: &NamespaceFile,
    outside: &mut Socket,
    inside: &mut Socket,
) -> Result<()> {
    let device = source.device;
    let mut shift =
        |new_index| outside.move_link(source.index, place.as_fd(), &device.name, new_index);
    let index = if device.is_numbered() {
        // Nobody knows the name; the index is the only way to find the device then. Before Linux
        // 5.13 the kernel does not hear of it, and keeps the index if that is free.
        let used = failed(device, inside.indices())?;
        let index = free_index(source.index, &used);
        failed(device, shift(Some(index)))?;
        index
    } else {
        failed(device, shift(None))?;
        let index = inside.index_of(&device.name).and_then(|index| index.ok_or(Errno::NODEV));
        failed(device, index)?
    };
    let name = failed(device, inside.name_of(index))?;
    for address in &source.addresses {
        let address = address_for(address, index, &device.host, &name);
        let added = inside.add_address(&address);
        added
            .at_with(Step::NetDeviceAddress, || subject_of_address(device, &address))
            .map_err(|error| error.field(&*device.field))?;
    }
    inside
        .bring_up(index)
        .at_with(Step::NetDeviceUp, || format!("{name:?}"))
        .map_err(|error| error.field(&*device.field))
}

/// The index that a device has, or one behind all others if that is taken.
fn free_index(own: u32, used: &[u32]) -> u32 {
    if used.contains(&own) { used.iter().max().map_or(own, |last| last + 1) } else { own }
}

/// Permanent addresses of global scope are kept (`IFA_F_PERMANENT`, `RT_SCOPE_UNIVERSE`).
fn is_kept(address: &AddressMessage) -> bool {
    let permanent = flags_of(address).contains(AddressFlags::Permanent)
        || address.header.flags.contains(AddressHeaderFlags::Permanent);
    permanent && address.header.scope == AddressScope::Universe
}

fn flags_of(address: &AddressMessage) -> AddressFlags {
    let flags = address.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    flags.unwrap_or(AddressFlags::empty())
}

/// The request for the same address on another device.
fn address_for(address: &AddressMessage, index: u32, host: &str, name: &str) -> AddressMessage {
    let mut wanted = address.clone();
    wanted.header.index = index;
    wanted.header.flags = AddressHeaderFlags::empty();
    wanted.attributes = address
        .attributes
        .iter()
        .filter_map(|attribute| match attribute {
            AddressAttribute::Flags(flags) => Some(AddressAttribute::Flags(*flags & SETTABLE)),
            AddressAttribute::Label(label) => renamed(label, host, name),
            AddressAttribute::Address(_)
            | AddressAttribute::Local(_)
            | AddressAttribute::Broadcast(_)
            | AddressAttribute::CacheInfo(_)
            | AddressAttribute::RoutePriority(_)
            | AddressAttribute::Protocol(_) => Some(attribute.clone()),
            _ => None,
        })
        .collect();
    wanted
}

/// A label `DEVICE:WORD` follows the device's name; without one the kernel takes the name itself.
fn renamed(label: &str, host: &str, name: &str) -> Option<AddressAttribute> {
    let word = label.strip_prefix(host)?.strip_prefix(':')?;
    let label = format!("{name}:{word}");
    (label.len() <= 15).then_some(AddressAttribute::Label(label))
}

/// A socket of another network namespace: the caller is there while it is opened.
fn socket_in(place: &NamespaceFile) -> Result<Socket> {
    let mut away = Away::default();
    away.join(place)?;
    let socket = Socket::open().at(Step::Netlink, "");
    away.back()?;
    socket
}

fn open_namespace(path: &str) -> Result<NamespaceFile> {
    let fail = |reason: String| {
        Error::because(Step::OpenNamespace, path, reason).field("linux.netDevices")
    };
    let name = CString::new(path).map_err(|error| fail(error.to_string()))?;
    NamespaceFile::open(Namespace::Network, &name).map_err(|error| fail(error.to_string()))
}

/// What tells a namespace from others: device and inode of its file (`namespaces(7)`).
fn identity(place: &NamespaceFile) -> Result<(u64, u64)> {
    let stat = rustix::fs::fstat(place.as_fd()).at(Step::OpenNamespace, "network")?;
    Ok((stat.st_dev, stat.st_ino))
}

fn subject(device: &NetDevice) -> String {
    format!("{:?} into the container as {:?}", device.host, device.name)
}

fn subject_of_address(device: &NetDevice, address: &AddressMessage) -> String {
    let ip = address.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) | AddressAttribute::Address(ip) => Some(ip.to_string()),
        _ => None,
    });
    let length = address.header.prefix_len;
    format!("{}/{length} of {:?}", ip.unwrap_or_default(), device.host)
}

fn failed<T>(device: &NetDevice, result: std::result::Result<T, Errno>) -> Result<T> {
    result.at_with(Step::NetDevice, || subject(device)).map_err(|error| error.field(&*device.field))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn address(scope: AddressScope, flags: AddressFlags, label: &str) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.scope = scope;
        message.header.index = 7;
        message.header.prefix_len = 24;
        message.attributes = vec![
            AddressAttribute::Local(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
            AddressAttribute::Label(label.to_owned()),
            AddressAttribute::Flags(flags),
        ];
        message
    }

    #[test]
    fn permanent_global_addresses_are_kept() {
        let kept = |scope, flags| is_kept(&address(scope, flags, "eth0"));
        assert!(kept(AddressScope::Universe, AddressFlags::Permanent | AddressFlags::Secondary));
        assert!(!kept(AddressScope::Universe, AddressFlags::empty()));
        assert!(!kept(AddressScope::Link, AddressFlags::Permanent));
        assert!(!kept(AddressScope::Host, AddressFlags::Permanent));
    }

    #[test]
    fn an_address_is_asked_for_as_it_was() {
        let flags = AddressFlags::Permanent | AddressFlags::Noprefixroute | AddressFlags::Tentative;
        let old = address(AddressScope::Universe, flags, "eth0:two");
        let new = address_for(&old, 3, "eth0", "net1");
        assert_eq!((new.header.index, new.header.prefix_len), (3, 24));
        assert_eq!(
            new.attributes,
            [
                old.attributes[0].clone(),
                AddressAttribute::Label("net1:two".to_owned()),
                AddressAttribute::Flags(AddressFlags::Noprefixroute),
            ]
        );
    }

    #[test]
    fn labels_follow_the_name() {
        let label = |label| renamed(label, "eth0", "a-longer-name");
        assert_eq!(label("eth0"), None);
        assert_eq!(label("eth0:1"), Some(AddressAttribute::Label("a-longer-name:1".to_owned())));
        assert_eq!(label("eth0:too-long"), None);
        assert_eq!(label("eth01:1"), None);
    }

    #[test]
    fn an_index_is_kept_if_it_is_free() {
        assert_eq!(free_index(5, &[1, 2]), 5);
        assert_eq!(free_index(2, &[1, 2, 9]), 10);
        assert_eq!(free_index(1, &[]), 1);
    }
}

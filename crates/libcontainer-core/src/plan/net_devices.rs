//! `linux.netDevices`: devices of the host that are moved into the container (config-linux.md, "Network Devices").

use ::namespaces::Namespace;

use super::{Host, Namespaces};
use crate::error::{Error, Result};
use crate::spec::Linux;

/// `IFNAMSIZ` of `linux/if.h`, less the terminating NUL.
const NAME_MAX: usize = 15;
/// By this in a name the kernel puts the first number that is free.
const NUMBER: &str = "%d";

/// A network device that is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetDevice {
    /// Its name on the host.
    pub host: String,
    /// Its name in the container, or a pattern with `%d`.
    pub name: String,
    /// The property that asks for it.
    pub field: String,
}

impl NetDevice {
    /// Whether the kernel completes the name.
    pub fn is_numbered(&self) -> bool {
        self.name.contains(NUMBER)
    }
}

/// Plans which network devices are moved; they need a network namespace of the container, and root.
pub fn plan(
    linux: Option<&Linux<'_>>,
    namespaces: &Namespaces,
    host: &Host,
) -> Result<Vec<NetDevice>> {
    let wanted = linux.and_then(|linux| linux.net_devices.as_ref());
    let Some(wanted) = wanted.filter(|devices| !devices.is_empty()) else {
        return Ok(Vec::new());
    };
    let refuse = |reason| Err(Error::config("linux.netDevices", reason));
    if !namespaces.has(Namespace::Network) {
        return refuse("network devices can't be moved without a private network namespace");
    }
    if host.euid != 0 {
        return refuse("network devices can only be moved by root");
    }
    let mut devices: Vec<NetDevice> = Vec::new();
    for (key, entry) in wanted {
        let field = field_of(key);
        check_name(key, false).map_err(|reason| Error::config(&*field, reason))?;
        let name = entry.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(key);
        let name_field = format!("{field}.name");
        check_name(name, true).map_err(|reason| Error::config(&*name_field, reason))?;
        let device = NetDevice { host: key.to_string(), name: name.to_owned(), field };
        let same = |other: &&NetDevice| other.name == device.name && !device.is_numbered();
        if let Some(other) = devices.iter().find(same) {
            let reason =
                format!("{:?} and {:?} can't both become {:?}", other.host, device.host, name);
            return Err(Error::config(name_field, reason));
        }
        devices.push(device);
    }
    Ok(devices)
}

/// The JSON path of an entry; a name with dots (of a VLAN) is quoted.
fn field_of(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !key.is_empty() && key.bytes().all(plain) {
        format!("linux.netDevices.{key}")
    } else {
        format!("linux.netDevices[{key:?}]")
    }
}

/// What the kernel refuses as a device's name (`dev_valid_name` of `net/core/dev.c`).
fn check_name(name: &str, pattern: bool) -> std::result::Result<(), String> {
    // The kernel counts the no-break space of Latin-1, also as part of another UTF-8 character.
    let space = |byte: u8| byte.is_ascii_whitespace() || byte == 0x0b || byte == 0xa0;
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME_MAX {
        "is longer than 15 bytes"
    } else if name == "." || name == ".." {
        "is not the name of a network device"
    } else if name.bytes().any(|byte| b"/:\0".contains(&byte) || space(byte)) {
        "has a slash, colon, space or NUL in it"
    } else if pattern && name.replacen(NUMBER, "", 1).contains('%') {
        "may have a percent sign only as one %d"
    } else if !pattern && name.contains('%') {
        "must not have a percent sign"
    } else {
        return Ok(());
    };
    Err(format!("{name:?} {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_need_a_namespace_and_root() {
        let linux: Linux<'_> = serde_json::from_str(r#"{"netDevices": {"eth0": {}}}"#).unwrap();
        let with_network = || {
            let mut namespaces = Namespaces::default();
            namespaces.create = namespaces.create.with(Namespace::Network);
            namespaces
        };
        let host =
            |euid| Host { cgroups: None, user_manager: None, selinux: || true, euid, egid: euid };
        let devices = plan(Some(&linux), &with_network(), &host(0)).unwrap();
        assert_eq!((devices.len(), &*devices[0].name), (1, "eth0"));
        for refused in [
            plan(Some(&linux), &with_network(), &host(1000)),
            plan(Some(&linux), &Namespaces::default(), &host(0)),
        ] {
            assert_eq!(refused.unwrap_err().field.as_deref(), Some("linux.netDevices"));
        }
        let none: Linux<'_> = serde_json::from_str(r#"{"netDevices": {}}"#).unwrap();
        assert_eq!(plan(Some(&none), &Namespaces::default(), &host(1000)), Ok(Vec::new()));
    }

    #[test]
    fn names_are_checked_as_by_the_kernel() {
        for good in ["eth0", "a", "abcdefghijklmno", "eth0.100", "ü", "...", "lo"] {
            assert_eq!(check_name(good, false), Ok(()), "{good:?}");
            assert_eq!(check_name(good, true), Ok(()), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\u{b}", "à", "x\0", "%", "%s"] {
            assert!(check_name(bad, false).is_err(), "{bad:?}");
            assert!(check_name(bad, true).is_err(), "{bad:?}");
        }
        assert!(check_name("abcdefghijklmnop", true).is_err());
    }

    #[test]
    fn patterns_have_one_number() {
        for good in ["eth%d", "%d", "a%db"] {
            assert_eq!(check_name(good, true), Ok(()), "{good:?}");
            assert!(check_name(good, false).is_err(), "{good:?}");
        }
        for bad in ["eth%d%d", "%%d", "%i%d", "eth%"] {
            assert!(check_name(bad, true).is_err(), "{bad:?}");
        }
    }
}

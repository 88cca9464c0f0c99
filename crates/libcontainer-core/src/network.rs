//! What went through a container's network interfaces (proc_pid_net(5), `/proc/[pid]/net/dev`).

use serde::Serialize;

use crate::procfs;

/// Counters of one interface, since it exists; named as runc's `events` names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "each is the column of the file with that name")]
pub struct Interface {
    pub name: String,
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

/// The interfaces of a process's network namespace but the loopback; none if the namespace is the
/// caller's, as its interfaces are not the container's.
pub fn interfaces(pid: i32) -> Vec<Interface> {
    let namespace = |process: &str| rustix::fs::stat(format!("/proc/{process}/ns/net")).ok();
    let (own, theirs) = (namespace("self"), namespace(&pid.to_string()));
    let shared = own.zip(theirs).is_none_or(|(own, theirs)| own.st_ino == theirs.st_ino);
    if shared {
        return Vec::new();
    }
    let text = procfs::read(&format!("{pid}/net/dev")).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(parse)
        .filter(|one| one.name != "lo")
        .collect()
}

/// A line `name: counters`; the two lines of the heading have no such form.
fn parse(line: &str) -> Option<Interface> {
    let (name, counters) = line.split_once(':')?;
    let counters: Vec<u64> =
        counters.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let at = |index: usize| counters.get(index).copied();
    Some(Interface {
        name: name.trim().to_owned(),
        rx_bytes: at(0)?,
        rx_packets: at(1)?,
        rx_errors: at(2)?,
        rx_dropped: at(3)?,
        tx_bytes: at(8)?,
        tx_packets: at(9)?,
        tx_errors: at(10)?,
        tx_dropped: at(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line = "  eth0:  1296      16    1    2    0     0          0         0      776      10    3    4    0     0       0          0";
        let expected = Interface {
            name: "eth0".to_owned(),
            rx_bytes: 1296,
            rx_packets: 16,
            rx_errors: 1,
            rx_dropped: 2,
            tx_bytes: 776,
            tx_packets: 10,
            tx_errors: 3,
            tx_dropped: 4,
        };
        assert_eq!(parse(line), Some(expected));
        for line in ["Inter-|   Receive  |  Transmit", " face |bytes packets", "eth0: 1 2", ""] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_hosts_interfaces_are_not_the_containers() {
        assert_eq!(interfaces(std::process::id() as i32), []);
    }
}

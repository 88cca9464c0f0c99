//! The `linux` object (config-linux.md). Resources and seccomp belong to their own crates.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{IdMapping, Str};

/// What only Linux has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Linux<'a> {
    /// Namespaces to create or to join.
    #[serde(default, borrow)]
    pub namespaces: Option<Vec<NamespaceEntry<'a>>>,
    /// User ids of a new user namespace.
    #[serde(default)]
    pub uid_mappings: Option<Vec<IdMapping>>,
    /// Group ids of a new user namespace.
    #[serde(default)]
    pub gid_mappings: Option<Vec<IdMapping>>,
    /// Offsets of a new time namespace, by clock.
    #[serde(default, borrow)]
    pub time_offsets: Option<BTreeMap<Str<'a>, TimeOffset>>,
    /// Device files besides the default ones.
    #[serde(default, borrow)]
    pub devices: Option<Vec<Device<'a>>>,
    /// Network devices that are moved into the container, by their name on the host.
    #[serde(default, borrow)]
    pub net_devices: Option<BTreeMap<Str<'a>, NetDevice<'a>>>,
    /// Where in the cgroup tree.
    #[serde(default, borrow)]
    pub cgroups_path: Option<Str<'a>>,
    /// Limits.
    #[serde(default, borrow)]
    pub resources: Option<cgroups::spec::Resources<'a>>,
    /// Intel RDT.
    #[serde(default, borrow)]
    pub intel_rdt: Option<IntelRdt<'a>>,
    /// Kernel parameters.
    #[serde(default, borrow)]
    pub sysctl: Option<BTreeMap<Str<'a>, Str<'a>>>,
    /// System call filter.
    #[serde(default, borrow)]
    pub seccomp: Option<seccomp::spec::Profile<'a>>,
    /// Propagation of the root mount.
    #[serde(default, borrow)]
    pub rootfs_propagation: Option<Str<'a>>,
    /// Paths that read as nothing.
    #[serde(default, borrow)]
    pub masked_paths: Option<Vec<Str<'a>>>,
    /// Paths that can't be written.
    #[serde(default, borrow)]
    pub readonly_paths: Option<Vec<Str<'a>>>,
    /// SELinux context of the mounts.
    #[serde(default, borrow)]
    pub mount_label: Option<Str<'a>>,
    /// NUMA memory policy.
    #[serde(default, borrow)]
    pub memory_policy: Option<MemoryPolicy<'a>>,
    /// Execution domain.
    #[serde(default, borrow)]
    pub personality: Option<Personality<'a>>,
}

/// One namespace: a new one, or with a path that one.
#[derive(Debug, Deserialize)]
pub struct NamespaceEntry<'a> {
    /// Name of the kind.
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    /// File of a namespace to join.
    #[serde(default, borrow)]
    pub path: Option<Str<'a>>,
}

/// Offset of a clock.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct TimeOffset {
    /// Seconds.
    #[serde(default)]
    pub secs: i64,
    /// Nanoseconds.
    #[serde(default)]
    pub nanosecs: u32,
}

/// A device file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device<'a> {
    /// Path inside the container.
    #[serde(borrow)]
    pub path: Str<'a>,
    /// `c`, `b`, `u` or `p`.
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    /// Major number.
    #[serde(default)]
    pub major: i64,
    /// Minor number.
    #[serde(default)]
    pub minor: i64,
    /// Permission bits; 0666 when absent.
    #[serde(default)]
    pub file_mode: Option<u32>,
    /// Owner inside the container.
    #[serde(default)]
    pub uid: Option<u32>,
    /// Group inside the container.
    #[serde(default)]
    pub gid: Option<u32>,
}

/// A network device.
#[derive(Debug, Deserialize)]
pub struct NetDevice<'a> {
    /// Its name inside the container; the same when absent.
    #[serde(default, borrow)]
    pub name: Option<Str<'a>>,
}

/// Cache and memory bandwidth allocation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntelRdt<'a> {
    /// Class of service.
    #[serde(default, borrow, rename = "closID")]
    pub clos_id: Option<Str<'a>>,
    /// Schemata lines.
    #[serde(default, borrow)]
    pub schemata: Option<Vec<Str<'a>>>,
    /// Schema of the L3 cache.
    #[serde(default, borrow)]
    pub l3_cache_schema: Option<Str<'a>>,
    /// Schema of the memory bandwidth.
    #[serde(default, borrow)]
    pub mem_bw_schema: Option<Str<'a>>,
    /// Whether a monitoring group is made.
    #[serde(default)]
    pub enable_monitoring: bool,
}

/// NUMA policy, see `set_mempolicy(2)`.
#[derive(Debug, Deserialize)]
pub struct MemoryPolicy<'a> {
    /// `MPOL_*`.
    #[serde(default, borrow)]
    pub mode: Str<'a>,
    /// List of nodes.
    #[serde(default, borrow)]
    pub nodes: Option<Str<'a>>,
    /// `MPOL_F_*`.
    #[serde(default, borrow)]
    pub flags: Option<Vec<Str<'a>>>,
}

/// Execution domain, see `personality(2)`.
#[derive(Debug, Deserialize)]
pub struct Personality<'a> {
    /// `LINUX` or `LINUX32`.
    #[serde(borrow)]
    pub domain: Str<'a>,
    /// No flags are defined by any kernel interface that the specification names.
    #[serde(default, borrow)]
    pub flags: Option<Vec<Str<'a>>>,
}

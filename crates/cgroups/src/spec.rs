//! `linux.resources` of the runtime spec 1.3 (config-linux.md, "Control groups"), borrowed from
//! the JSON text; what is absent there is `None` here.
//!
//! Go matches the names of properties in either case, and engines have written some with a capital.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Resource limits of a container: `linux.resources`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources<'a> {
    /// Device rules, in order; the last one that matches wins.
    #[serde(alias = "Devices", borrow, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<Device<'a>>>,
    /// Memory limits.
    #[serde(alias = "Memory", skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// CPU time and placement.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu<'a>>,
    /// The same, as some engines write it; beside `cpu` it adds to that one, and counts more.
    #[serde(rename = "CPU", borrow, skip_serializing_if = "Option::is_none")]
    pub cpu_in_capitals: Option<Cpu<'a>>,
    /// Number of tasks.
    #[serde(alias = "Pids", skip_serializing_if = "Option::is_none")]
    pub pids: Option<Pids>,
    /// Weights and throttles of block devices.
    #[serde(alias = "BlockIO", rename = "blockIO", skip_serializing_if = "Option::is_none")]
    pub block_io: Option<BlockIo>,
    /// Limits of huge pages, one for each page size.
    #[serde(alias = "HugepageLimits", borrow, skip_serializing_if = "Option::is_none")]
    pub hugepage_limits: Option<Vec<HugepageLimit<'a>>>,
    /// Class and priorities of network packets (v1 only).
    #[serde(alias = "Network", borrow, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network<'a>>,
    /// Limits of RDMA resources, by device name.
    #[serde(alias = "Rdma", borrow, skip_serializing_if = "Option::is_none")]
    pub rdma: Option<BTreeMap<Cow<'a, str>, Rdma>>,
    /// Files of cgroup v2 by name, and what to write to them.
    #[serde(alias = "Unified", borrow, skip_serializing_if = "Option::is_none")]
    pub unified: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
}

/// One device rule.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Device<'a> {
    /// Allow or deny.
    pub allow: bool,
    /// `a` (all, also when absent), `c` or `b`.
    #[serde(rename = "type", borrow, default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
    /// Major number; -1 or absent is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<i64>,
    /// Minor number; -1 or absent is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<i64>,
    /// Letters of `r`, `w`, `m`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Cow<'a, str>>,
}

/// Memory limits, in bytes; -1 is unlimited.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Hard limit.
    #[serde(alias = "Limit", skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Soft limit.
    #[serde(alias = "Reservation", skip_serializing_if = "Option::is_none")]
    pub reservation: Option<i64>,
    /// Limit of memory and swap together.
    #[serde(alias = "Swap", skip_serializing_if = "Option::is_none")]
    pub swap: Option<i64>,
    /// Limit of kernel memory (without effect since Linux 5.16).
    #[serde(alias = "Kernel", skip_serializing_if = "Option::is_none")]
    pub kernel: Option<i64>,
    /// Limit of kernel memory of TCP buffers (v1 only).
    #[serde(alias = "KernelTCP", rename = "kernelTCP", skip_serializing_if = "Option::is_none")]
    pub kernel_tcp: Option<i64>,
    /// Tendency to swap, 0 to 100 (v1 only).
    #[serde(alias = "Swappiness", skip_serializing_if = "Option::is_none")]
    pub swappiness: Option<u64>,
    /// Stop tasks that run out of memory, do not kill one (v1 only).
    #[serde(
        alias = "DisableOOMKiller",
        rename = "disableOOMKiller",
        skip_serializing_if = "Option::is_none"
    )]
    pub disable_oom_killer: Option<bool>,
    /// Account for sub-cgroups (v1 only; always so since Linux 5.11).
    #[serde(alias = "UseHierarchy", skip_serializing_if = "Option::is_none")]
    pub use_hierarchy: Option<bool>,
    /// Refuse a limit below what is in use.
    #[serde(alias = "CheckBeforeUpdate", skip_serializing_if = "Option::is_none")]
    pub check_before_update: Option<bool>,
}

/// CPU time and placement.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cpu<'a> {
    /// Relative weight, 2 to 262144.
    #[serde(alias = "Shares", skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
    /// Microseconds of CPU time in each period; negative is unlimited.
    #[serde(alias = "Quota", skip_serializing_if = "Option::is_none")]
    pub quota: Option<i64>,
    /// Microseconds that unused quota may add to a later period.
    #[serde(alias = "Burst", skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Length of a period in microseconds.
    #[serde(alias = "Period", skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// Microseconds of real-time scheduling in each real-time period (v1 only).
    #[serde(alias = "RealtimeRuntime", skip_serializing_if = "Option::is_none")]
    pub realtime_runtime: Option<i64>,
    /// Length of a real-time period in microseconds (v1 only).
    #[serde(alias = "RealtimePeriod", skip_serializing_if = "Option::is_none")]
    pub realtime_period: Option<u64>,
    /// List of CPUs, such as `0-3,7`.
    #[serde(alias = "Cpus", borrow, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cow<'a, str>>,
    /// List of memory nodes, such as `0-1`.
    #[serde(alias = "Mems", borrow, skip_serializing_if = "Option::is_none")]
    pub mems: Option<Cow<'a, str>>,
    /// 1 for `SCHED_IDLE` treatment of the whole cgroup.
    #[serde(alias = "Idle", skip_serializing_if = "Option::is_none")]
    pub idle: Option<i64>,
}

/// Number of tasks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Pids {
    /// Most tasks at one time; negative is unlimited.
    #[serde(alias = "Limit", skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// Weights and throttles of block devices.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockIo {
    /// Weight, 10 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Weight against the sub-cgroups (v1 only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf_weight: Option<u16>,
    /// Weights by device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_device: Option<Vec<WeightDevice>>,
    /// Bytes read in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_read_bps_device: Option<Vec<ThrottleDevice>>,
    /// Bytes written in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_write_bps_device: Option<Vec<ThrottleDevice>>,
    /// Reads in a second.
    #[serde(rename = "throttleReadIOPSDevice", skip_serializing_if = "Option::is_none")]
    pub throttle_read_iops_device: Option<Vec<ThrottleDevice>>,
    /// Writes in a second.
    #[serde(rename = "throttleWriteIOPSDevice", skip_serializing_if = "Option::is_none")]
    pub throttle_write_iops_device: Option<Vec<ThrottleDevice>>,
}

/// Weight of a block device.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightDevice {
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// Weight, 10 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Weight against the sub-cgroups (v1 only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf_weight: Option<u16>,
}

/// Throttle of a block device.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ThrottleDevice {
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// Bytes or operations in a second; 0 takes the throttle away.
    pub rate: u64,
}

/// Limit of one size of huge pages.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HugepageLimit<'a> {
    /// Page size as in the file names of the controller, such as `2MB`.
    #[serde(borrow)]
    #[serde(alias = "pagesize")]
    pub page_size: Cow<'a, str>,
    /// Bytes.
    pub limit: u64,
}

/// Class and priorities of network packets.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Network<'a> {
    /// Class of packets, for traffic control.
    #[serde(rename = "classID", skip_serializing_if = "Option::is_none")]
    pub class_id: Option<u32>,
    /// Priorities by network interface.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub priorities: Option<Vec<InterfacePriority<'a>>>,
}

/// Priority of packets on one network interface.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct InterfacePriority<'a> {
    /// Name of the interface.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Priority.
    pub priority: u32,
}

/// Limits of one RDMA device.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rdma {
    /// Most handles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_handles: Option<u32>,
    /// Most objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_objects: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_go_programs_write_them() {
        let capital = r#"{"CPU":{"Cpus":"0","Shares":2},"Memory":{"Limit":5},"Pids":{"Limit":7}}"#;
        let usual = r#"{"cpu":{"cpus":"0","shares":2},"memory":{"limit":5},"pids":{"limit":7}}"#;
        let read = |text: &'static str| serde_json::from_str::<Resources<'_>>(text).unwrap();
        assert_eq!(*read(capital).settled(), read(usual));
        assert_ne!(read(usual), Resources::default());
    }
}

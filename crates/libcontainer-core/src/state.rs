//! What is known of a container, as its state directory keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::intel_rdt;
use crate::oci_state::OciState;
use crate::spec::Hook;

/// What is known of a container; the intent has `pid` 0.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Name.
    pub id: String,
    /// Process id of the container init on the host; 0 until the container is created.
    pub pid: i32,
    /// Its start time in clock ticks since boot, against reused ids.
    pub start_time: u64,
    /// The inode of its pidfd, which no other process has until the next boot (Linux 6.9); older
    /// kernels have one for all.
    #[serde(default)]
    pub pidfd_inode: u64,
    /// When the container was created, RFC 3339.
    pub created: String,
    /// Absolute path of the bundle.
    pub bundle: String,
    /// Absolute path of the root filesystem.
    pub rootfs: String,
    /// User id of the creator.
    pub owner: u32,
    /// Words of the caller.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Where in the cgroup tree.
    pub cgroup: Option<cgroups::Record>,
    /// The group of the resctrl filesystem.
    #[serde(default)]
    pub intel_rdt: Option<intel_rdt::Record>,
    /// Whether the processes in the cgroup are the container's: not before it was found to be empty.
    #[serde(skip)]
    pub cgroup_owned: bool,
    /// Whether the container has a pid namespace, whose end takes all processes along.
    pub pid_namespace: bool,
    /// Hooks that are yet to run.
    #[serde(default)]
    pub poststart: Vec<Hook>,
    /// Hooks that are yet to run.
    #[serde(default)]
    pub poststop: Vec<Hook>,
}

impl State {
    /// The state as hooks and agents on the host get it.
    pub fn oci_state<'a>(&'a self, status: &'a str) -> OciState<'a> {
        OciState {
            id: &self.id,
            status,
            pid: self.pid,
            bundle: &self.bundle,
            annotations: &self.annotations,
        }
    }
}

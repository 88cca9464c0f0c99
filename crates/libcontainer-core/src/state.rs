//! What is known of a container, as its state directory keeps it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::intel_rdt;
use crate::oci_state::OciState;
use crate::plan::Agent;
use crate::spec::Hook;

/// What is known of a container; the intent has `pid` 0.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Name.
    pub id: String,
    /// Process id of the container init on the host; 0 until the container is created.
    pub pid: i32,
    /// Its start time in clock ticks since boot, against reused ids; 0 if the inode alone tells.
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
    /// Which part of the cgroup is the container's own.
    #[serde(skip)]
    pub owned: Owned,
    /// Whether the container has a pid namespace, whose end takes all processes along.
    pub pid_namespace: bool,
    /// The agent of the filter that the program is yet to get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// Hooks that are yet to run.
    #[serde(default)]
    pub poststart: Vec<Hook>,
    /// Hooks that are yet to run.
    #[serde(default)]
    pub poststop: Vec<Hook>,
}

/// Which part of a cgroup is known to be a container's own: it exists, and was empty before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owned {
    /// Nothing: not even its first directory was looked at.
    #[default]
    Nothing,
    /// What the init is born in: where version 1 is beside version 2, its directories are looked at
    /// while the init works.
    Birthplace,
    /// All of it.
    Whole,
}

impl State {
    /// The part of the cgroup that is known to be the container's own.
    pub fn own_cgroup(&self) -> Option<Cow<'_, cgroups::Record>> {
        let cgroup = self.cgroup.as_ref()?;
        match self.owned {
            Owned::Nothing => None,
            Owned::Birthplace => Some(cgroup.birthplace()),
            Owned::Whole => Some(Cow::Borrowed(cgroup)),
        }
    }

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

#[cfg(test)]
mod tests {
    use cgroups::{Directory, Kind, Record};

    use super::*;

    fn state(kind: Kind) -> State {
        let directory = |controllers: &str, mount: &str| Directory {
            controllers: controllers.to_owned(),
            mount: mount.to_owned(),
            path: "x".to_owned(),
        };
        let directories = vec![directory("pids", "pids"), directory("", "unified")];
        let record = Record { kind, root: "/sys/fs/cgroup".to_owned(), directories, unit: None };
        State { cgroup: Some(record), ..State::default() }
    }

    #[test]
    fn a_cgroup_that_may_be_anothers_is_left_alone() {
        let mut state = state(Kind::Hybrid);
        assert!(state.own_cgroup().is_none());
        state.owned = Owned::Birthplace;
        let own = state.own_cgroup().unwrap().into_owned();
        assert!(own.directories.len() == 1 && own.directories[0].is_v2(), "{own:?}");
        state.owned = Owned::Whole;
        assert_eq!(state.own_cgroup().unwrap().directories.len(), 2);
    }

    #[test]
    fn version_one_alone_is_looked_at_before_there_is_an_init() {
        let state = State { owned: Owned::Birthplace, ..state(Kind::V1) };
        assert_eq!(state.own_cgroup().unwrap().directories.len(), 2);
    }
}

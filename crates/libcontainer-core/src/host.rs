//! Facts of the machine, asked for once and only when a plan needs them.

use crate::caller;
use crate::error::{Result, cgroup_failed};
use crate::plan::{Host, Options};
use crate::step::Step;

impl Host {
    /// Asks the machine.
    pub fn probe(options: &Options) -> Result<Host> {
        let cgroups = if options.no_cgroups {
            None
        } else {
            let layout = cgroups::Layout::detect();
            Some(layout.map_err(|error| cgroup_failed(Step::Cgroup, &error))?)
        };
        let unified = cgroups.as_ref().is_some_and(|layout| layout.kind() == cgroups::Kind::V2);
        let asked = options.systemd_cgroup && options.rootless && unified;
        let (euid, egid) = caller::ids();
        let manager = asked.then(cgroups::user_manager).transpose();
        Ok(Host {
            cgroups,
            user_manager: manager.map_err(|error| cgroup_failed(Step::Cgroup, &error))?,
            selinux: selinux_is_active,
            euid,
            egid,
        })
    }
}

fn selinux_is_active() -> bool {
    rustix::fs::access("/sys/fs/selinux/enforce", rustix::fs::Access::EXISTS).is_ok()
}

/// Whether the host has cgroup v2 and nothing else.
pub fn has_unified_cgroups() -> bool {
    cgroups::Layout::detect().is_ok_and(|layout| layout.kind() == cgroups::Kind::V2)
}

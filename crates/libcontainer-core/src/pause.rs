//! `pause` and `resume`: the freezer of the container's cgroup.

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::step::Step;

/// Freezes all processes of a container that runs.
pub fn pause(container: &Container) -> Result<()> {
    if !matches!(container.status, Status::Running | Status::Created) {
        let words = format!("container not running or created: {}", container.status.word());
        return Err(Error::new(Step::CheckStatus, words));
    }
    cgroup(container)?.freeze().map_err(|error| cgroup_failed(Step::Cgroup, &error))
}

/// Lets them go on.
pub fn resume(container: &Container) -> Result<()> {
    if container.status != Status::Paused {
        return Err(Error::new(Step::CheckStatus, "container not paused"));
    }
    cgroup(container)?.thaw().map_err(|error| cgroup_failed(Step::Cgroup, &error))
}

/// The cgroup of a container, which one that was created without has not.
pub fn cgroup(container: &Container) -> Result<&cgroups::Record> {
    let none = |reason| Error::because(Step::Cgroup, "no cgroup", reason);
    match &container.state.cgroup {
        None => Err(none("the container was created without one (--cgroup-manager disabled)")),
        Some(record) if record.directories.is_empty() => {
            Err(none("container could not join or create cgroup when it was created (rootless)"))
        }
        Some(record) => Ok(record),
    }
}

//! `ps`: the processes of a container.

use crate::container::Container;
use crate::error::{Result, cgroup_failed};
use crate::step::Step;

/// Their ids on the host; none for a container that has ended.
pub fn pids(container: &Container) -> Result<Vec<i32>> {
    let Some(live) = container.live() else { return Ok(Vec::new()) };
    let Some(cgroup) = &container.state.cgroup else { return Ok(vec![live.pid]) };
    cgroup.pids().map_err(|error| cgroup_failed(Step::Cgroup, &error))
}

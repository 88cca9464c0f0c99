//! `kill`: a signal to the container process, or to all of a container that has no pid namespace.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::container::{Container, Status};
use crate::error::{At, Error, Result, cgroup_failed};
use crate::step::Step;

/// Sends a signal. `all` is for containers that share a pid namespace; the others end with their init.
pub fn kill(container: &Container, signal: i32, all: bool) -> Result<()> {
    let everyone = (all || signal == libc::SIGKILL) && !container.state.pid_namespace;
    let Ok(live) = container.signallable() else {
        // The init is gone, but in a shared pid namespace others may be there.
        let left = everyone && !left_behind(container).is_empty();
        if left || all {
            return kill_left_behind(container, signal);
        }
        return container.signallable().map(drop);
    };
    if everyone {
        kill_left_behind(container, signal)?;
    }
    match ::namespaces::send_signal(live.as_fd(), signal) {
        Err(Errno::SRCH) if everyone => {}
        Err(Errno::SRCH) => return Err(Error::new(Step::CheckStatus, "container not running")),
        other => other.at_with(Step::Signal, || format!("pid {}", live.pid))?,
    }
    if signal == libc::SIGKILL && container.status == Status::Paused {
        // A frozen process of cgroup v1 can't die.
        thaw(container)?;
    }
    Ok(())
}

fn thaw(container: &Container) -> Result<()> {
    let Some(cgroup) = &container.state.cgroup else { return Ok(()) };
    cgroup.thaw().map_err(|error| cgroup_failed(Step::Cgroup, &error))
}

fn left_behind(container: &Container) -> Vec<i32> {
    // A cgroup that is gone has no processes.
    container.state.own_cgroup().and_then(|cgroup| cgroup.pids().ok()).unwrap_or_default()
}

fn kill_left_behind(container: &Container, signal: i32) -> Result<()> {
    let Some(cgroup) = container.state.own_cgroup() else { return Ok(()) };
    if signal == 0 {
        return Ok(());
    }
    cgroup.kill_all(signal).map_err(|error| cgroup_failed(Step::Signal, &error))
}

//! `delete`: gives back all that a container took: processes, cgroups, state. Works from the intent alone.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::start::run_hooks;
use crate::step::Step;
use crate::store::{Store, check_id};
use crate::sys;

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Deletes a container; gives warnings. With `force`, one that is not there is no error.
pub fn delete(store: &Store, id: &str, force: bool) -> Result<Vec<String>> {
    check_id(id)?;
    let container = match Container::load(store, id) {
        Err(error) if force && error.step == Step::FindContainer => return Ok(Vec::new()),
        Err(error) if force && error.step == Step::ReadState => {
            // Nothing can be known from a broken state; its directory goes.
            store.find(id)?.remove()?;
            return Ok(vec![format!("{error}; its cgroups, if any, were left alone")]);
        }
        other => other?,
    };
    let deletable = matches!(container.status, Status::Stopped | Status::Created);
    if !force && !deletable {
        let words = format!(
            "cannot delete container {id} that is not stopped: {}",
            container.status.word()
        );
        return Err(Error::new(Step::CheckStatus, words));
    }
    destroy(&container)
}

/// Ends what is left of a container and removes it.
pub fn destroy(container: &Container) -> Result<Vec<String>> {
    end_processes(container)?;
    if let Some(cgroup) = &container.state.cgroup
        && !container.state.cgroup_owned
    {
        // `create` was killed before it knew whether they are its own: only what is empty goes.
        for (_, path) in cgroup.paths() {
            let _ = rustix::fs::rmdir(&*path);
        }
    } else if let Some(cgroup) = &container.state.cgroup {
        cgroup.remove().map_err(|error| cgroup_failed(Step::RemoveState, &error))?;
    }
    if let Some(group) = &container.state.intel_rdt {
        group.remove()?;
    }
    container.dir.remove()?;
    let state = &container.state;
    if state.poststop.is_empty() {
        return Ok(Vec::new());
    }
    // A failing poststop hook is a warning (runtime.md, "Lifecycle").
    match run_hooks(state, "poststop", &state.poststop, "stopped", 0) {
        Ok(()) => Ok(Vec::new()),
        Err(error) => Ok(vec![error.to_string()]),
    }
}

fn end_processes(container: &Container) -> Result<()> {
    let live = container.live();
    if let Some(live) = live {
        let _ = sys::send_signal(live.as_fd(), libc::SIGKILL);
    }
    if let Some(cgroup) = &container.state.cgroup {
        if container.status == Status::Paused {
            // Signals sent to frozen processes act when they thaw.
            let _ = cgroup.thaw();
        }
        // Without a pid namespace of its own, or with an init that nobody knows, the cgroup tells.
        let unknown = !container.state.pid_namespace || container.status == Status::Creating;
        if unknown && container.state.cgroup_owned {
            cgroup.kill_all(libc::SIGKILL).map_err(|error| cgroup_failed(Step::Signal, &error))?;
        }
    }
    match live {
        Some(live) if !wait_gone(live.as_fd()) => {
            let reason =
                format!("pid {} is still there {} s after SIGKILL", live.pid, PATIENCE.as_secs());
            Err(Error::because(Step::Wait, "the container process", reason))
        }
        _ => Ok(()),
    }
}

/// Waits until a process has ended; false if it takes too long.
fn wait_gone(pidfd: rustix::fd::BorrowedFd<'_>) -> bool {
    let timeout = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&timeout)))
        .is_ok_and(|count| count > 0)
}

//! `delete`: gives back all that a container took: processes, cgroups, state. Works from the intent alone.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::container::{Container, Live, Status};
use crate::death::ends_within;
use crate::error::{Error, Result, cgroup_failed};
use crate::interrupt::Signals;
use crate::start::run_hooks;
use crate::state::{Owned, State};
use crate::step::Step;
use crate::store::{StateDir, Store, check_id};

/// How long a killed process may take to be gone, and another command to let go of the container.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take before its cgroup is thawed, each time.
const THAW_PAUSE: Duration = Duration::from_millis(100);
/// How often what came into the cgroup meanwhile (`exec`) is killed, and the removal tried again.
const ATTEMPTS: u32 = 4;

/// Deletes a container; gives warnings. With `force`, one that is not there is no error.
pub fn delete(store: &Store, id: &str, force: bool) -> Result<Vec<String>> {
    check_id(id)?;
    let deleted = store.find(id).and_then(|dir| {
        let may = |container: &Container| {
            if force || matches!(container.status, Status::Stopped | Status::Created) {
                return Ok(());
            }
            let status = container.status.word();
            let words = format!("cannot delete container {id} that is not stopped: {status}");
            Err(Error::new(Step::CheckStatus, words))
        };
        destroy(dir, force, &may, None)
    });
    match deleted {
        Err(error) if force && error.step == Step::FindContainer => Ok(Vec::new()),
        other => other,
    }
}

/// Ends what is left of a container and removes it, if it may be; with `force` also what has no
/// readable state.
pub fn destroy(
    mut dir: StateDir,
    force: bool,
    may: &dyn Fn(&Container) -> Result<()>,
    signals: Option<&Signals>,
) -> Result<Vec<String>> {
    if !dir.lock(Duration::ZERO)? {
        // It is being made, or deleted. Without its processes that comes to an end sooner.
        let Some(state) = dir.read_state()? else {
            return Err(Error::new(Step::FindContainer, dir.id()));
        };
        let container = Container::with_state(dir, state, true)?;
        may(&container)?;
        end_processes(&container)?;
        dir = container.dir;
        if !dir.lock(PATIENCE)? {
            let reason =
                format!("another command is at work on it, for {} s now", PATIENCE.as_secs());
            return Err(Error::because(Step::RemoveState, dir.id(), reason));
        }
    }
    let state = match dir.read_state() {
        Ok(Some(state)) => state,
        Err(error) if force && error.errno().is_none() => {
            // Nothing can be known from a broken state; its directory goes.
            dir.remove()?;
            return Ok(vec![format!("{error}; its cgroups, if any, were left alone")]);
        }
        Ok(None) => {
            // Deleted a moment ago, or what a killed command left of it.
            if force && !dir.is_gone() {
                dir.remove()?;
            }
            return Err(Error::new(Step::FindContainer, dir.id()));
        }
        Err(error) => return Err(error),
    };
    let container = Container::with_state(dir, state, true)?;
    may(&container)?;
    give_back(&container, signals)
}

/// Removes a container whose process the caller made and has waited for, the last thing that it does.
/// Gives warnings.
pub fn destroy_ended(
    mut dir: StateDir,
    state: State,
    signals: Option<&Signals>,
) -> Result<Vec<String>> {
    if !dir.lock(Duration::ZERO)? || !dir.has_state() {
        return destroy(dir, true, &|_| Ok(()), signals);
    }
    let container = Container::ended(dir, state);
    let warnings = give_back(&container, signals);
    std::mem::forget(container);
    warnings
}

/// Ends what is left of a container that nobody else is at work on, and removes it.
fn give_back(container: &Container, signals: Option<&Signals>) -> Result<Vec<String>> {
    end_processes(container)?;
    let mut warnings = remove_cgroup(&container.state)?;
    if let Some(group) = &container.state.intel_rdt {
        group.remove()?;
    }
    container.dir.remove()?;
    warnings.extend(run_poststop(&container.state, signals));
    Ok(warnings)
}

fn run_poststop(state: &State, signals: Option<&Signals>) -> Vec<String> {
    if state.poststop.is_empty() {
        return Vec::new();
    }
    // A failing poststop hook is a warning (runtime.md, "Lifecycle").
    let failed = run_hooks(state, "poststop", "stopped", signals).err();
    failed.iter().map(Error::to_string).collect()
}

/// Removes the cgroup; gives warnings.
fn remove_cgroup(state: &State) -> Result<Vec<String>> {
    state.own_cgroup().map_or(Ok(()), |cgroup| remove_own(&cgroup))?;
    let Some(cgroup) = state.cgroup.as_ref().filter(|_| state.owned != Owned::Whole) else {
        return Ok(Vec::new());
    };
    // `create` was killed before it knew whether all is its own: only what is empty goes.
    let left = cgroup.remove_unused().into_iter();
    let words = "is left alone: it is in use, and may be another's";
    Ok(left.map(|path| format!("cgroup {path} {words}")).collect())
}

fn remove_own(cgroup: &cgroups::Record) -> Result<()> {
    let mut removed = cgroup.remove();
    for _ in 0..ATTEMPTS {
        match &removed {
            Err(error) if error.errno() == Some(Errno::BUSY) => {}
            _ => break,
        }
        cgroup.kill_all(libc::SIGKILL).map_err(|error| cgroup_failed(Step::Signal, &error))?;
        removed = cgroup.remove();
    }
    removed.map_err(|error| cgroup_failed(Step::RemoveState, &error))
}

fn end_processes(container: &Container) -> Result<()> {
    let live = container.live();
    if let Some(live) = live {
        let _ = ::namespaces::send_signal(live.as_fd(), libc::SIGKILL);
    }
    if let Some(cgroup) = &container.state.cgroup {
        if container.status == Status::Paused {
            // Signals sent to frozen processes act when they thaw.
            let _ = cgroup.thaw();
        }
        // Without a pid namespace of its own, or with an init that nobody knows, the cgroup tells.
        let unknown = !container.state.pid_namespace || container.state.pid == 0;
        let own = container.state.own_cgroup().filter(|_| unknown);
        own.map_or(Ok(()), |own| own.kill_all(libc::SIGKILL))
            .map_err(|error| cgroup_failed(Step::Signal, &error))?;
    }
    match live {
        Some(live) if !has_died(live, container.state.cgroup.as_ref()) => {
            let reason = format!(
                "it is still there {} s after SIGKILL; is it frozen, or does it wait for a disk?",
                PATIENCE.as_secs(),
            );
            Err(Error::because(Step::Wait, live.pid.to_string(), reason))
        }
        _ => Ok(()),
    }
}

/// Waits for the end of a killed process. Who pauses the container meanwhile would hold it up: the
/// frozen of cgroup v1 do not die.
fn has_died(live: &Live, cgroup: Option<&cgroups::Record>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if ends_within(live.as_fd(), THAW_PAUSE) == Ok(true) {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        // What cannot be thawed is told by the process that stays.
        let _ = cgroup.map(cgroups::Record::thaw);
    }
}

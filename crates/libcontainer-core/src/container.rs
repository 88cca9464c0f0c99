//! A container as later commands find it: its state on disk, and its process as the kernel tells.
//!
//! The status is never stored. What a command may do with a process follows from the [`Live`] that
//! only a status which allows it gives out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ::namespaces::open_handle;
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::Pid;
use serde::Serialize;

use crate::error::{At, Error, Result};
use crate::gate;
use crate::procfs;
use crate::spec::OCI_VERSION;
use crate::state::State;
use crate::step::Step;
use crate::store::{StateDir, Store};

/// The status of a container (runtime.md, "State").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `create` is at work.
    Creating,
    /// Waits to be started.
    Created,
    /// The program runs.
    Running,
    /// The program is frozen.
    Paused,
    /// The process is gone.
    Stopped,
}

impl Status {
    /// The word of the specification.
    pub fn word(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

/// The process of a container, checked to be the one that the state means.
#[derive(Debug)]
pub struct Live {
    /// Its id on the host.
    pub pid: i32,
    pidfd: OwnedFd,
}

impl AsFd for Live {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// A container that was found.
#[derive(Debug)]
pub struct Container {
    /// Its state directory.
    pub dir: StateDir,
    /// Its state.
    pub state: State,
    /// Its status.
    pub status: Status,
    live: Option<Live>,
}

/// What `state` and `list` print, in runc's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of the specification.
    pub oci_version: &'static str,
    /// Name.
    pub id: String,
    /// Process id on the host; 0 when there is none.
    pub pid: i32,
    /// Status.
    pub status: &'static str,
    /// Absolute path of the bundle.
    pub bundle: String,
    /// Absolute path of the root filesystem.
    pub rootfs: String,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Words of the caller.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The creator's name; empty in `state`, as with runc.
    pub owner: String,
}

impl Container {
    /// Finds a container and asks the kernel for its status.
    pub fn load(store: &Store, id: &str) -> Result<Container> {
        Container::find(store, id, true)
    }

    /// The same for `start`, which goes to the gate anyway.
    pub fn load_to_start(store: &Store, id: &str) -> Result<Container> {
        Container::find(store, id, false)
    }

    fn find(store: &Store, id: &str, knock: bool) -> Result<Container> {
        let dir = store.find(id)?;
        let Some(state) = dir.read_state()? else {
            return Err(Error::new(Step::FindContainer, id));
        };
        Container::with_state(dir, state, knock)
    }

    /// The container of a state directory and what was read there. With `knock`, a gate is only one
    /// if somebody waits there: a `start` that was killed leaves its file.
    pub fn with_state(dir: StateDir, state: State, knock: bool) -> Result<Container> {
        if state.pid == 0 {
            // `create` is at work, or was killed; then `delete` is all that is left to do.
            let made = dir.is_being_made();
            let status = if made { Status::Creating } else { Status::Stopped };
            return Ok(Container { dir, state, status, live: None });
        }
        let live = find_process(&state).at(Step::ReadState, dir.id())?;
        let status = match &live {
            None => Status::Stopped,
            // A created one can be frozen too: it does not die of a signal. `start` does not ask.
            Some(_) if knock && is_frozen(&state) => Status::Paused,
            Some(_) if dir.has_gate() && !(knock && gate::is_closed(&dir)) => Status::Created,
            Some(_) if !knock && is_frozen(&state) => Status::Paused,
            Some(_) => Status::Running,
        };
        Ok(Container { dir, state, status, live })
    }

    /// The process, whatever it does; none when it is gone.
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// The process of a container that waits to be started.
    pub fn created(&self) -> Result<&Live> {
        match (self.status, &self.live) {
            (Status::Created, Some(live)) => Ok(live),
            (Status::Stopped, _) => Err(wrong("cannot start a container that has stopped")),
            (Status::Creating, _) => Err(wrong("cannot start a container that is being created")),
            (Status::Paused, _) if self.dir.has_gate() => {
                Err(wrong("cannot start a container in the paused state"))
            }
            _ => Err(wrong("cannot start an already running container")),
        }
    }

    /// The process of a container that another one can be executed in.
    pub fn executable(&self, ignore_paused: bool) -> Result<&Live> {
        match (self.status, &self.live) {
            (Status::Created | Status::Running, Some(live)) => Ok(live),
            (Status::Paused, Some(live)) if ignore_paused => Ok(live),
            (Status::Paused, _) => {
                Err(wrong("cannot exec in a paused container (use --ignore-paused to override)"))
            }
            _ => Err(wrong("cannot exec in a stopped container")),
        }
    }

    /// The process of a container that can be signalled.
    pub fn signallable(&self) -> Result<&Live> {
        self.live.as_ref().ok_or_else(|| wrong("container not running"))
    }

    /// What `state` prints.
    pub fn report(&self) -> Report {
        Report {
            oci_version: OCI_VERSION,
            id: self.state.id.clone(),
            pid: self.live.as_ref().map_or(0, |live| live.pid),
            status: self.status.word(),
            bundle: self.state.bundle.clone(),
            rootfs: self.state.rootfs.clone(),
            created: self.state.created.clone(),
            annotations: self.state.annotations.clone(),
            owner: String::new(),
        }
    }
}

/// A status that does not allow the command; engines look for these words.
fn wrong(words: &str) -> Error {
    Error::new(Step::CheckStatus, words)
}

fn is_frozen(state: &State) -> bool {
    // A cgroup that is gone, or that nobody may look at, freezes nothing.
    state.cgroup.as_ref().is_some_and(|cgroup| cgroup.is_frozen().unwrap_or(false))
}

/// The process that the state means: the same id and the same start time, and not a zombie.
///
/// Only the kernel's word that there is none makes a container stopped, not a failed look.
fn find_process(state: &State) -> std::result::Result<Option<Live>, Errno> {
    let Some(pid) = Pid::from_raw(state.pid) else { return Ok(None) };
    // The handle first: then the id can't be given to another process unseen.
    let pidfd = match open_handle(pid) {
        Err(Errno::SRCH) => return Ok(None),
        other => other?,
    };
    let Some((start_time, alive)) = try_process_facts(state.pid)? else { return Ok(None) };
    let same =
        start_time == state.start_time && same_inode(state.pidfd_inode, inode(pidfd.as_fd()));
    Ok((alive && same).then_some(Live { pid: state.pid, pidfd }))
}

/// A kernel that has no pidfds leaves the start time alone to tell.
fn same_inode(stored: u64, found: u64) -> bool {
    stored == found || stored == 0 || found == 0
}

/// The inode of a pidfd; 0 for what takes its place before Linux 5.3.
pub fn inode(pidfd: BorrowedFd<'_>) -> u64 {
    match rustix::fs::fstat(pidfd) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo => stat.st_ino,
        _ => 0,
    }
}

/// Start time in clock ticks since boot, and whether it is more than a zombie (`proc_pid_stat(5)`).
pub fn process_facts(pid: i32) -> Option<(u64, bool)> {
    try_process_facts(pid).ok().flatten()
}

fn try_process_facts(pid: i32) -> std::result::Result<Option<(u64, bool)>, Errno> {
    let stat = match procfs::read(&format!("{pid}/stat")) {
        Err(Errno::NOENT | Errno::SRCH) => return Ok(None),
        other => other?,
    };
    let stat = String::from_utf8_lossy(&stat);
    Ok(parse_stat(&stat))
}

fn parse_stat(stat: &str) -> Option<(u64, bool)> {
    // The name in parentheses may have any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let alive = !matches!(fields.next()?, "Z" | "X" | "x");
    let start_time = fields.nth(18)?.parse().ok()?;
    Some((start_time, alive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_when_it_started() {
        let own = std::process::id() as i32;
        let (start_time, alive) = process_facts(own).unwrap();
        assert!(alive && start_time > 0);
        let pid = Pid::from_raw(own).unwrap();
        let pidfd_inode = inode(open_handle(pid).unwrap().as_fd());
        let mut state = State { pid: own, start_time, pidfd_inode, ..State::default() };
        assert!(find_process(&state).unwrap().is_some());
        state.start_time += 1;
        assert!(find_process(&state).unwrap().is_none());
    }
}

//! A container as later commands find it: its state on disk, and its process as the kernel tells.
//!
//! The status is never stored. What a command may do with a process follows from the [`Live`] that
//! only a status which allows it gives out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use ::namespaces::open_handle;
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::Pid;
use serde::Serialize;

use crate::death::ends_within;
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
    /// The creator's user id.
    #[serde(skip)]
    pub uid: u32,
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
            // A created one can be frozen too: it neither hears `start` nor dies of a signal.
            Some(_) if is_frozen(&state) => Status::Paused,
            Some(_) if dir.has_gate() && !(knock && gate::is_closed(&dir)) => Status::Created,
            Some(_) => Status::Running,
        };
        Ok(Container { dir, state, status, live })
    }

    /// The container of a process that was waited for.
    pub fn ended(dir: StateDir, state: State) -> Container {
        Container { dir, state, status: Status::Stopped, live: None }
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
    fn report(self) -> Report {
        let pid = self.live.map_or(0, |live| live.pid);
        Report::new(self.state, self.status, pid)
    }
}

impl Report {
    /// Looks at a container without keeping anything of it open.
    pub fn of(store: &Store, id: &str) -> Result<Report> {
        Report::look(store, id, &mut |cgroup| cgroup.is_frozen())
    }

    /// The same of many, one after another.
    pub fn of_all<'a>(
        store: &'a Store,
        ids: &'a [String],
    ) -> impl Iterator<Item = (&'a str, Result<Report>)> {
        let mut view = cgroups::FreezerView::default();
        ids.iter().map(move |id| {
            (id.as_str(), Report::look(store, id, &mut |cgroup| view.is_frozen(cgroup)))
        })
    }

    fn look(
        store: &Store,
        id: &str,
        ask: &mut dyn FnMut(&cgroups::Record) -> std::result::Result<bool, cgroups::Error>,
    ) -> Result<Report> {
        let state = store.glance(id)?.ok_or_else(|| Error::new(Step::FindContainer, id))?;
        if state.id != id {
            // By way of a link, which no other command follows.
            return Err(Error::new(Step::FindContainer, id));
        }
        if state.pid == 0 || store.has_gate(id) {
            // Then locks and the gate tell the status.
            return Container::load(store, id).map(Container::report);
        }
        let live = find_process(&state).at(Step::ReadState, id)?;
        let Some(Live { pid, .. }) = live else {
            return Ok(Report::new(state, Status::Stopped, 0));
        };
        let frozen = state.cgroup.as_ref().is_some_and(|cgroup| ask(cgroup).unwrap_or(false));
        let status = if frozen { Status::Paused } else { Status::Running };
        Ok(Report::new(state, status, pid))
    }

    fn new(state: State, status: Status, pid: i32) -> Report {
        Report {
            oci_version: OCI_VERSION,
            id: state.id,
            pid,
            status: status.word(),
            bundle: state.bundle,
            rootfs: state.rootfs,
            created: state.created,
            annotations: state.annotations,
            owner: String::new(),
            uid: state.owner,
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

/// What tells a process from others that have its id before or after it: its start time, and the
/// inode of its pidfd.
///
/// The inode alone will do if the kernel gives each process another (Linux 6.9) and the state does
/// not outlive the boot; the start time is 0 then. It takes three calls more, for `list` of each.
pub fn identity(dir: &StateDir, pid: i32, pidfd: BorrowedFd<'_>) -> Result<(u64, u64)> {
    /// `PID_FS_MAGIC` of `linux/magic.h`.
    const PID_FS_MAGIC: i64 = 0x5049_4446;
    let own = || rustix::fs::fstatfs(pidfd).is_ok_and(|stat| stat.f_type == PID_FS_MAGIC);
    if dir.ends_with_boot() && own() {
        return Ok((0, inode(pidfd)));
    }
    let facts = try_process_facts(pid).at_with(Step::WriteState, || format!("/proc/{pid}/stat"))?;
    // That of a process that is gone already is nobody's.
    Ok(facts.map_or((0, 0), |(start_time, _)| (start_time, inode(pidfd))))
}

/// Whether the inode of a handle is that of the process that the state means.
pub fn has_inode(state: &State, pidfd: BorrowedFd<'_>) -> bool {
    state.pidfd_inode != 0 && state.pidfd_inode == inode(pidfd)
}

/// The process that the state means, unless it is a zombie.
///
/// Only the kernel's word that there is none makes a container stopped, not a failed look.
fn find_process(state: &State) -> std::result::Result<Option<Live>, Errno> {
    let Some(pid) = Pid::from_raw(state.pid) else { return Ok(None) };
    // The handle first: then the id can't be given to another process unseen.
    let pidfd = match open_handle(pid) {
        Err(Errno::SRCH) => return Ok(None),
        other => other?,
    };
    if state.start_time == 0 {
        let found = has_inode(state, pidfd.as_fd()) && !ends_within(pidfd.as_fd(), Duration::ZERO)?;
        return Ok(found.then_some(Live { pid: state.pid, pidfd }));
    }
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
fn inode(pidfd: BorrowedFd<'_>) -> u64 {
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

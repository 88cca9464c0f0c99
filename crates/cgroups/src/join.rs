//! Joining a cgroup without waiting: `tasks` of version 1, and `CLONE_INTO_CGROUP` of version 2.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, OFlags, accessat};
use rustix::io::Errno;

use crate::error::{At, Error};
use crate::file;
use crate::layout::Layout;
use crate::path::join as join_path;
use crate::record::{Directory, Record, full};
use crate::systemd::Unit;

/// What it takes to join a cgroup, opened beforehand.
#[derive(Debug, Default)]
pub struct Join {
    /// The `tasks` file of each hierarchy of version 1, open for writing.
    pub tasks: Vec<OwnedFd>,
    /// Those that are yet to be opened, by who joins: a container has a dozen hierarchies, and its
    /// maker may have few descriptors.
    pub closed: Vec<String>,
    /// Where their paths begin.
    pub root: Option<Arc<OwnedFd>>,
    /// The absolute path of that, for messages.
    pub base: String,
    /// The unit that systemd has to move the process to, and where below it, as the caller may not:
    /// then there is no `v2`.
    pub(crate) attach: Option<(Unit, String)>,
    /// The directory of version 2 (`O_PATH`), for `CLONE_INTO_CGROUP` of clone3(2) (Linux 5.7),
    /// which works beside version 1 as well.
    pub v2: Option<OwnedFd>,
}

impl Record {
    /// Opens what it takes to join the container's cgroup.
    ///
    /// # Errors
    /// When a directory is gone.
    pub fn join(&self) -> Result<Join, Error> {
        let root = self.open_root()?;
        let mut join = Join::default();
        for directory in &self.directories {
            open(root.as_fd(), self, directory, &mut join)?;
        }
        Ok(join)
    }
}

/// Moves the calling process into each hierarchy of version 1; it must have one thread.
///
/// A `0` to `tasks` moves the writer alone, and waits for nobody. `cgroup.procs` would wait for
/// an RCU grace period, to keep every process of the machine from forking meanwhile.
///
/// `done` gets each file that it opened, to be closed then or with others.
///
/// # Errors
/// When the kernel refuses, which it does for a cpuset that is empty and a cgroup that is gone.
pub fn enter(join: &Join, done: impl Fn(OwnedFd)) -> Result<(), Error> {
    join.tasks.iter().try_for_each(|tasks| {
        file::put(tasks.as_fd(), b"0").map_err(|errno| not_joined(tasks.as_fd(), errno))
    })?;
    let Some(root) = &join.root else { return Ok(()) };
    join.closed.iter().try_for_each(|path| {
        let name = full(&join.base, path);
        let tasks = file::open(root.as_fd(), path, OFlags::WRONLY).at("open", &name)?;
        file::put(tasks.as_fd(), b"0").at("write 0 to", &name)?;
        done(tasks);
        Ok(())
    })
}

impl Join {
    /// Whether the process must call [`Join::attach`], or make itself one that has, to get there.
    pub fn needs_systemd(&self) -> bool {
        self.attach.is_some()
    }

    /// Has systemd move the calling process, if that takes systemd.
    ///
    /// # Errors
    /// When systemd cannot be reached, or refuses.
    pub fn attach(&self) -> Result<(), Error> {
        self.attach.as_ref().map_or(Ok(()), |(unit, below)| unit.take_caller(below))
    }

    /// Opens all files now: who enters another user namespace may not do so later.
    ///
    /// # Errors
    /// When a directory is gone.
    pub fn open(&mut self) -> Result<(), Error> {
        let Some(root) = &self.root else { return Ok(()) };
        for path in self.closed.drain(..) {
            self.tasks.push(file::open(root.as_fd(), &path, OFlags::WRONLY).at("open", &path)?);
        }
        Ok(())
    }
}

/// Moves the calling process into the directory of version 2: for kernels without
/// `CLONE_INTO_CGROUP`, as this takes a lock that waits for an RCU grace period.
///
/// # Errors
/// When the kernel refuses: `EBUSY` where the cgroup hands controllers down.
pub fn enter_unified(join: &Join) -> Result<(), Error> {
    let Some(directory) = &join.v2 else { return Ok(()) };
    file::write_at(directory.as_fd(), "cgroup.procs", "0")
        .map_err(|errno| not_joined(directory.as_fd(), errno))
}

/// Opens one directory's way in.
pub(crate) fn open(
    root: BorrowedFd<'_>,
    record: &Record,
    directory: &Directory,
    join: &mut Join,
) -> Result<(), Error> {
    if directory.is_v2() {
        let path = directory.below_root();
        let fd = file::open_dir(root, &path).at("open cgroup", &record.full(&path))?;
        match record.unit.as_ref().filter(|unit| unit.user) {
            Some(unit) if !may_move(root, &path)? => {
                let below = path.split_once(&format!("{}/", unit.name));
                let below = below.map_or("", |(_, below)| below);
                join.attach = Some((unit.clone(), format!("/{below}")));
            }
            _ => join.v2 = Some(fd),
        }
    } else {
        let path = directory.file("tasks");
        let fd = file::open(root, &path, OFlags::WRONLY).at("open", &record.full(&path))?;
        join.tasks.push(fd);
    }
    Ok(())
}

/// Whether the kernel lets the caller move from its cgroup to another: who does must be able to write to
/// the list of processes of what both are in (cgroups(7), "Cgroups delegation").
fn may_move(root: BorrowedFd<'_>, path: &str) -> Result<bool, Error> {
    let layout = Layout::detect()?;
    let own = layout.hierarchies().first().map_or("", |hierarchy| hierarchy.own.as_str());
    let both = own.split('/').zip(path.split('/')).take_while(|(own, other)| own == other);
    let common = both.fold(String::new(), |common, (part, _)| join_path(&common, part));
    let list = join_path(&common, "cgroup.procs");
    Ok(accessat(root, list.as_str(), Access::WRITE_OK, AtFlags::EACCESS).is_ok())
}

/// The path is only looked up now that it is needed.
fn not_joined(fd: BorrowedFd<'_>, errno: Errno) -> Error {
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let path = rustix::fs::readlink(link.as_str(), Vec::new())
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or(link);
    Error::new("write 0 to", path, crate::error::Cause::Errno(errno))
}

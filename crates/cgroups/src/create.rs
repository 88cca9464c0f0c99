//! Making the directories of a new container's cgroup, and unmaking them when it comes to nothing.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, Mode, accessat, mkdirat, unlinkat};
use rustix::io::Errno;

use crate::cpuset;
use crate::error::{At, Cause, Error};
use crate::freeze;
use crate::join::{self, Join};
use crate::layout::Kind;
use crate::path::join as join_path;
use crate::plan::Plan;
use crate::processes;
use crate::record::{Directory, Record};
use crate::step::{Place, Step, run};
use crate::subtree;
use crate::systemd::{self, Started};

/// How often missing parents are made: another create that fails may take its own away again.
const PARENT_ATTEMPTS: u32 = 3;

/// The directories of a new container; dropped without [`Created::keep`], they are removed.
#[derive(Debug)]
pub struct Created {
    record: Record,
    root: Arc<OwnedFd>,
    join: Join,
    /// Directories that this made, below the root, parents first.
    made: Vec<String>,
    /// By directory of the plan: whether this made it, or has yet to.
    fresh: Vec<bool>,
    /// By directory of the plan: whether it is made.
    present: Vec<bool>,
    /// The unit that systemd started for it; dropped after the directories.
    unit: Option<Started>,
    /// Whether they stay.
    kept: bool,
}

impl Plan {
    /// Makes the directories and opens what it takes to join them: [`Plan::begin`] and
    /// [`Plan::complete`].
    ///
    /// # Errors
    /// As with those.
    pub fn create(&self) -> Result<Created, Error> {
        let mut created = self.begin()?;
        self.complete(&mut created)?;
        Ok(created)
    }

    /// Makes what a process can be born in: the unit, and the directory of version 2.
    ///
    /// # Errors
    /// When a directory cannot be made, and when one that was there has processes in it or is
    /// frozen. What was made until then is removed.
    pub fn begin(&self) -> Result<Created, Error> {
        let root = Arc::new(self.record.open_root()?);
        if self.unit.is_some() {
            self.check_before_unit(root.as_fd())?;
        }
        let unit = self.unit.as_ref().map(systemd::start).transpose()?;
        let mut created = Created {
            record: Record { directories: Vec::new(), ..self.record.clone() },
            join: Join {
                root: Some(Arc::clone(&root)),
                base: self.record.root.clone(),
                closed: self.tasks(),
                ..Join::default()
            },
            root,
            made: Vec::new(),
            fresh: vec![true; self.record.directories.len()],
            present: vec![false; self.record.directories.len()],
            unit,
            kept: false,
        };
        self.add(&mut created, Directory::is_v2)?;
        match self.owner.map_or(Ok(()), |owner| created.record.delegate(owner)) {
            Err(error) if self.rootless && error.errno() == Some(Errno::PERM) => Ok(created),
            result => result.map(|()| created),
        }
    }

    /// Makes the directories of version 1, which a process joins when it is there.
    ///
    /// # Errors
    /// As with [`Plan::begin`]; what is made is removed when `created` is dropped.
    pub fn complete(&self, created: &mut Created) -> Result<(), Error> {
        self.add(created, |directory| !directory.is_v2())
    }

    /// The files of version 1 to join by.
    fn tasks(&self) -> Vec<String> {
        let directories = self.record.directories.iter().filter(|directory| !directory.is_v2());
        directories.map(|directory| directory.file("tasks")).collect()
    }

    fn add(&self, created: &mut Created, which: impl Fn(&Directory) -> bool) -> Result<(), Error> {
        let directories = self.record.directories.iter().enumerate();
        for (index, directory) in directories.filter(|(_, directory)| which(directory)) {
            let before = created.made.len();
            match created.add(self, directory) {
                Ok(fresh) => {
                    created.fresh[index] = fresh;
                    let earlier = created.present[..index].iter().filter(|made| **made).count();
                    created.record.directories.insert(earlier, directory.clone());
                    created.present[index] = true;
                }
                Err(error) => {
                    let Some(errno) = self.excused(&error) else { return Err(error) };
                    if self.record.kind == Kind::V2 && self.wants_limits() {
                        return Err(Error { cause: Cause::Rootless(errno), ..error });
                    }
                    created.undo(before);
                    created.fresh[index] = false;
                    let tasks = directory.file("tasks");
                    created.join.closed.retain(|path| *path != tasks);
                }
            }
        }
        Ok(())
    }

    /// Looks at directories that are there before systemd is asked: it would say less about one that
    /// is in use, and in a frozen one its first process could not tell that the unit has started.
    fn check_before_unit(&self, root: BorrowedFd<'_>) -> Result<(), Error> {
        for directory in &self.record.directories {
            let path = directory.below_root();
            match accessat(root, path.as_str(), Access::EXISTS, AtFlags::empty()) {
                Ok(()) => check_unused(root, &self.record, directory)?,
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno).at("find cgroup", &self.record.full(&path)),
            }
        }
        Ok(())
    }

    /// Writes the limits and puts the device rules in force; before the process joins, or after.
    ///
    /// # Errors
    /// When the kernel refuses a value; the error names the file and the value.
    pub fn apply(&self, created: &Created) -> Result<(), Error> {
        let place = Place {
            record: &self.record,
            root: created.root.as_fd(),
            fresh: &created.fresh,
            present: &created.present,
            rootless: self.rootless,
        };
        run(&place, &self.steps)
    }

    /// The errno, if a rootless container can do without the directory: nothing names the cgroup,
    /// and it was permission that was missing.
    fn excused(&self, error: &Error) -> Option<Errno> {
        let errno = error.errno()?;
        let permission = matches!(errno, Errno::ACCESS | Errno::PERM | Errno::ROFS);
        (self.rootless && !self.named && permission).then_some(errno)
    }

    fn wants_limits(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step, Step::Devices(_)))
    }
}

impl Created {
    /// The directories that exist.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What it takes to join.
    pub fn join(&self) -> &Join {
        &self.join
    }

    /// To be called when the container's process is in the cgroup: it needs nobody else to hold it.
    ///
    /// # Errors
    /// When systemd refuses a limit that had to wait until now.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.unit.as_mut().map_or(Ok(()), Started::settle)
    }

    /// Opens all that joining takes, for a process that is to enter another user namespace.
    ///
    /// # Errors
    /// When a directory is gone.
    pub fn open_join(&mut self) -> Result<(), Error> {
        self.join.open()
    }

    /// Leaves the directories in place and closes what it took to join.
    pub fn keep(mut self) -> Record {
        if let Some(unit) = self.unit.take() {
            unit.keep();
        }
        self.kept = true;
        self.record.clone()
    }

    /// Makes one directory, ready to take processes; tells whether it is new.
    fn add(&mut self, plan: &Plan, directory: &Directory) -> Result<bool, Error> {
        let fresh = self.make(directory)?;
        let place = (self.root.as_fd(), &self.record);
        // That was looked at before systemd was asked; now a placeholder is in it.
        if !fresh && self.unit.is_none() {
            check_unused(place.0, place.1, directory)?;
        }
        if directory.is_v2() {
            let all = plan.record.kind == Kind::V2;
            subtree::enable(place.0, place.1, directory, &plan.v2_controllers, all)?;
        } else if directory.has("cpuset") {
            cpuset::inherit(place.0, place.1, directory, fresh)?;
        }
        if directory.is_v2() {
            join::open(place.0, place.1, directory, &mut self.join)?;
        }
        Ok(fresh)
    }

    /// One mkdir in the common case: parents are made only when they are missing.
    fn make(&mut self, directory: &Directory) -> Result<bool, Error> {
        let path = directory.below_root();
        let mut result = self.mkdir(path.clone());
        for _ in 0..PARENT_ATTEMPTS {
            if result != Err(Errno::NOENT) {
                break;
            }
            result = self.make_with_parents(directory);
        }
        result.at("create cgroup", &self.record.full(&path))
    }

    fn make_with_parents(&mut self, directory: &Directory) -> Result<bool, Errno> {
        let mut path = directory.mount.clone();
        let mut fresh = false;
        for part in directory.path.split('/') {
            path = join_path(&path, part);
            fresh = self.mkdir(path.clone())?;
        }
        Ok(fresh)
    }

    /// Makes a directory and remembers it; tells whether it is new.
    fn mkdir(&mut self, path: String) -> Result<bool, Errno> {
        let mode = Mode::from_raw_mode(0o755);
        match mkdirat(self.root.as_fd(), path.as_str(), mode) {
            Ok(()) => {
                self.made.push(path);
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Removes what was made since there were `keep` of them, children first; gives those
    /// that are in use.
    fn undo(&mut self, keep: usize) -> Vec<String> {
        let mut busy = Vec::new();
        while self.made.len() > keep {
            let Some(path) = self.made.pop() else { break };
            // A failure here has nobody to tell: there is an earlier one that matters more.
            let removed = unlinkat(self.root.as_fd(), path.as_str(), AtFlags::REMOVEDIR);
            if removed == Err(Errno::BUSY) {
                busy.push(path);
            }
        }
        busy
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let busy = self.undo(0);
        if !busy.is_empty() || self.fresh.contains(&false) {
            // A hook's daemon, say. All in there is the container's: it was empty before.
            let _ = self.record.kill_all(libc::SIGKILL);
            let own: Vec<String> =
                self.record.directories.iter().map(Directory::below_root).collect();
            let (own, parents): (Vec<_>, Vec<_>) =
                busy.into_iter().partition(|path| own.contains(path));
            let _ = self.record.remove_trees(self.root.as_fd(), own);
            self.made.extend(parents.into_iter().rev());
            self.undo(0);
        }
    }
}

/// Refuses a cgroup that another has processes in, or whose processes could not run.
fn check_unused(root: BorrowedFd<'_>, record: &Record, directory: &Directory) -> Result<(), Error> {
    let path = directory.below_root();
    let found = processes::below(root, record, &path)?;
    if !found.is_empty() {
        let cause = Cause::NotEmpty { processes: found.len() };
        return Err(Error::new("use cgroup", record.full(&path), cause));
    }
    if freeze::is_frozen(root, record, directory)? {
        return Err(Error::new("use cgroup", record.full(&path), Cause::Frozen));
    }
    Ok(())
}

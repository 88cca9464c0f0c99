//! The group of a container in the resctrl filesystem (config-linux.md, "IntelRdt"; the kernel's resctrl.rst).
//!
//! What is made here is decided under resctrl's lock and written into the intent before it exists.
//! A group that the configuration names stays when the container is deleted, as the specification
//! wants; one with the container's name, and the monitoring group, are removed.

mod schemata;
#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::error::{At, Cause, Error, Result};
use crate::plan::IntelRdtPlan;
use crate::step::Step;
use crate::whole::{read_all, write_all};

/// Where resctrl is mounted.
const ROOT: &str = "/sys/fs/resctrl";
/// `RDTGROUP_SUPER_MAGIC` of `linux/magic.h`.
const RESCTRL_MAGIC: i64 = 0x0765_5821;

const CLOS: &str = "linux.intelRdt.closID";
const MONITORING: &str = "linux.intelRdt.enableMonitoring";

/// The group of a container, as its state has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where resctrl is mounted.
    pub root: String,
    /// Absolute path of the group's directory.
    pub group: String,
    /// Whether the group is made for this container only.
    pub owned: bool,
    /// Absolute path of the monitoring group, which always is.
    pub monitoring: Option<String>,
}

/// A group that was decided on; resctrl is locked.
#[derive(Debug)]
pub struct Claim {
    record: Record,
    missing: bool,
    _lock: OwnedFd,
}

/// A group that is ready for the container, and given back unless it is kept.
#[derive(Debug)]
pub struct Group(Option<Record>);

/// Looks for the mounted resctrl filesystem.
pub fn find_root() -> Result<&'static str> {
    let missing = || Error::new(Step::Resctrl, ROOT).field("linux.intelRdt");
    let stat = rustix::fs::statfs(ROOT).map_err(|_| missing())?;
    if stat.f_type == RESCTRL_MAGIC { Ok(ROOT) } else { Err(missing()) }
}

/// Decides which directories below `root` are made, and makes none yet.
///
/// An error if a group that exists has another schemata than the configuration wants, or if one
/// that it names without any does not exist.
pub fn claim(root: &str, plan: &IntelRdtPlan) -> Result<Claim> {
    let lock = lock(root)?;
    let group = match &*plan.group {
        "" => root.to_owned(),
        name => format!("{root}/{name}"),
    };
    let missing = !is_directory(root, &group)?;
    if missing && plan.named && plan.schemata.is_empty() {
        let reason = "there is no such group, and no schemata to make it with";
        return Err(Error::because(Step::IntelRdt, group, reason).field(CLOS));
    }
    if !missing {
        schemata::compare(root, &group, &plan.schemata)?;
    }
    let monitoring = plan.monitoring.as_ref().map(|name| format!("{group}/mon_groups/{name}"));
    if let Some(path) = &monitoring
        && is_directory(root, path)?
    {
        let reason = "this monitoring group exists already";
        return Err(Error::because(Step::IntelRdt, path, reason).field(MONITORING));
    }
    let owned = missing && !plan.named;
    Ok(Claim {
        record: Record { root: root.to_owned(), group, owned, monitoring },
        missing,
        _lock: lock,
    })
}

impl Claim {
    /// What the intent has to say.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Makes and fills what is missing, or nothing at all; unlocks resctrl.
    pub fn make(self, plan: &IntelRdtPlan) -> Result<Group> {
        let made = self
            .make_group()
            .and_then(|()| self.write_schemata(plan))
            .and_then(|()| self.make_monitoring());
        if let Err(error) = made {
            // Nobody else can be in a group that was made under the lock.
            let whole = Record { owned: self.missing, ..self.record };
            let _ = whole.remove();
            return Err(error);
        }
        Ok(Group(Some(self.record)))
    }

    fn make_group(&self) -> Result<()> {
        if !self.missing {
            return Ok(());
        }
        make_directory(&self.record.root, &self.record.group, CLOS)
    }

    /// Each line by itself, as the kernel takes no resource twice in one write.
    fn write_schemata(&self, plan: &IntelRdtPlan) -> Result<()> {
        if !self.missing || plan.schemata.is_empty() {
            return Ok(());
        }
        let path = format!("{}/schemata", self.record.group);
        let label = |errno, subject: &str| told(errno, &self.record.root, subject);
        let file = open_to_write(&path).map_err(|errno| label(errno, &path))?;
        for (line, field) in &plan.schemata {
            write_all(&file, format!("{line}\n").as_bytes())
                .map_err(|errno| label(errno, &format!("write {line:?} to {path}")).field(field))?;
        }
        Ok(())
    }

    fn make_monitoring(&self) -> Result<()> {
        match &self.record.monitoring {
            Some(path) => make_directory(&self.record.root, path, MONITORING),
            None => Ok(()),
        }
    }
}

impl Group {
    /// Puts a process into the group, and into the monitoring group below it.
    pub fn enter(&self, pid: i32) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |record| record.enter(pid))
    }

    /// Keeps it; gives what the state has to say.
    pub fn keep(mut self) -> Option<Record> {
        self.0.take()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(record) = self.0.take() {
            // On the way out with an error already.
            let _ = record.remove();
        }
    }
}

impl Record {
    /// Puts a process into the group, and into the monitoring group below it.
    pub fn enter(&self, pid: i32) -> Result<()> {
        for directory in [Some(&self.group), self.monitoring.as_ref()].into_iter().flatten() {
            let path = format!("{directory}/tasks");
            open_to_write(&path)
                .and_then(|file| write_all(file, pid.to_string().as_bytes()))
                .map_err(|errno| told(errno, &self.root, &path).field("linux.intelRdt"))?;
        }
        Ok(())
    }

    /// Changes the group's shares, line by line.
    pub fn update(&self, lines: &str) -> Result<()> {
        let _lock = lock(&self.root)?;
        let path = format!("{}/schemata", self.group);
        let label = |errno, subject: &str| told(errno, &self.root, subject);
        let file = open_to_write(&path).map_err(|errno| label(errno, &path))?;
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            write_all(&file, format!("{line}\n").as_bytes())
                .map_err(|errno| label(errno, &format!("write {line:?} to {path}")))?;
        }
        Ok(())
    }

    /// Whether the group is still there: who removes one puts its processes into the default group.
    pub fn exists(&self) -> bool {
        is_directory(&self.root, &self.group).unwrap_or(false)
    }

    /// Removes what was made for this container; what is gone is no error.
    pub fn remove(&self) -> Result<()> {
        let group = self.owned.then_some(&self.group);
        for path in [self.monitoring.as_ref(), group].into_iter().flatten() {
            match rustix::fs::rmdir(&**path) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => Err(errno).at(Step::IntelRdt, format!("remove {path}"))?,
            }
        }
        Ok(())
    }
}

/// Whether the processor can divide something: `L3` or `MB`, as far as the kernel shows it.
pub fn can_divide(resource: &str) -> bool {
    let kinds: &[&str] = if resource == "L3" { &["L3", "L3CODE"] } else { &["MB"] };
    find_root().is_ok()
        && kinds.iter().any(|kind| rustix::fs::stat(format!("{ROOT}/info/{kind}")).is_ok())
}

/// Locks resctrl as its documentation asks of all who change groups ("Locking").
fn lock(root: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let label = |errno| told(errno, root, &format!("lock {root}")).field("linux.intelRdt");
    let fd = rustix::fs::open(root, flags, Mode::empty()).map_err(label)?;
    rustix::io::retry_on_intr(|| rustix::fs::flock(&fd, FlockOperation::LockExclusive))
        .map_err(label)?;
    Ok(fd)
}

fn make_directory(root: &str, path: &str, field: &str) -> Result<()> {
    rustix::fs::mkdir(path, Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH)
        .map_err(|errno| told(errno, root, &format!("make {path}")).field(field))
}

fn open_to_write(path: &str) -> std::result::Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
}

fn is_directory(root: &str, path: &str) -> Result<bool> {
    match rustix::fs::stat(path) {
        Ok(stat) => Ok(rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir()),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(told(errno, root, path).field("linux.intelRdt")),
    }
}

/// Reads a file of resctrl.
fn read(path: &str) -> std::result::Result<String, Errno> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    read_all(file).map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// An error with what resctrl says of its last command, which is more than the errno.
fn told(errno: Errno, root: &str, subject: &str) -> Error {
    let text = read(&format!("{root}/info/last_cmd_status")).unwrap_or_default();
    let cause = match text.trim() {
        "" | "ok" => Cause::Errno(errno),
        words => Cause::Detailed(errno, words.replace('\n', "; ")),
    };
    Error { cause, ..Error::new(Step::IntelRdt, subject) }
}

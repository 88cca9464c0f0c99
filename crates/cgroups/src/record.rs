//! The directories of one container's cgroup: what the state of a container keeps, and what every
//! later command works from.

use std::borrow::Cow;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};
use serde::{Deserialize, Serialize};

use crate::error::{At, Cause, Error};
use crate::layout::Kind;
use crate::path::{is_clean, join};
use crate::systemd::Unit;

/// A container's cgroup: one directory in each hierarchy.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Which versions of cgroups the machine has.
    pub kind: Kind,
    /// The absolute path that every directory is below.
    pub root: String,
    /// The directories.
    pub directories: Vec<Directory>,
    /// The unit that the cgroup belongs to, if systemd made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

/// The container's directory in one hierarchy.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Directory {
    /// Controllers such as `cpu,cpuacct`, or `name=systemd`; empty for version 2.
    pub controllers: String,
    /// Mount point of the hierarchy, below the record's root.
    pub mount: String,
    /// The directory, below the mount point.
    pub path: String,
}

impl Record {
    /// The absolute path of each directory, with its controllers.
    pub fn paths(&self) -> impl Iterator<Item = (&str, String)> {
        self.directories.iter().map(|directory| {
            let root = self.root.trim_end_matches('/');
            (directory.controllers.as_str(), format!("{root}/{}", directory.below_root()))
        })
    }

    /// The directory that has a controller: of version 1, else of version 2.
    pub fn directory(&self, controller: &str) -> Option<&Directory> {
        self.position(controller).map(|index| &self.directories[index])
    }

    /// The directory of version 2.
    pub fn unified(&self) -> Option<&Directory> {
        self.directories.iter().find(|directory| directory.is_v2())
    }

    pub(crate) fn position(&self, controller: &str) -> Option<usize> {
        let find = |test: &dyn Fn(&Directory) -> bool| self.directories.iter().position(test);
        find(&|directory| directory.has(controller)).or_else(|| find(&Directory::is_v2))
    }

    /// What a process may be born in before all is made ([`Plan::begin`](crate::Plan::begin)): version
    /// 2, if it is beside version 1 and systemd has no part in it, else all.
    pub fn birthplace(&self) -> Cow<'_, Record> {
        if self.kind != Kind::Hybrid || self.unit.is_some() {
            return Cow::Borrowed(self);
        }
        let directories = self.directories.iter().filter(|directory| directory.is_v2());
        Cow::Owned(Record { directories: directories.cloned().collect(), ..self.clone() })
    }

    /// The directory that tells which processes the container has.
    pub(crate) fn of_processes(&self) -> Option<&Directory> {
        self.directory("devices").or(self.directories.first())
    }

    /// Opens the root, after a look at the paths: a state file must not lead elsewhere.
    pub(crate) fn open_root(&self) -> Result<OwnedFd, Error> {
        self.check_paths()?;
        open_root(&self.root)
    }

    pub(crate) fn check_paths(&self) -> Result<(), Error> {
        for directory in &self.directories {
            let mount_ok = directory.mount.is_empty() || is_clean(&directory.mount);
            if !mount_ok || !is_clean(&directory.path) {
                let path = directory.below_root();
                return Err(Error::new("use cgroup", path, Cause::BadPath));
            }
        }
        Ok(())
    }

    /// Whether any of the directories is there.
    pub(crate) fn exists(&self) -> bool {
        let is_there = |root: &OwnedFd, directory: &Directory| {
            statat(root, directory.below_root(), AtFlags::SYMLINK_NOFOLLOW).is_ok()
        };
        self.open_root().is_ok_and(|root| self.directories.iter().any(|one| is_there(&root, one)))
    }

    /// An absolute path for messages.
    pub(crate) fn full(&self, below_root: &str) -> String {
        full(&self.root, below_root)
    }
}

impl Directory {
    /// Whether this is the hierarchy of version 2.
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Whether the controller belongs to this hierarchy of version 1.
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.split(',').any(|name| name == controller)
    }

    /// The path below the record's root.
    pub(crate) fn below_root(&self) -> String {
        join(&self.mount, &self.path)
    }

    /// The path of a control file below the record's root.
    pub(crate) fn file(&self, name: &str) -> String {
        [&self.below_root(), "/", name].concat()
    }

    /// What to call the hierarchy in a message.
    pub(crate) fn name(&self) -> &str {
        if self.is_v2() { "unified" } else { &self.controllers }
    }
}

/// Opens the directory that all mount points are below.
pub(crate) fn open_root(root: &str) -> Result<OwnedFd, Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD.as_fd(), root, flags, Mode::empty()).at("open cgroup root", root)
}

/// An absolute path for messages.
pub(crate) fn full(root: &str, below_root: &str) -> String {
    [root.trim_end_matches('/'), "/", below_root].concat()
}

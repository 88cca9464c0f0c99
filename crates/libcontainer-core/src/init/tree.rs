//! Mounts that are made aside, get what they need, and are then put at their place.
//!
//! They are detached mounts (`open_tree(2)`, `fsmount(2)`, Linux 5.2) whose attributes are set
//! before anybody sees them (`mount_setattr(2)`, Linux 5.12). On an older kernel what is to be done
//! is remembered, and done by `mount(2)` once the mount is at its place; see `before.rs`.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

use super::before;
use crate::sys;

/// A mount that is nowhere yet.
#[derive(Debug)]
pub struct Tree {
    making: Making,
    /// What a kernel without `mount_setattr` does when it is attached.
    later: Vec<Change>,
}

#[derive(Debug)]
enum Making {
    /// A detached mount.
    Detached(OwnedFd),
    /// A bind of what this handle is on.
    Bind(OwnedFd, bool),
    /// A new filesystem.
    Filesystem(NewFilesystem),
}

/// The arguments of `mount(2)`.
#[derive(Debug)]
pub struct NewFilesystem {
    /// Type.
    pub kind: String,
    /// Source.
    pub source: String,
    /// `MS_*`
    pub flags: u64,
    /// The filesystem's own options.
    pub data: CString,
}

/// A change of a mount: attributes (`MOUNT_ATTR_*`), or propagation (`MS_*`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Of the mounts below it too.
    pub recursive: bool,
    /// Attributes to clear.
    pub clear: u64,
    /// Attributes to set.
    pub set: u64,
    /// `MS_SHARED` or another, or 0.
    pub propagation: u64,
    /// Attributes that are not cleared if the caller may not do it (EPERM).
    pub keep: u64,
}

impl Change {
    /// What is left of it for a caller who was refused; none if that is the same.
    pub fn milder(self) -> Option<Change> {
        let clear = self.clear & !self.keep;
        (clear != self.clear).then_some(Change { clear, ..self })
    }
}

impl Tree {
    /// A copy of the mount that a path of the host is on, from that path on; of those below it too.
    pub fn of_path(path: &str, recursive: bool, nofollow: bool) -> Result<Tree, Errno> {
        let mut flags = clone_flags(recursive);
        if nofollow {
            flags |= OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
        }
        match open_tree(CWD, path, flags) {
            Err(Errno::NOSYS) => {
                let nofollow = if nofollow { OFlags::NOFOLLOW } else { OFlags::empty() };
                let flags = OFlags::PATH | OFlags::CLOEXEC | nofollow;
                let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
                Ok(Tree { making: Making::Bind(handle, recursive), later: Vec::new() })
            }
            other => other.map(Tree::from),
        }
    }

    /// The same of what a handle is on.
    pub fn of(file: BorrowedFd<'_>, recursive: bool) -> Result<Tree, Errno> {
        match open_tree(file, "", clone_flags(recursive) | OpenTreeFlags::AT_EMPTY_PATH) {
            Err(Errno::NOSYS) => {
                let handle = rustix::io::fcntl_dupfd_cloexec(file, 3)?;
                Ok(Tree { making: Making::Bind(handle, recursive), later: Vec::new() })
            }
            other => other.map(Tree::from),
        }
    }

    /// A filesystem that `mount(2)` will make, where there is no `fsopen(2)`.
    pub fn of_filesystem(filesystem: NewFilesystem) -> Tree {
        Tree { making: Making::Filesystem(filesystem), later: Vec::new() }
    }

    /// The detached mount, or what will be bound; none for a filesystem that is yet to be made.
    pub fn handle(&self) -> Option<&OwnedFd> {
        match &self.making {
            Making::Detached(fd) | Making::Bind(fd, _) => Some(fd),
            Making::Filesystem(_) => None,
        }
    }

    /// The detached mount, with all its changes done; none on a kernel that has no such.
    pub fn detached(self) -> Option<OwnedFd> {
        match self.making {
            Making::Detached(fd) if self.later.is_empty() => Some(fd),
            _ => None,
        }
    }

    /// Changes it.
    pub fn change(&mut self, change: Change) -> Result<(), Errno> {
        if let Making::Detached(fd) = &self.making {
            match set_attributes(fd.as_fd(), change) {
                Err(Errno::NOSYS) => {}
                other => return other,
            }
        }
        self.later.push(change);
        Ok(())
    }

    /// Puts it at its place; gives a handle on its top.
    pub fn attach(self, place: &OwnedFd) -> Result<OwnedFd, Errno> {
        let top = match self.making {
            Making::Detached(fd) => {
                let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH
                    | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
                move_mount(&fd, "", place, "", empty)?;
                fd
            }
            Making::Bind(source, recursive) => before::bind(&source, place, recursive)?,
            Making::Filesystem(filesystem) => before::mount(&filesystem, place)?,
        };
        self.later.into_iter().try_for_each(|change| before::change(top.as_fd(), change))?;
        Ok(top)
    }
}

impl From<OwnedFd> for Tree {
    /// A detached mount.
    fn from(fd: OwnedFd) -> Tree {
        Tree { making: Making::Detached(fd), later: Vec::new() }
    }
}

/// Changes the mount whose top a handle is on, at its place.
pub fn change_mounted(top: impl AsFd, change: Change) -> Result<(), Errno> {
    match set_attributes(top.as_fd(), change) {
        Err(Errno::NOSYS) => before::change(top.as_fd(), change),
        other => other,
    }
}

fn set_attributes(mount: BorrowedFd<'_>, change: Change) -> Result<(), Errno> {
    let recursive = if change.recursive { sys::AT_RECURSIVE } else { 0 };
    match sys::mount_setattr(mount, recursive, change.clear, change.set, change.propagation) {
        Err(Errno::PERM) => {
            let milder = change.milder().ok_or(Errno::PERM)?;
            sys::mount_setattr(mount, recursive, milder.clear, milder.set, milder.propagation)
        }
        other => other,
    }
}

fn clone_flags(recursive: bool) -> OpenTreeFlags {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive { flags | OpenTreeFlags::AT_RECURSIVE } else { flags }
}

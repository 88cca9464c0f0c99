//! Bind mounts: a detached copy of a tree gets its attributes, and is then put at its place.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, OFlags};
use rustix::io::Errno;

use super::left::leave;
use super::mount::tree_options;
use super::tree::{Change, Tree};
use crate::error::{At, Error, Result};
use crate::plan::BindMount;
use crate::plan::options::{MountOptions, attr, ms};
use crate::procfs;
use crate::rootfs::{Place, Root, file_type};
use crate::step::Step;
use crate::sync::{Message, Pipe};
use crate::sys;

/// Makes a bind mount, or with `copy-symlink` the same symlink.
pub fn bind(plan: &BindMount, root: &Root<'_>, pipe: &Pipe) -> Result<()> {
    if plan.options.copy_symlink && copy_symlink(plan, root)? {
        return Ok(());
    }
    let tree = match own_source(plan, pipe)? {
        Some(tree) => tree,
        None => source_of_parent(plan, pipe)?,
    };
    let subject = || format!("{:?} to rootfs at {:?}", plan.source, plan.destination);
    let mounted = |error: Error| error.field(&*plan.field);
    let source = tree.handle().ok_or(Errno::NOSYS).at_with(Step::Mount, subject)?;
    if plan.only_procfs && !procfs::is_procfs(source) {
        let reason =
            format!("{:?} cannot be mounted because it is not of type proc", plan.destination);
        return Err(mounted(Error::because(Step::Mount, subject(), reason)));
    }
    let kind = kind_of(source, plan, root).at_with(Step::Mount, subject).map_err(mounted)?;
    let place = place_of(plan, kind, root)
        .at(Step::MountTarget, &*plan.destination)
        .map_err(|error| error.field(format!("{}.destination", plan.field)))?;
    match tree.attach(&place) {
        Ok(top) => {
            [place, top].into_iter().for_each(leave);
            Ok(())
        }
        Err(errno) => Err(mounted(explain(errno, kind, &place, subject()))),
    }
}

/// What the source is. A FUSE filesystem may tell none but its mounter, whom a user namespace is not:
/// then what is at the destination decides.
fn kind_of(
    source: &OwnedFd,
    plan: &BindMount,
    root: &Root<'_>,
) -> std::result::Result<FileType, Errno> {
    match file_type(source) {
        Err(Errno::ACCESS) => match root.open(&plan.destination, OFlags::PATH) {
            Ok(place) => file_type(place),
            Err(_) => Ok(FileType::Directory),
        },
        told => told,
    }
}

fn place_of(
    plan: &BindMount,
    kind: FileType,
    root: &Root<'_>,
) -> std::result::Result<OwnedFd, Errno> {
    if plan.options.destination_nofollow {
        match root.open(&plan.destination, OFlags::PATH | OFlags::NOFOLLOW) {
            Err(Errno::NOENT) => {}
            other => return other,
        }
    }
    let place = if kind == FileType::Directory { Place::Directory } else { Place::File };
    root.make_place(&plan.destination, place).map(|(place, _)| place)
}

/// Makes the symlink that the source is; false if it is none.
fn copy_symlink(plan: &BindMount, root: &Root<'_>) -> Result<bool> {
    let target = match rustix::fs::readlinkat(CWD, &*plan.source, Vec::new()) {
        Err(Errno::INVAL | Errno::NOENT) => return Ok(false),
        other => other
            .at(Step::DeviceLink, &*plan.source)
            .map_err(|error| error.field(format!("{}.source", plan.field)))?,
    };
    let made = root.make_parent(&plan.destination).and_then(|(parent, name)| {
        match rustix::fs::symlinkat(&target, &parent, name) {
            // The image may have it already.
            Err(Errno::EXIST) => {
                let there = rustix::fs::readlinkat(&parent, name, Vec::new());
                if there == Ok(target) { Ok(()) } else { Err(Errno::EXIST) }
            }
            other => other,
        }
    });
    made.at(Step::DeviceLink, &*plan.destination).map_err(|error| error.field(&*plan.field))?;
    Ok(true)
}

/// The tree that is bound, with its attributes; none if only the parent can make it: in a user
/// namespace its root need not be allowed to walk to the source. Ids are mapped by the parent too.
fn own_source(plan: &BindMount, pipe: &Pipe) -> Result<Option<Tree>> {
    let subject = || format!("{:?} to rootfs at {:?}", plan.source, plan.destination);
    let mut tree = match open_source(&plan.source, &plan.options) {
        Err(Errno::ACCESS | Errno::PERM | Errno::INVAL) => return Ok(None),
        other => other
            .at_with(Step::Mount, subject)
            .map_err(|error| error.field(format!("{}.source", plan.field)))?,
    };
    if plan.id_maps.is_some() {
        let handle = tree.handle().and_then(|tree| tree.try_clone().ok());
        let handle = handle.unwrap_or_else(|| sys::exit_now(1));
        pipe.send(&Message::MapMount(index(plan), handle))?;
        match pipe.receive()? {
            Some(Message::MountMapped) => {}
            // The parent failed, and says so itself.
            _ => sys::exit_now(1),
        }
    }
    prepare(&mut tree, &plan.options)
        .at_with(Step::Mount, subject)
        .map_err(|error| error.field(&*plan.field))?;
    Ok(Some(tree))
}

/// Which entry of `mounts` it is.
fn index(plan: &BindMount) -> u32 {
    plan.field.trim_start_matches("mounts[").trim_end_matches(']').parse().unwrap_or(0)
}

fn source_of_parent(plan: &BindMount, pipe: &Pipe) -> Result<Tree> {
    pipe.send(&Message::NeedSource(index(plan)))?;
    match pipe.receive()? {
        Some(Message::Source(tree)) => Ok(tree.into()),
        // The parent failed to open it, and says so itself.
        _ => sys::exit_now(1),
    }
}

/// Gives a detached tree what its options ask for.
pub fn prepare(tree: &mut Tree, options: &MountOptions) -> std::result::Result<(), Errno> {
    set_attributes(tree, options)?;
    tree_options(options).try_for_each(|change| tree.change(change))
}

/// A detached copy of the tree.
pub fn open_source(path: &str, options: &MountOptions) -> std::result::Result<Tree, Errno> {
    Tree::of_path(path, options.bind == Some(true), options.source_nofollow)
}

/// Sets what the options name. In a user namespace, flags that the parent's namespace locked are
/// kept, unless the options name their opposite (`mount_namespaces(7)`).
fn set_attributes(tree: &mut Tree, options: &MountOptions) -> std::result::Result<(), Errno> {
    let Some((clear, set)) = options.bind_attributes() else { return Ok(()) };
    const LOCKED: [(u64, u64); 4] = [
        (ms::RDONLY, attr::RDONLY),
        (ms::NOSUID, attr::NOSUID),
        (ms::NODEV, attr::NODEV),
        (ms::NOEXEC, attr::NOEXEC),
    ];
    let unnamed = LOCKED.iter().filter(|(word, _)| options.cleared & word == 0);
    let keep = unnamed.fold(0, |keep, (_, attribute)| keep | attribute);
    tree.change(Change { clear, set, keep, ..Change::default() })
}

/// A directory can't be mounted on a file, nor a file on a directory: the message says which is which.
fn explain(errno: Errno, source: FileType, place: &OwnedFd, subject: String) -> Error {
    let name = |kind: FileType| {
        if kind == FileType::Directory { "a directory" } else { "not a directory" }
    };
    match file_type(place) {
        Ok(kind) if (kind == FileType::Directory) != (source == FileType::Directory) => Error {
            cause: crate::error::Cause::Detailed(
                Errno::NOTDIR,
                format!("the source is {}, the destination is {}", name(source), name(kind)),
            ),
            ..Error::new(Step::Mount, subject)
        },
        _ => Error { cause: crate::error::Cause::Errno(errno), ..Error::new(Step::Mount, subject) },
    }
}

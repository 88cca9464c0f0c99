//! The cgroup filesystems inside a container (`mounts[].type` "cgroup").
//!
//! On v2 one mount, which without a cgroup namespace shows all of the hierarchy. On v1 a tmpfs with a folder for each hierarchy; with a cgroup namespace these
//! are fresh mounts, which show only the container's part, else binds of that part.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount as mount_at, mount_bind};

use super::left::leave;
use super::mount::detached;
use super::tree::{Change, Tree, change_mounted};
use crate::error::{At, Cause, Error, Result};
use crate::plan::options::{MountOptions, ms};
use crate::plan::{CgroupHierarchy, CgroupMount};
use crate::rootfs::Root;
use crate::step::Step;

/// Mounts them.
pub fn mount(plan: &CgroupMount, root: &Root<'_>) -> Result<()> {
    let fail = |cause: Cause| {
        let subject = format!("\"cgroup\" to rootfs at {:?}", plan.destination);
        Error { cause, ..Error::new(Step::Mount, subject).field(&*plan.field) }
    };
    let (place, _) = root
        .make_directory(&plan.destination, 0o755)
        .at(Step::MountTarget, &*plan.destination)
        .map_err(|error| error.field(format!("{}.destination", plan.field)))?;
    if plan.unified {
        unified(plan, &place).map_err(fail)?;
        leave(place);
        return Ok(());
    }
    let top =
        detached("tmpfs", "tmpfs", plan.options.set & !ms::RDONLY, "mode=755").map_err(fail)?;
    let top = top.attach(&place).map_err(|errno| fail(Cause::Errno(errno)))?;
    hierarchies(plan, &top).map_err(|errno| fail(Cause::Errno(errno)))?;
    [place, top].into_iter().for_each(leave);
    Ok(())
}

fn unified(plan: &CgroupMount, place: &OwnedFd) -> std::result::Result<(), Cause> {
    // Without a namespace a fresh mount would take the host's its options (nsdelegate).
    if plan.namespaced && fresh(plan, place)? {
        return Ok(());
    }
    let Some(hierarchy) = plan.hierarchies.first() else { return Err(Cause::Errno(Errno::NODEV)) };
    let mut tree = Tree::of_path(&hierarchy.path, false, false)
        .or_else(|_| Tree::of_path(&hierarchy.own, false, false))
        .map_err(Cause::Errno)?;
    tree.change(restriction(&plan.options, false)).map_err(Cause::Errno)?;
    tree.attach(place).map(leave).map_err(Cause::Errno)
}

/// A new mount, which shows the namespace's part of the hierarchy; false where that is not allowed.
fn fresh(plan: &CgroupMount, place: &OwnedFd) -> std::result::Result<bool, Cause> {
    rustix::process::fchdir(place).map_err(Cause::Errno)?;
    let flags = MountFlags::from_bits_retain(plan.options.set as u32);
    let data = std::ffi::CString::new(plan.options.data.as_str()).unwrap_or_default();
    match mount_at("cgroup", ".", "cgroup2", flags, &*data) {
        Ok(()) => Ok(true),
        Err(Errno::PERM | Errno::BUSY) => Ok(false),
        // A filesystem context has the kernel's words for it.
        Err(errno) => match detached("cgroup2", "cgroup", plan.options.set, &plan.options.data) {
            Err(cause) => Err(cause),
            Ok(_) => Err(Cause::Errno(errno)),
        },
    }
}

/// Fills the tmpfs, which nobody else sees yet: plain names below it are safe.
fn hierarchies(plan: &CgroupMount, top: &OwnedFd) -> std::result::Result<(), Errno> {
    rustix::process::fchdir(top)?;
    for hierarchy in &plan.hierarchies {
        rustix::fs::mkdirat(top, &*hierarchy.name, Mode::from_raw_mode(0o755))?;
        if plan.namespaced {
            let flags = MountFlags::from_bits_retain(plan.options.set as u32);
            let data = std::ffi::CString::new(hierarchy.data.as_str()).unwrap_or_default();
            mount_at("cgroup", &*hierarchy.name, "cgroup", flags, &*data)?;
        } else {
            match mount_bind(&*hierarchy.path, &*hierarchy.name) {
                // An ordinary user may have made none.
                Err(Errno::NOENT) => mount_bind(&*hierarchy.own, &*hierarchy.name)?,
                other => other?,
            }
        }
        short_names(hierarchy, top)?;
    }
    change_mounted(top, restriction(&plan.options, true))
}

/// `cpu` and `cpuacct` for `cpu,cpuacct`.
fn short_names(hierarchy: &CgroupHierarchy, top: &OwnedFd) -> std::result::Result<(), Errno> {
    if !hierarchy.name.contains(',') {
        return Ok(());
    }
    for name in hierarchy.name.split(',') {
        match rustix::fs::statat(top, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => rustix::fs::symlinkat(&*hierarchy.name, top, name)?,
            other => drop(other?),
        }
    }
    Ok(())
}

fn restriction(options: &MountOptions, recursive: bool) -> Change {
    let set = options.bind_attributes().map_or(0, |(_, set)| set & 0xf);
    Change { recursive, set, ..Change::default() }
}

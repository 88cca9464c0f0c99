//! Device files and the links of /dev, made through a handle of their folder (CVE-2026-41579).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, makedev, mknodat};
use rustix::io::Errno;

use super::folder::Folder;
use super::tree::Tree;
use crate::error::{At, Error, Result};
use crate::plan::{DeviceKind, DeviceNode};
use crate::rootfs::{Place, Root};
use crate::step::Step;

/// Makes a device file, or binds the host's in its place where mknod is not allowed.
pub fn make_node(node: &DeviceNode, root: &Root<'_>, folder: &mut Folder) -> Result<()> {
    let labelled = |error: Error| {
        if node.field.is_empty() { error } else { error.field(&*node.field) }
    };
    if !node.bind {
        let (dir, name) =
            folder.of(&node.path, root).at(Step::Device, &*node.path).map_err(labelled)?;
        match mknod(node, dir, name) {
            Err(Errno::PERM) if node.kind != DeviceKind::Fifo => {}
            other => return other.at(Step::Device, &*node.path).map_err(labelled),
        }
    }
    bind_host_node(node, root).at(Step::Device, &*node.path).map_err(labelled)
}

fn file_type(kind: DeviceKind) -> FileType {
    match kind {
        DeviceKind::Character => FileType::CharacterDevice,
        DeviceKind::Block => FileType::BlockDevice,
        DeviceKind::Fifo => FileType::Fifo,
    }
}

/// Makes the node; one that exists already is good only if it is the same device.
fn mknod(node: &DeviceNode, dir: &OwnedFd, name: &str) -> std::result::Result<(), Errno> {
    let mode = Mode::from_raw_mode(node.mode);
    let device = makedev(node.major, node.minor);
    match mknodat(dir, name, file_type(node.kind), mode, device) {
        Ok(()) => {}
        Err(Errno::EXIST) => change_mode(&open_same(node, dir, name)?, mode)?,
        Err(errno) => return Err(errno),
    }
    if node.uid == 0 && node.gid == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(node.uid), Gid::from_raw(node.gid));
    let handle = open_same(node, dir, name)?;
    rustix::fs::chownat(&handle, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
}

/// A handle on a node, which is the same device: its name may be another file's a moment later.
fn open_same(node: &DeviceNode, dir: &OwnedFd, name: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&handle)?;
    let same = FileType::from_raw_mode(stat.st_mode) == file_type(node.kind)
        && (node.kind == DeviceKind::Fifo || stat.st_rdev == makedev(node.major, node.minor));
    if same { Ok(handle) } else { Err(Errno::EXIST) }
}

/// By the name that the host's /proc has for the handle, as fchmod(2) takes none of that kind.
fn change_mode(handle: &OwnedFd, mode: Mode) -> std::result::Result<(), Errno> {
    let names = crate::procfs::open_directory("self/fd")?;
    rustix::fs::chmodat(&names, handle.as_raw_fd().to_string(), mode, AtFlags::empty())
}

fn bind_host_node(node: &DeviceNode, root: &Root<'_>) -> std::result::Result<(), Errno> {
    let source = rustix::fs::open(
        &*node.path,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let stat = rustix::fs::fstat(&source)?;
    let same = FileType::from_raw_mode(stat.st_mode) == file_type(node.kind)
        && stat.st_rdev == makedev(node.major, node.minor);
    if !same {
        return Err(Errno::NODEV);
    }
    let tree = Tree::of(source.as_fd(), false)?;
    let (place, _) = root.make_place(&node.path, Place::File)?;
    tree.attach(&place).map(drop)
}

/// Makes a symlink; one that exists is left alone, unless it is to be replaced.
pub fn make_link(
    target: &str,
    path: &str,
    replace: bool,
    root: &Root<'_>,
    folder: &mut Folder,
) -> Result<()> {
    let (dir, name) = folder.of(path, root).at(Step::DeviceLink, path)?;
    let made = match rustix::fs::symlinkat(target, dir, name) {
        Err(Errno::EXIST) if replace => rustix::fs::unlinkat(dir, name, AtFlags::empty())
            .and_then(|()| rustix::fs::symlinkat(target, dir, name)),
        Err(Errno::EXIST) => Ok(()),
        other => other,
    };
    made.at(Step::DeviceLink, path)
}

/// The null device of the container, checked to be it (CVE-2025-31133).
pub fn open_null(root: &Root<'_>) -> Result<OwnedFd> {
    let null = root.open("/dev/null", OFlags::PATH | OFlags::NOFOLLOW);
    let null = null.at(Step::Mask, "/dev/null")?;
    if is_null(null.as_fd()) {
        return Ok(null);
    }
    Err(Error::because(Step::Mask, "/dev/null", "it is not the null device (character device 1:3)"))
}

/// Whether a descriptor is the null device.
pub fn is_null(fd: rustix::fd::BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && stat.st_rdev == makedev(1, 3)
    })
}

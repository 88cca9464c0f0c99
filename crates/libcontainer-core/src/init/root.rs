//! The root filesystem becomes a mount, and that mount becomes the root.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};

use super::before;
use super::tree::{Change, Tree, change_mounted};
use crate::error::{At, Error, Result};
use crate::plan::RootChange;
use crate::plan::options::ms;
use crate::step::Step;

/// Opens the directory of the root filesystem, which must not be a symlink: it is the one that was
/// meant, whatever happens to its name later.
pub fn open_directory(path: &str) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let name = path.trim_end_matches('/');
    let name = if name.is_empty() { "/" } else { name };
    let opened = rustix::fs::openat(CWD, name, flags, Mode::empty());
    let is_link = || {
        rustix::fs::lstat(name)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    };
    match opened {
        Err(Errno::NOTDIR) if is_link() => {
            Err(Error::because(Step::OpenRootfs, path, "it is a symbolic link"))
        }
        other => other.at(Step::OpenRootfs, path),
    }
    .map_err(|error| error.field("root.path"))
}

/// Cuts the tie to the host's mounts, and mounts the root filesystem over itself.
///
/// Gives a handle on the top of that mount.
pub fn bind(rootfs: &OwnedFd, propagation: Option<u64>, path: &str) -> Result<OwnedFd> {
    let flags = propagation.unwrap_or(ms::SLAVE | ms::REC);
    before::set_propagation(flags)?;
    if flags & (ms::SHARED | ms::UNBINDABLE) != 0 {
        // pivot_root wants a root whose parent is not shared, and nothing may reach the host.
        make_parent_private(rootfs).at(Step::Propagation, path)?;
    }
    let tree = Tree::of(rootfs.as_fd(), true).at(Step::MountRootfs, path)?;
    tree.attach(rootfs).at(Step::MountRootfs, path)
}

/// Finds the mount that the directory is on by walking up to its top, and makes it private.
fn make_parent_private(rootfs: &OwnedFd) -> std::result::Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut dir = rustix::fs::openat(rootfs, ".", flags, Mode::empty())?;
    loop {
        let above = rustix::fs::openat(&dir, "..", flags, Mode::empty())?;
        if is_top(&dir, &above)? {
            let private = Change { propagation: ms::PRIVATE, ..Change::default() };
            return change_mounted(&dir, private);
        }
        dir = above;
    }
}

/// Whether a directory is the top of its mount; `above` is what `..` of it is.
fn is_top(dir: &OwnedFd, above: &OwnedFd) -> std::result::Result<bool, Errno> {
    let stat = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    if stat.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) {
        return Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    }
    // Before Linux 5.8; `..` of the root is the root.
    let (own, other) = (rustix::fs::fstat(dir)?, rustix::fs::fstat(above)?);
    let is_root = (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino);
    Ok(is_root || before::mount_id(dir)? != before::mount_id(above)?)
}

/// Makes the mount behind `top` the root of this process; `propagation` is what [`bind`] was given.
pub fn change(how: RootChange, top: &OwnedFd, propagation: Option<u64>) -> Result<()> {
    rustix::process::fchdir(top).at(Step::Pivot, "fchdir")?;
    match how {
        RootChange::Pivot => pivot(propagation)?,
        RootChange::Move => move_root()?,
        RootChange::Chroot => rustix::process::chroot(".").at(Step::Pivot, "chroot")?,
    }
    rustix::process::chdir("/").at(Step::Pivot, "chdir /")
}

/// `pivot_root(".", ".")` stacks the old root on the new one, from where it is taken off.
///
/// `.` means the new root then, but for `umount2`, which takes the topmost mount (`pivot_root(2)`).
fn pivot(propagation: Option<u64>) -> Result<()> {
    let shared = propagation
        .is_some_and(|flags| flags & (ms::SLAVE | ms::PRIVATE) == 0 || flags & ms::REC == 0);
    let old = if shared { Some(open()?) } else { None };
    rustix::process::pivot_root(".", ".").at(Step::Pivot, "")?;
    if let Some(old) = old {
        // The unmount must not reach the host, should the old root be a peer of the host's.
        let slave = Change { recursive: true, propagation: ms::SLAVE, ..Change::default() };
        change_mounted(&old, slave).at(Step::Pivot, "old root")?;
    }
    unmount(".", UnmountFlags::DETACH).at(Step::Pivot, "unmount the old root")
}

/// For a root on a ramdisk, which can't be pivoted: `--no-pivot`.
///
/// /proc and /sys of the host are unmounted first, or a process in a mount namespace of its own
/// could uncover them below the container's masked ones.
fn move_root() -> Result<()> {
    for path in host_special_mounts()? {
        mount_change(&*path, MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
            .at_with(Step::Pivot, || path.clone())?;
        match unmount(&*path, UnmountFlags::DETACH) {
            Ok(()) | Err(Errno::INVAL) => {}
            Err(Errno::PERM) => {
                // Owned by another user namespace: covered instead of taken away.
                rustix::mount::mount(
                    "tmpfs",
                    &*path,
                    "tmpfs",
                    rustix::mount::MountFlags::empty(),
                    None,
                )
                .at_with(Step::Pivot, || path.clone())?;
            }
            Err(errno) => Err(errno).at_with(Step::Pivot, || path.clone())?,
        }
    }
    rustix::mount::mount_move(".", "/").at(Step::Pivot, "move the root")?;
    rustix::process::chroot(".").at(Step::Pivot, "chroot")
}

/// Mount points of procfs and sysfs outside of the container's root, innermost first.
fn host_special_mounts() -> Result<Vec<String>> {
    let text = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        .at(Step::Pivot, "/proc/self/mountinfo")?;
    let own = rustix::process::getcwd(Vec::new()).at(Step::Pivot, "getcwd")?;
    let own = own.to_string_lossy().into_owned();
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let path = mount.split(' ').nth(4)?;
            let special = kind.starts_with("proc ") || kind.starts_with("sysfs ");
            let inside = path == own || path.starts_with(&format!("{own}/"));
            (special && !inside).then(|| path.to_owned())
        })
        .collect();
    found.reverse();
    Ok(found)
}

/// A handle on the root of this process.
pub fn open() -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, "/", flags, Mode::empty()).at(Step::Pivot, "open /")
}

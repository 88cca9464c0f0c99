//! Mounts on kernels before Linux 5.12: `mount(2)` on descriptors, by their names in the host's /proc.
//!
//! The directory of these names is opened before anything of the container is mounted, and is the
//! only way to them: an image may have a /proc of its own (CVE-2026-115521). A mount can't be named
//! by the descriptor of what it covers, so its place is opened again by path, and must be the same
//! path and another mount then.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};

use super::tree::{Change, NewFilesystem};
use crate::error::{At, Result as Labelled};
use crate::plan::options::{attr, ms};
use crate::step::Step;
use crate::{procfs, sys};

/// `/proc/self/fd` of the host.
static DESCRIPTORS: OnceLock<OwnedFd> = OnceLock::new();

/// Changes the propagation of all mounts, or of the root alone: the first change to any of them. An
/// old kernel is known by it, and what is needed later is opened then.
pub fn set_propagation(flags: u64) -> Labelled<()> {
    let recursive = if flags & ms::REC != 0 { sys::AT_RECURSIVE } else { 0 };
    match sys::set_root_propagation(recursive, flags & !ms::REC) {
        Err(Errno::NOSYS) => {}
        other => return other.at(Step::Propagation, "/"),
    }
    tracing::debug!("no mount_setattr (Linux 5.12): mounts are made by mount(2)");
    let directory = procfs::open_directory("self/fd").at(Step::MountRootfs, "/proc/self/fd")?;
    let _ = DESCRIPTORS.set(directory);
    let flags = MountPropagationFlags::from_bits_retain(flags as u32);
    rustix::mount::mount_change("/", flags).at(Step::Propagation, "/")
}

fn descriptors() -> Result<&'static OwnedFd, Errno> {
    DESCRIPTORS.get().ok_or(Errno::NOSYS)
}

fn name(fd: impl AsFd) -> String {
    fd.as_fd().as_raw_fd().to_string()
}

/// Does something in the directory of descriptors, where each is called by its number.
///
/// Nobody may be left with that folder of the host as its own (CVE-2024-21626).
fn among_descriptors(action: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    rustix::process::fchdir(descriptors()?)?;
    let result = action();
    rustix::process::chdir("/")?;
    result
}

/// Binds what one handle is on over what another is on; gives the top of the mount.
pub fn bind(source: &OwnedFd, place: &OwnedFd, recursive: bool) -> Result<OwnedFd, Errno> {
    let flags = if recursive { MountFlags::BIND | MountFlags::REC } else { MountFlags::BIND };
    among_descriptors(|| rustix::mount::mount(name(source), name(place), "", flags, None))?;
    let top = reopen(place)?;
    let (is, meant) = (rustix::fs::fstat(&top)?, rustix::fs::fstat(source)?);
    if (is.st_dev, is.st_ino) == (meant.st_dev, meant.st_ino) { Ok(top) } else { Err(Errno::AGAIN) }
}

/// Mounts a new filesystem over what a handle is on; gives its top.
pub fn mount(new: &NewFilesystem, place: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = MountFlags::from_bits_retain(new.flags as u32);
    among_descriptors(|| {
        rustix::mount::mount(&*new.source, name(place), &*new.kind, flags, &*new.data)
    })?;
    reopen(place)
}

/// A handle on what covers a place; EAGAIN if somebody moved it.
fn reopen(place: &OwnedFd) -> Result<OwnedFd, Errno> {
    let top = open(&path_of(place)?)?;
    if mount_id(&top)? == mount_id(place)? { Err(Errno::AGAIN) } else { Ok(top) }
}

/// Opens a path that the kernel told, and checks that it tells the same of what was opened.
fn open(path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    if path_of(&fd)? == path { Ok(fd) } else { Err(Errno::AGAIN) }
}

fn path_of(fd: &OwnedFd) -> Result<Vec<u8>, Errno> {
    rustix::fs::readlinkat(descriptors()?, name(fd), Vec::new()).map(|path| path.into_bytes())
}

/// Which mount a handle is on (`proc_pid_fdinfo(5)`).
pub fn mount_id(fd: impl AsFd) -> Result<u64, Errno> {
    let text = read_own(&format!("../fdinfo/{}", name(fd)))?;
    let id = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.ok_or(Errno::NOSYS)
}

/// A file of this process, relative to the directory of descriptors.
fn read_own(path: &str) -> Result<String, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(descriptors()?, path, flags, Mode::empty())?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::fs::File::from(file), &mut text)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(text)
}

/// Changes the mount whose top a handle is on, and those below it if that is asked for.
pub fn change(top: BorrowedFd<'_>, change: Change) -> Result<(), Errno> {
    if change.propagation != 0 {
        let recursive = if change.recursive { ms::REC } else { 0 };
        let flags = (change.propagation | recursive) as u32;
        let flags = MountPropagationFlags::from_bits_retain(flags);
        among_descriptors(|| rustix::mount::mount_change(name(top), flags))?;
    }
    if change.clear == 0 && change.set == 0 {
        return Ok(());
    }
    if change.set & attr::IDMAP != 0 {
        return Err(Errno::NOSYS);
    }
    remount(top, change)?;
    if !change.recursive {
        return Ok(());
    }
    let mut ids = vec![mount_id(top)?];
    for (id, parent, path) in read_own("../mountinfo")?.lines().filter_map(parse_mount) {
        if !ids.contains(&parent) {
            continue;
        }
        ids.push(id);
        let mount = open(&path)?;
        // One that another covers can't be reached, by the container neither.
        if mount_id(&mount)? == id {
            remount(mount.as_fd(), change)?;
        }
    }
    Ok(())
}

/// Its id, that of the mount it is on, and its place (`proc_pid_mountinfo(5)`), parents first.
fn parse_mount(line: &str) -> Option<(u64, u64, Vec<u8>)> {
    let mut fields = line.split(' ');
    let (id, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((id, parent, unescape(fields.nth(2)?)))
}

/// Which flags a mount has, as statvfs(3), mount_setattr(2) and mount(2) have them.
const FLAGS: [(StatVfsMountFlags, u64, u64); 7] = [
    (StatVfsMountFlags::RDONLY, attr::RDONLY, ms::RDONLY),
    (StatVfsMountFlags::NOSUID, attr::NOSUID, ms::NOSUID),
    (StatVfsMountFlags::NODEV, attr::NODEV, ms::NODEV),
    (StatVfsMountFlags::NOEXEC, attr::NOEXEC, ms::NOEXEC),
    (StatVfsMountFlags::NOATIME, attr::NOATIME, ms::NOATIME),
    (StatVfsMountFlags::NODIRATIME, attr::NODIRATIME, ms::NODIRATIME),
    // Linux 5.10; before, it is refused or without effect, as symlinks are the image's own.
    (StatVfsMountFlags::from_bits_retain(0x2000), attr::NOSYMFOLLOW, ms::NOSYMFOLLOW),
];

fn remount(mount: BorrowedFd<'_>, change: Change) -> Result<(), Errno> {
    let now = rustix::fs::fstatvfs(mount)?.f_flag;
    let mut flags = 0;
    for (seen, attribute, flag) in FLAGS {
        let kept = now.contains(seen) && change.clear & attribute == 0;
        if kept || change.set & attribute != 0 {
            flags |= flag;
        }
    }
    // Without one of these words the kernel leaves the times of access as they are.
    let relative = now.contains(StatVfsMountFlags::RELATIME) || change.clear & attr::ATIME != 0;
    if flags & ms::NOATIME == 0 {
        let strict = change.set & attr::STRICTATIME != 0 || !relative;
        flags |= if strict { ms::STRICTATIME } else { ms::RELATIME };
    }
    let flags = MountFlags::from_bits_retain(flags as u32) | MountFlags::BIND;
    match among_descriptors(|| rustix::mount::mount_remount(name(mount), flags, "")) {
        Err(Errno::PERM) => remount(mount, change.milder().ok_or(Errno::PERM)?),
        other => other,
    }
}

/// A path of mountinfo, in which four characters are written as octal numbers.
fn unescape(path: &str) -> Vec<u8> {
    let escapes = [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")];
    escapes.iter().fold(path.to_owned(), |path, (code, text)| path.replace(code, text)).into_bytes()
}

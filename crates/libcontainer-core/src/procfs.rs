//! Writes below the host's /proc, done before anything of the container is visible, and checked to be procfs.
//!
//! An image or a volume can never be looked at through this: its mounts are made later
//! (CVE-2019-19921, CVE-2025-52881).

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// `PROC_SUPER_MAGIC` of `linux/magic.h`.
const PROC_SUPER_MAGIC: i64 = 0x9fa0;

/// Opens a file below /proc for writing.
pub fn open_for_write(path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    checked(rustix::fs::open(format!("/proc/{path}"), flags, Mode::empty())?)
}

/// Opens a directory below /proc.
pub fn open_directory(path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    checked(rustix::fs::open(format!("/proc/{path}"), flags, Mode::empty())?)
}

/// Writes a file below /proc in one write.
pub fn write(path: &str, value: &[u8]) -> Result<(), Errno> {
    rustix::io::write(open_for_write(path)?, value).map(|_| ())
}

/// Reads a file below /proc, up to 16 KiB.
pub fn read(path: &str) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(format!("/proc/{path}"), flags, Mode::empty())?;
    let mut text = vec![0; 16 * 1024];
    let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut text))?;
    text.truncate(count);
    Ok(text)
}

fn checked(file: OwnedFd) -> Result<OwnedFd, Errno> {
    if is_procfs(&file) { Ok(file) } else { Err(Errno::OPNOTSUPP) }
}

/// Whether a file is one of a procfs.
pub fn is_procfs(file: &OwnedFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC)
}

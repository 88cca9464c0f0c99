//! `tmpcopyup`: a tmpfs starts with a copy of the directory that it hides.
//!
//! All by descriptors and without following symlinks, so that an image can't name a file of the
//! host's to be copied. Directories, files and symlinks are copied with owner and mode; sockets and
//! pipes are of no use as copies, devices are made by the plan.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use crate::whole::write_all;

/// Copies the content of one directory into another, which is empty.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    for entry in Dir::new(open_directory(from, c".")?)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                rustix::fs::mkdirat(to, name, Mode::RWXU)?;
                let made = open_directory(to, name)?;
                copy(open_directory(from, name)?.as_fd(), made.as_fd())?;
                take_over(&made, &stat)?;
            }
            FileType::RegularFile => copy_file(from, to, name, &stat)?,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from, name, Vec::new())?;
                rustix::fs::symlinkat(&target, to, name)?;
                let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
                rustix::fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn open_directory(dir: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

fn copy_file(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &std::ffi::CStr,
    stat: &Stat,
) -> Result<(), Errno> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let source = rustix::fs::openat(from, name, flags | OFlags::RDONLY, Mode::empty())?;
    if rustix::fs::fstat(&source)?.st_ino != stat.st_ino {
        return Err(Errno::AGAIN);
    }
    let create = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let made = rustix::fs::openat(to, name, create, Mode::RUSR | Mode::WUSR)?;
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::read(&source, &mut buffer))? {
            0 => break,
            count => write_all(&made, &buffer[..count])?,
        }
    }
    take_over(&made, stat)
}

/// Owner first: a change of it clears the set-id bits.
fn take_over(made: &OwnedFd, stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(made, Some(uid), Some(gid))?;
    rustix::fs::fchmod(made, Mode::from_raw_mode(stat.st_mode & 0o7777))
}

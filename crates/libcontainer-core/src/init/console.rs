//! The terminal of a container: a pseudo terminal of its own devpts (CVE-2025-52565).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Gid, Mode, OFlags, Uid, major, minor};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::Winsize;

use super::root;
use super::tree::Tree;
use crate::error::{At, Error, Result};
use crate::plan::ProcessPlan;
use crate::rootfs::Root;
use crate::spec::ConsoleSize;
use crate::step::Step;
use crate::sync::{Message, Pipe};

/// `DEVPTS_SUPER_MAGIC` of `linux/magic.h`.
const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;

/// Makes a terminal for a container, shows it at /dev/console, and hands the master to the parent.
pub fn set_up(pipe: &Pipe, size: Option<ConsoleSize>, process: &ProcessPlan) -> Result<OwnedFd> {
    let slave = open(pipe, size, process)?;
    let folder = open_folder("/dev")?;
    show_at_console(&slave, &folder).at(Step::Console, "/dev/console")?;
    Ok(slave)
}

/// Makes a terminal and hands the master to the parent.
pub fn open(pipe: &Pipe, size: Option<ConsoleSize>, process: &ProcessPlan) -> Result<OwnedFd> {
    let master = open_master()?;
    unlockpt(&master).at(Step::Console, "/dev/ptmx")?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = ioctl_tiocgptpeer(&master, flags).at(Step::Console, "/dev/pts")?;
    if let Some(size) = size {
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&slave, size).at(Step::Console, "set its size")?;
    }
    if process.uid != 0 {
        let _ = rustix::fs::fchown(&slave, Some(Uid::from_raw(process.uid)), None::<Gid>);
    }
    pipe.send(&Message::Terminal(master))?;
    Ok(slave)
}

/// The multiplexer of the container's devpts, checked to be one: an image may have anything there.
fn open_master() -> Result<OwnedFd> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = "/dev/pts/ptmx";
    let folder = open_folder("/dev/pts")?;
    let open = |flags| rustix::fs::openat(&folder, "ptmx", flags, Mode::empty());
    let handle = open(flags | OFlags::PATH).at(Step::Console, path)?;
    let stat = rustix::fs::fstat(&handle).at(Step::Console, path)?;
    let on_devpts =
        rustix::fs::fstatfs(&handle).at(Step::Console, path)?.f_type == DEVPTS_SUPER_MAGIC;
    let multiplexer = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && (major(stat.st_rdev), minor(stat.st_rdev)) == (5, 2);
    if !on_devpts || !multiplexer {
        let reason = "it is not the multiplexer of a devpts mount; mount one at /dev/pts";
        return Err(Error::because(Step::Console, path, reason));
    }
    drop(handle);
    let master = open(flags | OFlags::RDWR | OFlags::NOCTTY).at(Step::Console, path)?;
    let same = rustix::fs::fstat(&master).at(Step::Console, path)?;
    if (same.st_dev, same.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(Error::because(Step::Console, path, "it changed while it was opened"));
    }
    Ok(master)
}

/// A folder of the container, which is the root of this process by now.
fn open_folder(path: &str) -> Result<OwnedFd> {
    let top = root::open()?;
    Root::new(top.as_fd()).handle(path).at(Step::Console, path)
}

fn show_at_console(slave: &OwnedFd, folder: &OwnedFd) -> std::result::Result<(), Errno> {
    // Only a new file: what came there meanwhile may be a link, or a device that acts on being opened.
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let handle = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = match rustix::fs::openat(folder, "console", handle, Mode::empty()) {
        Err(Errno::NOENT) => {
            rustix::fs::openat(folder, "console", flags, Mode::from_raw_mode(0o666))?
        }
        other => other?,
    };
    if crate::rootfs::file_type(&place)? == FileType::Symlink {
        return Err(Errno::LOOP);
    }
    Tree::of(slave.as_fd(), false)?.attach(&place).map(drop)
}

/// Makes the terminal the controlling one, and the three standard streams.
pub fn take(slave: OwnedFd) -> Result<()> {
    rustix::process::ioctl_tiocsctty(&slave)
        .at(Step::Console, "make it the controlling terminal")?;
    for number in 0..3 {
        crate::sys::duplicate_to(slave.as_fd(), number, true)
            .at(Step::Console, "standard streams")?;
    }
    Ok(())
}

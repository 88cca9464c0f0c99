//! Freezing and thawing a container (cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst,
//! `cgroup.freeze`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::error::{At, Cause, Error};
use crate::file;
use crate::record::{Directory, Record, open_root};

/// How often version 1 is asked; every 25th time after a moment, every 50th after a thaw.
const V1_ATTEMPTS: u32 = 1000;
/// How long version 2 may take.
const V2_SECONDS: i64 = 10;

impl Record {
    /// Stops all processes of the container, and returns once all of them are stopped.
    ///
    /// # Errors
    /// When one cannot be stopped in time; then all of them go on.
    pub fn freeze(&self) -> Result<(), Error> {
        let root = self.open_root()?;
        let directory = self.of_freezer()?;
        let result = match directory.is_v2() {
            true => freeze_v2(root.as_fd(), self, directory),
            false => freeze_v1(root.as_fd(), self, directory),
        };
        result.inspect_err(|_| {
            // The first error is the one to report.
            let _ = set(root.as_fd(), self, directory, false);
        })
    }

    /// Lets the processes of the container go on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<(), Error> {
        let root = self.open_root()?;
        set(root.as_fd(), self, self.of_freezer()?, false)
    }

    /// Whether the container is stopped by a freezer; not if the cgroup is gone.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_frozen(&self) -> Result<bool, Error> {
        let Some((directory, path, thawed)) = self.freezer_file()? else { return Ok(false) };
        match file::read_path(&path) {
            // The root may be behind a link.
            Err(Errno::LOOP) => is_frozen(self.open_root()?.as_fd(), self, directory),
            read => told(read, thawed).at("read", &path),
        }
    }

    /// The directory that freezes, the absolute path of the file that tells, and what it says when
    /// nothing is stopped.
    fn freezer_file(&self) -> Result<Option<(&Directory, String, &'static str)>, Error> {
        let Ok(directory) = self.of_freezer() else { return Ok(None) };
        self.check_paths()?;
        let file = file_of(directory);
        Ok(file.map(|(name, thawed)| (directory, self.full(&directory.file(name)), thawed)))
    }

    fn of_freezer(&self) -> Result<&Directory, Error> {
        let missing =
            || Error::new("freeze", "container", Cause::NoCgroup { controller: "freezer" });
        self.directory("freezer").ok_or_else(missing)
    }
}

/// Asks one container after another whether it is stopped: the directory that most of them are in is
/// opened once.
#[derive(Debug, Default)]
pub struct FreezerView {
    parent: String,
    handle: Option<OwnedFd>,
}

impl FreezerView {
    /// As [`Record::is_frozen`].
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_frozen(&mut self, record: &Record) -> Result<bool, Error> {
        let Some((_, path, thawed)) = record.freezer_file()? else { return Ok(false) };
        let mut names = path.rmatch_indices('/').map(|(at, _)| at);
        let cut = names.nth(1).unwrap_or(0);
        let parent = &path[..cut];
        if self.handle.is_none() || self.parent != parent {
            self.handle = Some(open_root(parent)?);
            parent.clone_into(&mut self.parent);
        }
        let Some(handle) = &self.handle else { return Ok(false) };
        told(file::read_at(handle.as_fd(), &path[cut + 1..]), thawed).at("read", &path)
    }
}

/// Whether a directory is frozen by itself; one whose hierarchy has no freezer is not.
pub(crate) fn is_frozen(
    root: BorrowedFd<'_>,
    record: &Record,
    directory: &Directory,
) -> Result<bool, Error> {
    let Some((name, thawed)) = file_of(directory) else { return Ok(false) };
    let path = directory.file(name);
    told(file::read_at(root, &path), thawed).at("read", &record.full(&path))
}

/// The file that tells, and what it says when nothing is stopped.
fn file_of(directory: &Directory) -> Option<(&'static str, &'static str)> {
    match directory.is_v2() {
        true => Some(("cgroup.freeze", "0")),
        false if directory.has("freezer") => Some(("freezer.state", "THAWED")),
        false => None,
    }
}

fn told(read: Result<String, Errno>, thawed: &str) -> Result<bool, Errno> {
    match read {
        Ok(state) => Ok(state.trim() != thawed),
        Err(Errno::NOENT | Errno::NODEV) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Version 1 may stay at FREEZING when tasks come or go meanwhile: ask again and again.
fn freeze_v1(root: BorrowedFd<'_>, record: &Record, directory: &Directory) -> Result<(), Error> {
    let path = directory.file("freezer.state");
    let full = record.full(&path);
    for attempt in 1..=V1_ATTEMPTS {
        if attempt % 50 == 0 {
            // A task may wait for one that is frozen already.
            set(root, record, directory, false)?;
            std::thread::sleep(Duration::from_millis(10));
        }
        set(root, record, directory, true)?;
        if attempt % 25 == 0 {
            std::thread::sleep(Duration::from_micros(10));
        }
        match file::read_at(root, &path).at("read", &full)?.trim() {
            "FREEZING" => {}
            "FROZEN" => return Ok(()),
            _ => return Err(Error::new("freeze", full, Cause::Unreadable)),
        }
    }
    Err(Error::new("freeze", full, Cause::Timeout))
}

/// Version 2 tells by `cgroup.events` when all tasks have stopped.
fn freeze_v2(root: BorrowedFd<'_>, record: &Record, directory: &Directory) -> Result<(), Error> {
    let path = directory.file("cgroup.events");
    let full = record.full(&path);
    let events = file::open(root, &path, OFlags::RDONLY).at("open", &full)?;
    set(root, record, directory, true)?;
    loop {
        rustix::fs::seek(&events, rustix::fs::SeekFrom::Start(0)).at("read", &full)?;
        let text = file::read_all(events.as_fd()).at("read", &full)?;
        if text.lines().any(|line| line == "frozen 1") {
            return Ok(());
        }
        let timeout = Timespec { tv_sec: V2_SECONDS, tv_nsec: 0 };
        let mut fds = [PollFd::new(&events, PollFlags::PRI)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(Error::new("freeze", full, Cause::Timeout)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).at("wait for", &full),
        }
    }
}

fn set(
    root: BorrowedFd<'_>,
    record: &Record,
    directory: &Directory,
    frozen: bool,
) -> Result<(), Error> {
    let (name, value) = match (directory.is_v2(), frozen) {
        (true, true) => ("cgroup.freeze", "1"),
        (true, false) => ("cgroup.freeze", "0"),
        (false, true) => ("freezer.state", "FROZEN"),
        (false, false) => ("freezer.state", "THAWED"),
    };
    let path = directory.file(name);
    let subject = format!("{value:?} to {}", record.full(&path));
    file::write_at(root, &path, value).at("write", &subject)
}

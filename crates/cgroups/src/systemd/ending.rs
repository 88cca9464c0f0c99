//! Knowing without a question that a scope has ended and systemd has forgotten it.
//!
//! A scope ends with its last process: the kernel tells systemd, which removes the cgroup and then, when it
//! forgets the unit, the file that it keeps for one that is transient. A question gets its answer only after
//! all that systemd has to do besides, which is much: with a scope the controllers of its slice can come and
//! go, and systemd writes all limits of all units of the slice again.

use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::Unit;

/// How long to wait before the cgroup is looked at again, in milliseconds.
const INTERVAL: i64 = 10;
/// How many intervals systemd may take to notice that a cgroup is empty.
const PATIENCE: u32 = 50;
/// How many it may take where there is nothing to notice: a unit without a cgroup has failed, and stays;
/// one with processes may keep them.
const DOUBT: u32 = 2;

/// What is left in the cgroup of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Neither processes nor a directory.
    Nothing,
    /// A directory without processes.
    Empty,
    /// Processes, or who knows what.
    Processes,
}

impl Unit {
    /// Whether this is a scope that is at its end: systemd has forgotten it, or does so within moments, and
    /// has removed its cgroup. If not, or if that cannot be known, systemd has to be asked to stop it.
    pub(crate) fn has_ended(&self, left: impl Fn() -> Left) -> bool {
        let Some(dir) = transient_units(self.user) else { return false };
        // One that was never there would say that all units are gone.
        self.is_scope() && dir.is_dir() && is_forgotten(&dir.join(&self.name), left)
    }

    /// Whether the unit is a scope, which is the container's alone; a slice is shared.
    pub(crate) fn is_scope(&self) -> bool {
        self.name.ends_with(".scope")
    }
}

/// Where a manager keeps the files of its transient units.
fn transient_units(user: bool) -> Option<PathBuf> {
    match user {
        false => Some("/run/systemd/transient".into()),
        true => Some(Path::new(&std::env::var_os("XDG_RUNTIME_DIR")?).join("systemd/transient")),
    }
}

fn is_forgotten(file: &Path, left: impl Fn() -> Left) -> bool {
    let (mut intervals, mut doubts) = (0, 0);
    loop {
        match Watch::new(file) {
            Err(Errno::NOENT) => return left() == Left::Nothing,
            Err(_) => return false,
            Ok(watch) => {
                doubts += u32::from(left() != Left::Empty);
                intervals += 1;
                if doubts > DOUBT || intervals > PATIENCE || watch.wait().is_err() {
                    return false;
                }
            }
        }
    }
}

/// An eye on a file.
struct Watch(rustix::fd::OwnedFd);

impl Watch {
    /// The error is `NOENT` when there is no such file.
    fn new(file: &Path) -> Result<Self, Errno> {
        let watch = inotify::init(CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, file, WatchFlags::DELETE_SELF | WatchFlags::DONT_FOLLOW)?;
        Ok(Self(watch))
    }

    /// Waits until the file is gone, for one interval at most.
    fn wait(&self) -> Result<(), Errno> {
        let timeout = Timespec { tv_sec: 0, tv_nsec: INTERVAL * 1_000_000 };
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::*;

    /// A file of a unit in a directory of its own, which goes with what is given back.
    fn unit() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.scope");
        std::fs::write(&file, "").unwrap();
        (dir, file)
    }

    #[test]
    fn a_unit_without_a_file_is_forgotten_if_its_cgroup_is_gone() {
        let (_dir, file) = unit();
        let other = file.with_file_name("b.scope");
        assert!(is_forgotten(&other, || Left::Nothing));
        assert!(!is_forgotten(&other, || Left::Empty));
        assert!(!is_forgotten(&other, || Left::Processes));
    }

    #[test]
    fn an_empty_one_is_waited_for() {
        let (_dir, file) = unit();
        let looks = Cell::new(0);
        let left = || {
            looks.set(looks.get() + 1);
            if looks.get() == 5 {
                std::fs::remove_file(&file).unwrap();
            }
            if file.exists() { Left::Empty } else { Left::Nothing }
        };
        assert!(is_forgotten(&file, left));
        assert_eq!(looks.get(), 6);
    }

    #[test]
    fn the_end_of_the_file_ends_the_wait() {
        let (_dir, file) = unit();
        let watch = Watch::new(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let before = Instant::now();
        watch.wait().unwrap();
        assert!(before.elapsed().as_millis() < INTERVAL as u128);
        assert_eq!(Watch::new(&file).err(), Some(Errno::NOENT));
    }

    #[test]
    fn one_that_failed_or_is_in_use_is_left_to_a_question() {
        let (_dir, file) = unit();
        for left in [Left::Nothing, Left::Processes] {
            let looks = Cell::new(0);
            let count = || {
                looks.set(looks.get() + 1);
                left
            };
            assert!(!is_forgotten(&file, count));
            assert_eq!(looks.get(), DOUBT + 1);
        }
        // systemd is stuck.
        assert!(!is_forgotten(&file, || Left::Empty));
    }
}

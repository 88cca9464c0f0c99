//! The state of containers on disk: a directory for each below the state root.
//!
//! Making the directory takes the name. The first file in it is the intent: where the container's
//! cgroups will be, written before the first of them exists. It is renamed when they are found to be
//! the container's own, and another rename replaces it by the state. So whatever is killed when,
//! `delete` finds what there is to remove.
//!
//! Who makes a container locks its directory (`flock(2)`, shared), who deletes it does so
//! exclusively: the kernel gives the lock back when the holder is killed. The state is unlinked when
//! all else is given back, so a directory without one is no container any more, or none yet.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::state::{Owned, State};
use crate::step::Step;
use crate::whole::{read_all, write_all};

const STATE: &str = "state.json";
/// The intent, until the cgroup that the init is born in is known to be the container's own.
const INTENT: &str = "intent.json";
const STATE_NEW: &str = "state.json.new";
const CONFIG: &str = "config.json";
/// A directory with the socket of a container that tells when it is ready.
pub const NOTIFY: &str = "notify";
/// The socket at which a created container waits.
pub const GATE: &str = "exec.sock";
/// What only a container has that was not started, or whose making was cut short.
const EARLY_FILES: [&str; 3] = [GATE, STATE_NEW, INTENT];
/// What every container has.
const FILES: [&str; 2] = [CONFIG, STATE];
/// The longest name of a container: a file name less what may be put around it.
const ID_MAX: usize = 255;
/// How often a name is tried to be taken, when what a killed command left of it is in the way.
const CLAIM_ATTEMPTS: u32 = 5;

/// The directory of all states.
#[derive(Debug)]
pub struct Store {
    path: String,
    root: Rc<OwnedFd>,
}

/// The directory of one container's state.
#[derive(Debug)]
pub struct StateDir {
    id: String,
    root: Rc<OwnedFd>,
    dir: OwnedFd,
    /// Whether this process may remove it.
    exclusive: bool,
}

/// Checks a container's name: letters, digits, `_`, `+`, `-`, `.`, and not only dots.
pub fn check_id(id: &str) -> Result<()> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
    if id.is_empty() || id.len() > ID_MAX || id == "." || id == ".." || !id.bytes().all(letter) {
        return Err(Error::because(
            Step::CheckId,
            format!("{id:?}"),
            format!("it must have 1 to {ID_MAX} of A-Z a-z 0-9 _ + - . and not be \".\" or \"..\""),
        ));
    }
    Ok(())
}

impl Store {
    /// Opens the state root, making it (0700) if it is missing.
    pub fn create(path: &str) -> Result<Store> {
        match Store::open_path(path) {
            Err(Errno::NOENT) => {}
            other => return other.at(Step::OpenStateRoot, path),
        }
        make_directories(path).at(Step::OpenStateRoot, path)?;
        Store::open_path(path).at(Step::OpenStateRoot, path)
    }

    /// Opens the state root if there is one.
    pub fn open(path: &str) -> Result<Option<Store>> {
        match Store::open_path(path) {
            Err(Errno::NOENT) => Ok(None),
            other => other.map(Some).at(Step::OpenStateRoot, path),
        }
    }

    fn open_path(path: &str) -> std::result::Result<Store, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Store { path: path.to_owned(), root: Rc::new(root) })
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The absolute path of a container's directory, for others to open.
    pub fn path_of(&self, id: &str) -> Result<String> {
        if self.path.starts_with('/') {
            return Ok(format!("{}/{id}", self.path));
        }
        let cwd = rustix::process::getcwd(Vec::new()).at(Step::OpenStateRoot, &*self.path)?;
        Ok(format!("{}/{}/{id}", cwd.to_string_lossy(), self.path))
    }

    /// Takes a name by making its directory, which is locked until it is unlocked or closed; an error
    /// if there is a container. What a killed command left without a state is none.
    pub fn claim(&self, id: &str) -> Result<StateDir> {
        check_id(id)?;
        for _ in 0..CLAIM_ATTEMPTS {
            match rustix::fs::mkdirat(&*self.root, id, Mode::RWXU) {
                Ok(()) => match self.find_and_lock(id) {
                    // Another took it for what a killed command left.
                    Ok(dir) if dir.is_gone() => continue,
                    Err(error) if error.step == Step::FindContainer => continue,
                    locked => {
                        return locked.inspect_err(|_| {
                            let _ = rustix::fs::unlinkat(&*self.root, id, AtFlags::REMOVEDIR);
                        });
                    }
                },
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    return Err(errno).at_with(Step::WriteState, || format!("{}/{id}", self.path));
                }
            }
            let left = match self.find(id) {
                Err(error) if error.step == Step::FindContainer => continue,
                other => other?,
            };
            let at_work = left.flock(FlockOperation::NonBlockingLockExclusive).is_err();
            if at_work || left.read_state()?.is_some() {
                break;
            }
            if left.is_gone() {
                continue;
            }
            left.remove()?;
        }
        Err(Error::new(Step::ClaimId, id))
    }

    fn find_and_lock(&self, id: &str) -> Result<StateDir> {
        let dir = self.find(id)?;
        dir.flock(FlockOperation::LockShared).at(Step::WriteState, id)?;
        Ok(dir)
    }

    /// Opens the directory of a container.
    pub fn find(&self, id: &str) -> Result<StateDir> {
        check_id(id)?;
        // Not O_PATH, which could not be locked.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match rustix::fs::openat(&*self.root, id, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                return Err(Error::new(Step::FindContainer, id));
            }
            other => other.at(Step::ReadState, id)?,
        };
        Ok(StateDir { id: id.to_owned(), root: Rc::clone(&self.root), dir, exclusive: false })
    }

    /// The names of all containers, sorted.
    pub fn ids(&self) -> Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*self.root, ".", flags, Mode::empty())
            .at(Step::OpenStateRoot, &*self.path)?;
        let mut ids = Vec::new();
        for entry in rustix::fs::Dir::new(fd).at(Step::OpenStateRoot, &*self.path)? {
            let entry = entry.at(Step::OpenStateRoot, &*self.path)?;
            if let Ok(name) = entry.file_name().to_str()
                && check_id(name).is_ok()
                && !matches!(entry.file_type(), rustix::fs::FileType::RegularFile)
            {
                ids.push(name.to_owned());
            }
        }
        ids.sort();
        Ok(ids)
    }
}

impl StateDir {
    /// Name of the container.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its descriptor.
    pub fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Writes the intent, the first file. A directory that is gone was taken for what a killed
    /// command left, by one that has the name now.
    pub fn write_intent(&self, state: &State) -> Result<()> {
        self.write(INTENT, &encode(state)).map_err(|error| match error.errno() {
            Some(Errno::NOENT) => Error::new(Step::ClaimId, &*self.id),
            _ => error,
        })
    }

    fn flock(&self, operation: FlockOperation) -> std::result::Result<(), Errno> {
        rustix::io::retry_on_intr(|| rustix::fs::flock(&self.dir, operation))
    }

    /// Gives the lock of [`Store::claim`] back: the container is made.
    pub fn unlock(&self) -> Result<()> {
        self.flock(FlockOperation::Unlock).at(Step::WriteState, &*self.id)
    }

    /// Locks the directory for its removal, as soon as nobody makes or deletes the container any
    /// more; false if that takes too long.
    pub fn lock(&mut self, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.flock(FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    self.exclusive = true;
                    return Ok(true);
                }
                Err(Errno::AGAIN) if Instant::now() < deadline => std::thread::sleep(pause),
                Err(Errno::AGAIN) => return Ok(false),
                Err(errno) => return Err(errno).at(Step::RemoveState, &*self.id),
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Whether the directory was removed.
    pub fn is_gone(&self) -> bool {
        rustix::fs::fstat(&self.dir).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Whether somebody is making the container at this moment.
    pub fn is_being_made(&self) -> bool {
        // Shared goes with the maker's lock, and not with that of who deletes; exclusive goes with
        // neither.
        let made = !self.exclusive
            && self.flock(FlockOperation::NonBlockingLockShared).is_ok()
            && self.flock(FlockOperation::NonBlockingLockExclusive).is_err();
        if !self.exclusive {
            let _ = self.unlock();
        }
        made
    }

    /// Notes that the cgroup that the init is born in exists, was empty, and belongs to the container
    /// from now on.
    pub fn own_cgroup(&self) -> Result<()> {
        rustix::fs::renameat(&self.dir, INTENT, &self.dir, STATE)
            .at_with(Step::WriteState, || format!("{}/{STATE}", self.id))
    }

    /// Writes a state that does not count before [`StateDir::commit`], but shows that the whole cgroup
    /// is the container's own.
    pub fn draft(&self, state: &State) -> Result<()> {
        self.write(STATE_NEW, &encode(state))
    }

    /// Puts the draft in the place of the intent, in one step.
    pub fn commit(&self) -> Result<()> {
        rustix::fs::renameat(&self.dir, STATE_NEW, &self.dir, STATE)
            .at_with(Step::WriteState, || format!("{}/{STATE}", self.id))
    }

    /// Keeps a copy of the configuration, so that later edits in the bundle change nothing.
    pub fn write_config(&self, text: &[u8]) -> Result<()> {
        self.write(CONFIG, text)
    }

    /// The copy of the configuration.
    pub fn read_config(&self) -> Result<Vec<u8>> {
        self.try_read(CONFIG).at_with(Step::ReadState, || format!("{}/{CONFIG}", self.id))
    }

    /// The state or the intent; none if there is no container yet, or any more.
    pub fn read_state(&self) -> Result<Option<State>> {
        let label = || format!("{}/{STATE}", self.id);
        // The intent may be renamed between two looks.
        for file in [STATE, INTENT, STATE] {
            let text = match self.try_read(file) {
                Err(Errno::NOENT) => continue,
                other => other.at_with(Step::ReadState, label)?,
            };
            if text.is_empty() {
                return Ok(None); // killed between making the file and writing it
            }
            let state: State = serde_json::from_slice(&text)
                .map_err(|error| Error::because(Step::ReadState, label(), error.to_string()))?;
            let owned = match file {
                INTENT => Owned::Nothing,
                // The draft is written when the cgroup is complete.
                _ if state.pid != 0 || self.has(STATE_NEW) => Owned::Whole,
                _ => Owned::Birthplace,
            };
            return Ok(Some(State { owned, ..state }));
        }
        Ok(None)
    }

    /// Whether there is a file of the gate.
    pub fn has_gate(&self) -> bool {
        self.has(GATE)
    }

    fn has(&self, file: &str) -> bool {
        rustix::fs::statat(&self.dir, file, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Removes the gate of a container that was started.
    pub fn remove_gate(&self) -> Result<()> {
        self.unlink(GATE, AtFlags::empty())
    }

    /// Removes the directory and its files. Needs no file to be made, so it works on a full disk.
    pub fn remove(&self) -> Result<()> {
        FILES.iter().try_for_each(|file| self.unlink(file, AtFlags::empty()))?;
        match rustix::fs::unlinkat(&*self.root, &*self.id, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => self.remove_with_rare_files(),
            Err(errno) => Err(errno).at(Step::RemoveState, &*self.id),
        }
    }

    /// Removes the directory after what only some containers have in it.
    fn remove_with_rare_files(&self) -> Result<()> {
        EARLY_FILES.iter().try_for_each(|file| self.unlink(file, AtFlags::empty()))?;
        self.unlink(&format!("{NOTIFY}/notify.sock"), AtFlags::empty())?;
        self.unlink(NOTIFY, AtFlags::REMOVEDIR)?;
        match rustix::fs::unlinkat(&*self.root, &*self.id, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at(Step::RemoveState, &*self.id),
        }
    }

    /// Removes a file that may be there.
    fn unlink(&self, file: &str, flags: AtFlags) -> Result<()> {
        match rustix::fs::unlinkat(&self.dir, file, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno).at(Step::RemoveState, format!("{}/{file}", self.id)),
        }
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let subject = || format!("{}/{name}", self.id);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)
            .at_with(Step::WriteState, subject)?;
        write_all(&file, text).at_with(Step::WriteState, subject)
    }

    fn try_read(&self, name: &str) -> std::result::Result<Vec<u8>, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        read_all(rustix::fs::openat(&self.dir, name, flags, Mode::empty())?)
    }
}

fn encode(state: &State) -> Vec<u8> {
    // A struct of strings and numbers always has a JSON form.
    serde_json::to_vec(state).unwrap_or_default()
}

fn make_directories(path: &str) -> std::result::Result<(), Errno> {
    let mode = Mode::RWXU | Mode::SVTX;
    match rustix::fs::mkdir(path, mode) {
        Err(Errno::NOENT) => {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if parent.is_empty() {
                return Err(Errno::NOENT);
            }
            make_directories(parent)?;
            match rustix::fs::mkdir(path, mode) {
                Err(Errno::EXIST) => Ok(()),
                other => other,
            }
        }
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "a.b", ".hidden", "A_b+c-1", &"x".repeat(255)] {
            assert!(check_id(good).is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in
            ["", ".", "..", "../x", "a/b", "a\\b", "a b", "\t", "a\n", "ü", "a;b", "%n", &long]
        {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
    }
}

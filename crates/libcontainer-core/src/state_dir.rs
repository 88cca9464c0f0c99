//! The state directory of one container: its lock and its files. See `store.rs` for what they mean.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::state::{Owned, State};
use crate::step::Step;
use crate::whole::{read_all, write_all};

pub(crate) const STATE: &str = "state.json";
/// The intent, until the cgroup that the init is born in is known to be the container's own.
const INTENT: &str = "intent.json";
const STATE_NEW: &str = "state.json.new";
/// A directory with the socket of a container that tells when it is ready.
pub const NOTIFY: &str = "notify";
/// The socket at which a created container waits.
pub const GATE: &str = "exec.sock";
/// The configuration, which earlier versions kept in a file of its own.
const CONFIG: &str = "config.json";
/// What only a container has that was not started, whose making was cut short, or that an earlier
/// version made.
const RARE_FILES: [&str; 4] = [GATE, STATE_NEW, INTENT, CONFIG];

/// The directory of one container's state.
#[derive(Debug)]
pub struct StateDir {
    id: String,
    root: Rc<OwnedFd>,
    dir: OwnedFd,
    /// Whether this process may remove it.
    exclusive: bool,
}

impl StateDir {
    pub(crate) fn new(id: &str, root: &Rc<OwnedFd>, dir: OwnedFd) -> StateDir {
        StateDir { id: id.to_owned(), root: Rc::clone(root), dir, exclusive: false }
    }

    /// Locks a new directory and writes the intent into it; FindContainer if it is gone, or another's:
    /// one that found this name's directory without an intent may have removed it, and made its own.
    pub(crate) fn begin(self, intent: &State) -> Result<StateDir> {
        self.flock(FlockOperation::LockShared).at(Step::WriteState, &*self.id)?;
        let lost = || Err(Error::new(Step::FindContainer, &*self.id));
        match self.write(INTENT, &encode(intent), OFlags::EXCL) {
            Ok(()) if self.has_state() => {
                let _ = self.unlink(INTENT, AtFlags::empty());
                lost()
            }
            Ok(()) => Ok(self),
            Err(error) if matches!(error.errno(), Some(Errno::NOENT | Errno::EXIST)) => lost(),
            Err(error) => {
                let _ = self.unlink(INTENT, AtFlags::empty());
                Err(error)
            }
        }
    }

    /// Name of the container.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its descriptor.
    pub fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.dir.as_fd()
    }

    pub(crate) fn flock(&self, operation: FlockOperation) -> std::result::Result<(), Errno> {
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

    /// Writes a state, and the configuration that it is of, that do not count before
    /// [`StateDir::commit`], but show that the whole cgroup is the container's own.
    pub fn draft(&self, state: &State, config: &[u8]) -> Result<()> {
        let mut text = encode(state);
        text.push(b'\n');
        text.extend_from_slice(config);
        self.write(STATE_NEW, &text, OFlags::TRUNC)
    }

    /// Puts the draft in the place of the intent, in one step.
    pub fn commit(&self) -> Result<()> {
        rustix::fs::renameat(&self.dir, STATE_NEW, &self.dir, STATE)
            .at_with(Step::WriteState, || format!("{}/{STATE}", self.id))
    }

    /// The copy of the configuration.
    pub fn read_config(&self) -> Result<Vec<u8>> {
        let mut text = self.read(STATE)?;
        let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
            return self.read(CONFIG);
        };
        text.drain(..=end);
        Ok(text)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(&self.dir, name, flags, Mode::empty())
            .and_then(read_all)
            .at_with(Step::ReadState, || format!("{}/{name}", self.id))
    }

    /// Whether the next boot finds no states any more.
    pub fn ends_with_boot(&self) -> bool {
        /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `linux/magic.h`.
        const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
        rustix::fs::fstatfs(&self.dir).is_ok_and(|stat| IN_MEMORY.contains(&stat.f_type))
    }

    /// The state or the intent; none if there is no container yet, or any more.
    pub fn read_state(&self) -> Result<Option<State>> {
        let label = || format!("{}/{STATE}", self.id);
        // The intent may be renamed between two looks.
        for file in [STATE, INTENT, STATE] {
            let text = match read_line(&self.dir, file) {
                Err(Errno::NOENT) => continue,
                other => other.at_with(Step::ReadState, label)?,
            };
            if text.is_empty() {
                return Ok(None); // killed between making the file and writing it
            }
            let state = decode(&self.id, &text)?;
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

    /// Whether the container is still there.
    pub fn has_state(&self) -> bool {
        self.has(STATE)
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
        self.unlink(STATE, AtFlags::empty())?;
        match rustix::fs::unlinkat(&*self.root, &*self.id, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => self.remove_with_rare_files(),
            Err(errno) => Err(errno).at(Step::RemoveState, &*self.id),
        }
    }

    /// Removes the directory after what only some containers have in it.
    fn remove_with_rare_files(&self) -> Result<()> {
        RARE_FILES.iter().try_for_each(|file| self.unlink(file, AtFlags::empty()))?;
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

    fn write(&self, name: &str, text: &[u8], how: OFlags) -> Result<()> {
        let subject = || format!("{}/{name}", self.id);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags | how, Mode::RUSR | Mode::WUSR)
            .at_with(Step::WriteState, subject)?;
        write_all(&file, text).at_with(Step::WriteState, subject)
    }
}

/// Reads the first line of a file: what the state is of it.
pub(crate) fn read_line(dir: &OwnedFd, path: &str) -> std::result::Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(dir, path, flags, Mode::empty())?;
    let (mut line, mut block) = (Vec::new(), [0; 4096]);
    loop {
        let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut block))?;
        let read = &block[..count];
        match read.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                line.extend_from_slice(&read[..end]);
                return Ok(line);
            }
            None => line.extend_from_slice(read),
        }
        if count < block.len() {
            return Ok(line);
        }
    }
}

pub(crate) fn decode(id: &str, text: &[u8]) -> Result<State> {
    serde_json::from_slice(text).map_err(|error| {
        Error::because(Step::ReadState, format!("{id}/{STATE}"), error.to_string())
    })
}

fn encode(state: &State) -> Vec<u8> {
    // A struct of strings and numbers always has a JSON form.
    serde_json::to_vec(state).unwrap_or_default()
}

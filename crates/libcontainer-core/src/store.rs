//! The state of containers on disk: a directory for each below the state root.
//!
//! Making the directory takes the name. The first file in it is the intent: where the container's
//! cgroups will be, written before the first of them exists. It is renamed when they are found to be
//! the container's own, and another rename replaces it by the state. So whatever is killed when,
//! `delete` finds what there is to remove.
//!
//! Below the state, which is one line, the file keeps the configuration as it was: later edits in
//! the bundle change nothing.
//!
//! Who makes a container locks its directory (`flock(2)`, shared), who deletes it does so
//! exclusively: the kernel gives the lock back when the holder is killed. The state is unlinked when
//! all else is given back, so a directory without one is no container any more, or none yet.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::fs::{Access, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Error, Result};
use crate::state::State;
pub use crate::state_dir::{GATE, NOTIFY, StateDir};
use crate::state_dir::{STATE, decode, read_line};
use crate::step::Step;

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

    /// Takes a name by making its directory, which is locked until it is unlocked or closed, with the
    /// intent in it; an error if there is a container. What a killed command left without a state is
    /// none.
    pub fn claim(&self, id: &str, intent: &State) -> Result<StateDir> {
        check_id(id)?;
        for _ in 0..CLAIM_ATTEMPTS {
            match rustix::fs::mkdirat(&*self.root, id, Mode::RWXU) {
                Ok(()) => match self.find(id).and_then(|dir| dir.begin(intent)) {
                    // Another took it for what a killed command left.
                    Err(error) if error.step == Step::FindContainer => continue,
                    begun => {
                        return begun.inspect_err(|_| {
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
        Ok(StateDir::new(id, &self.root, dir))
    }

    /// The state of a container, without a lock; none if there is no container.
    pub fn glance(&self, id: &str) -> Result<Option<State>> {
        check_id(id)?;
        match read_line(&self.root, &format!("{id}/{STATE}")) {
            Ok(text) if !text.is_empty() => decode(id, &text).map(Some),
            // What is being made has more files.
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => self.find(id)?.read_state(),
            Err(errno) => Err(errno).at_with(Step::ReadState, || format!("{id}/{STATE}")),
        }
    }

    /// Whether a container has a file of the gate.
    pub fn has_gate(&self, id: &str) -> bool {
        let gate = format!("{id}/{GATE}");
        rustix::fs::accessat(&*self.root, gate, Access::EXISTS, AtFlags::empty()).is_ok()
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

    /// One has made the directory, and not opened it yet; another took that for what a killed command
    /// left, removed it, and made its own. The first one finds that by the name.
    #[test]
    fn a_directory_has_one_maker() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::create(root.path().to_str().unwrap()).unwrap();
        let intent = State { id: "box".to_owned(), ..State::default() };
        let other = store.claim("box", &intent).unwrap();
        let begin = || store.find("box").unwrap().begin(&intent).map(drop).unwrap_err().step;
        assert_eq!(begin(), Step::FindContainer);
        other.own_cgroup().unwrap();
        assert_eq!(begin(), Step::FindContainer);
        assert!(other.read_state().unwrap().is_some());
        assert_eq!(store.claim("box", &intent).unwrap_err().step, Step::ClaimId);
    }

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

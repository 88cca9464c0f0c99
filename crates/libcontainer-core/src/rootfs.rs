//! The only way to a path inside a root filesystem: a descriptor of the root, and lookups that stay below it.
//!
//! One `openat2(2)` with RESOLVE_IN_ROOT where the kernel has it (Linux 5.6), else a walk
//! by component (`walk.rs`). CVE-2021-30465, CVE-2024-45310 and their like are lookups
//! that were done by string instead.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::init::left::leave;
use crate::walk;

/// Lookups are tried again when a rename on the way made the kernel give up; so often at the most.
const RETRIES: u32 = 128;

/// So many dangling symlinks are followed in one path (as many as the kernel follows at all).
pub const LINKS_MAX: u32 = 40;

/// A root filesystem.
#[derive(Debug)]
pub struct Root<'fd>(BorrowedFd<'fd>);

/// What a mount needs at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory,
    /// Anything else.
    File,
}

impl<'fd> Root<'fd> {
    /// The root behind a descriptor of its top directory.
    pub fn new(top: BorrowedFd<'fd>) -> Root<'fd> {
        Root(top)
    }

    /// Its top directory.
    pub fn top(&self) -> BorrowedFd<'fd> {
        self.0
    }

    /// A handle (`flags` has O_PATH) on a path; symlinks are followed, but never out of the root, magic links not at all.
    pub fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        match self.look_up(path, flags, ResolveFlags::NO_MAGICLINKS) {
            // A filter of system calls that is older than the call gives EPERM.
            Err(Errno::NOSYS | Errno::PERM) => walk::handle(self.0, path, flags),
            other => other,
        }
    }

    /// A handle on a path that has no symlink on its way, which is ELOOP (Linux 5.6).
    pub fn handle_without_links(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.look_up(path, OFlags::PATH, ResolveFlags::NO_SYMLINKS)
    }

    fn look_up(&self, path: &str, flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
        let relative = path.trim_start_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let (flags, how) = (flags | OFlags::CLOEXEC, how | ResolveFlags::IN_ROOT);
        for _ in 0..RETRIES {
            match rustix::fs::openat2(self.0, relative, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// A handle on a path, for `*at` calls and mounts.
    pub fn handle(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.open(path, OFlags::PATH)
    }

    /// A handle on a directory that is made if it is missing, with those above it, and whether it was.
    pub fn make_directory(&self, path: &str, mode: u32) -> Result<(OwnedFd, bool), Errno> {
        self.make(path, OFlags::PATH | OFlags::DIRECTORY, |parent, name| {
            rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(mode))
        })
    }

    /// A handle on a place to mount on, made if it is missing.
    pub fn make_place(&self, path: &str, place: Place) -> Result<(OwnedFd, bool), Errno> {
        if place == Place::Directory {
            return self.make_directory(path, 0o755);
        }
        self.make(path, OFlags::PATH, |parent, name| {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
            let mode = Mode::from_raw_mode(0o755);
            rustix::fs::openat(parent, name, flags | OFlags::CLOEXEC, mode).map(drop)
        })
    }

    /// Opens a path, or makes its last name below a parent that is made as well.
    ///
    /// The name is one component, so that a symlink at its place is not followed but EEXIST: it
    /// dangles, as images have them, and the path goes on at its target, in the root as ever.
    fn make(
        &self,
        path: &str,
        flags: OFlags,
        create: impl Fn(&OwnedFd, &str) -> Result<(), Errno>,
    ) -> Result<(OwnedFd, bool), Errno> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            match self.open(&path, flags) {
                Err(Errno::NOENT) => {}
                other => return other.map(|fd| (fd, false)),
            }
            let (parent, name) = self.make_parent(&path)?;
            match create(&parent, name) {
                Ok(()) => {
                    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let made = rustix::fs::openat(&parent, name, flags, Mode::empty());
                    leave(parent);
                    return made.map(|fd| (fd, true));
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let target = match rustix::fs::readlinkat(&parent, name, Vec::new()) {
                Ok(target) => target.into_string().map_err(|_| Errno::ILSEQ)?,
                // Somebody else made it at the same moment.
                Err(Errno::INVAL) => continue,
                Err(errno) => return Err(errno),
            };
            path = match target.strip_prefix('/') {
                Some(_) => target,
                None => {
                    format!("{}/{target}", path.rsplit_once('/').map_or("", |(parent, _)| parent))
                }
            };
        }
        Err(Errno::LOOP)
    }

    /// A handle on the directory of a path, made if it is missing, and the last name.
    pub fn make_parent<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), Errno> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name == ".." {
            return Err(Errno::INVAL);
        }
        Ok((self.make_directory(parent, 0o755)?.0, name))
    }
}

/// The type of the file behind a descriptor.
pub fn file_type(fd: impl AsFd) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (std::path::PathBuf, OwnedFd) {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("orun-root-{}-{count}", std::process::id()));
        std::fs::create_dir_all(dir.join("root/etc")).unwrap();
        std::fs::create_dir_all(dir.join("outside")).unwrap();
        symlink(dir.join("outside"), dir.join("root/absolute")).unwrap();
        symlink("../outside", dir.join("root/relative")).unwrap();
        let fd = rustix::fs::open(
            dir.join("root"),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .unwrap();
        (dir, fd)
    }

    #[test]
    fn links_do_not_lead_out_of_the_root() {
        let (dir, fd) = tree();
        let root = Root::new(fd.as_fd());
        for link in ["/absolute", "/relative", "/absolute/x", "/relative/x", "/../../outside"] {
            assert_eq!(root.handle(link).unwrap_err(), Errno::NOENT, "{link}");
            assert_eq!(
                walk::handle(fd.as_fd(), link, OFlags::PATH).unwrap_err(),
                Errno::NOENT,
                "{link}"
            );
        }
        let _ = root.make_place("/relative/new", Place::File);
        let _ = root.make_directory("/absolute/new", 0o755);
        assert_eq!(std::fs::read_dir(dir.join("outside")).unwrap().count(), 0);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn dangling_links_are_followed_in_the_root() {
        let (dir, fd) = tree();
        let root = Root::new(fd.as_fd());
        symlink("/new/place", dir.join("root/dangling")).unwrap();
        symlink("../../../../etc/file", dir.join("root/etc/up")).unwrap();
        symlink("loop", dir.join("root/loop")).unwrap();
        assert!(root.make_directory("/dangling", 0o755).unwrap().1);
        assert!(dir.join("root/new/place").is_dir());
        assert!(root.make_place("/etc/up", Place::File).unwrap().1);
        assert!(dir.join("root/etc/file").is_file());
        assert_eq!(root.make_directory("/loop", 0o755).unwrap_err(), Errno::LOOP);
        // The link of the other test leads outside: its name is made inside instead.
        root.make_directory("/absolute", 0o755).unwrap();
        assert_eq!(std::fs::read_dir(dir.join("outside")).unwrap().count(), 0);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn places_are_made_with_their_parents() {
        let (dir, fd) = tree();
        let root = Root::new(fd.as_fd());
        assert!(root.make_place("/a/b/c", Place::File).unwrap().1);
        assert!(!root.make_place("/a/b/c", Place::File).unwrap().1);
        assert!(root.make_place("/a/d/e", Place::Directory).unwrap().1);
        assert!(dir.join("root/a/b/c").is_file() && dir.join("root/a/d/e").is_dir());
        assert_eq!(
            root.open("/", OFlags::PATH).map(|fd| file_type(fd).unwrap()),
            Ok(FileType::Directory)
        );
        std::fs::remove_dir_all(dir).unwrap();
    }
}

//! User and group id maps of a user namespace, written directly or by `newuidmap` and `newgidmap`.

use std::fmt;
use std::fmt::Write as _;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// One line of a map: `size` ids from `container` on inside are the ids from `host` on outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// First id inside the namespace.
    pub container: u32,
    /// First id outside.
    pub host: u32,
    /// How many ids.
    pub size: u32,
}

/// Which of the two maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `uid_map`
    Uid,
    /// `gid_map`
    Gid,
}

impl MapKind {
    /// The file below `/proc/PID`.
    pub fn file(self) -> &'static str {
        match self {
            MapKind::Uid => "uid_map",
            MapKind::Gid => "gid_map",
        }
    }

    /// The set-uid helper of the shadow package that writes maps for ordinary users.
    pub fn helper(self) -> &'static str {
        match self {
            MapKind::Uid => "newuidmap",
            MapKind::Gid => "newgidmap",
        }
    }
}

impl IdMap {
    /// The id outside for an id inside, if this line maps it.
    pub fn to_host(self, id: u32) -> Option<u32> {
        let offset = id.checked_sub(self.container)?;
        if offset < self.size { self.host.checked_add(offset) } else { None }
    }
}

/// A map that was not written, and at which step.
#[derive(Debug, PartialEq, Eq)]
pub struct IdMapError {
    /// What was being done.
    pub step: IdMapStep,
    /// What the kernel said.
    pub errno: Errno,
}

/// The steps of writing a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdMapStep {
    /// Opening the file below `/proc/PID`.
    Open,
    /// Writing all lines in the one write that the kernel wants.
    Write,
}

impl fmt::Display for IdMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.step {
            IdMapStep::Open => "open",
            IdMapStep::Write => "write",
        };
        write!(f, "{verb}: {}", self.errno)
    }
}

/// The text of a map as `user_namespaces(7)` wants it, one line for each entry.
fn lines(maps: &[IdMap]) -> String {
    let mut text = String::with_capacity(maps.len() * 24);
    for map in maps {
        let _ = writeln!(text, "{} {} {}", map.container, map.host, map.size);
    }
    text
}

/// Writes a whole map through the process's directory in /proc; `user_namespaces(7)` has the rules.
pub fn write_id_map(
    process_dir: BorrowedFd<'_>,
    kind: MapKind,
    maps: &[IdMap],
) -> Result<(), IdMapError> {
    write_whole(process_dir, kind.file(), lines(maps).as_bytes())
}

/// Forbids `setgroups(2)` in the namespace, which an unprivileged writer of `gid_map` must do first.
pub fn deny_setgroups(process_dir: BorrowedFd<'_>) -> Result<(), IdMapError> {
    write_whole(process_dir, "setgroups", b"deny")
}

fn write_whole(dir: BorrowedFd<'_>, file: &str, data: &[u8]) -> Result<(), IdMapError> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::openat(dir, file, flags, Mode::empty())
        .map_err(|errno| IdMapError { step: IdMapStep::Open, errno })?;
    match rustix::io::write(&fd, data) {
        Ok(count) if count == data.len() => Ok(()),
        Ok(_) => Err(IdMapError { step: IdMapStep::Write, errno: Errno::IO }),
        Err(errno) => Err(IdMapError { step: IdMapStep::Write, errno }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_one_line_for_each_entry() {
        let maps = [
            IdMap { container: 0, host: 1000, size: 1 },
            IdMap { container: 1, host: 100_000, size: 65_536 },
        ];
        assert_eq!(lines(&maps), "0 1000 1\n1 100000 65536\n");
    }

    #[test]
    fn ids_outside_of_the_range_are_not_mapped() {
        let map = IdMap { container: 10, host: 1000, size: 5 };
        assert_eq!(map.to_host(10), Some(1000));
        assert_eq!(map.to_host(14), Some(1004));
        assert_eq!(map.to_host(15), None);
        assert_eq!(map.to_host(9), None);
    }
}

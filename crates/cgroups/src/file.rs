//! Files of a cgroup: opened beneath a directory fd, read whole, written with one `write`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, read, retry_on_intr, write};

use crate::path::is_clean;

/// Opens `path` below `dir`; symbolic links and `..` are refused (openat2(2)).
///
/// Linux before 5.6 has no openat2, and some seccomp profiles refuse it.
pub(crate) fn open(dir: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let flags = flags | OFlags::CLOEXEC;
    match retry_on_intr(|| openat2(dir, path, flags, Mode::empty(), resolve)) {
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_by_openat(dir, path, flags),
        result => result,
    }
}

/// The same without openat2: a `..` is refused by the letter, a link as the last component only;
/// cgroup hierarchies have none.
fn open_by_openat(dir: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    if !is_clean(path) {
        return Err(Errno::XDEV);
    }
    retry_on_intr(|| openat(dir, path, flags | OFlags::NOFOLLOW, Mode::empty()))
}

/// Opens a directory without reading it.
pub(crate) fn open_dir(dir: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    open(dir, path, OFlags::PATH | OFlags::DIRECTORY)
}

/// Writes `data` in one call: the kernel takes each write to a control file as one command.
pub(crate) fn put(file: BorrowedFd<'_>, data: &[u8]) -> Result<(), Errno> {
    match retry_on_intr(|| write(file, data))? {
        n if n == data.len() => Ok(()),
        _ => Err(Errno::IO),
    }
}

/// Opens `path` below `dir` and writes `data` to it.
pub(crate) fn write_at(dir: BorrowedFd<'_>, path: &str, data: &str) -> Result<(), Errno> {
    let file = open(dir, path, OFlags::WRONLY)?;
    put(file.as_fd(), data.as_bytes())
}

/// Reads all of `path` below `dir`.
pub(crate) fn read_at(dir: BorrowedFd<'_>, path: &str) -> Result<String, Errno> {
    let file = open(dir, path, OFlags::RDONLY)?;
    read_all(file.as_fd())
}

/// Reads all of a file by its absolute path; `LOOP` if there are symbolic links in it, or it
/// can't be known.
pub(crate) fn read_path(path: &str) -> Result<String, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let file = match retry_on_intr(|| openat2(CWD, path, flags, Mode::empty(), resolve)) {
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => return Err(Errno::LOOP),
        other => other?,
    };
    read_all(file.as_fd())
}

/// Reads all that is left of an open file.
pub(crate) fn read_all(file: BorrowedFd<'_>) -> Result<String, Errno> {
    let mut text = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let n = retry_on_intr(|| read(file, &mut chunk))?;
        text.extend_from_slice(&chunk[..n]);
        // A control file fills the chunk or is at its end; the kernel cuts between lines only, and
        // none is half a chunk long.
        if n < chunk.len() / 2 {
            return String::from_utf8(text).map_err(|_| Errno::ILSEQ);
        }
    }
}

/// Reads from a pipe until its other end is closed; `TIMEDOUT` if there is nothing for so long.
pub(crate) fn read_to_end(pipe: BorrowedFd<'_>, patience: Duration) -> Result<Vec<u8>, Errno> {
    let timeout = Timespec {
        tv_sec: patience.as_secs().cast_signed(),
        tv_nsec: patience.subsec_nanos().into(),
    };
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let mut fds = [PollFd::from_borrowed_fd(pipe, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut fds, Some(&timeout)))? == 0 {
            return Err(Errno::TIMEDOUT);
        }
        match retry_on_intr(|| read(pipe, &mut chunk))? {
            0 => return Ok(bytes),
            size => bytes.extend_from_slice(&chunk[..size]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Both ways to open a file refuse the same.
    #[test]
    fn paths_that_lead_out() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("in/deep")).unwrap();
        fs::write(top.path().join("out"), "").unwrap();
        fs::write(top.path().join("in/deep/file"), "text").unwrap();
        std::os::unix::fs::symlink("deep/file", top.path().join("in/link")).unwrap();
        let path = top.path().join("in");
        let dir = rustix::fs::open(&path, OFlags::PATH, Mode::empty()).unwrap();
        for opener in [open, open_by_openat] {
            let fd = opener(dir.as_fd(), "deep/file", OFlags::RDONLY).unwrap();
            assert_eq!(read_all(fd.as_fd()).unwrap(), "text");
            for path in ["../out", "deep/../../out", "/proc/self/status", "link"] {
                let errno = opener(dir.as_fd(), path, OFlags::RDONLY).unwrap_err();
                assert!(matches!(errno, Errno::XDEV | Errno::LOOP), "{path}: {errno}");
            }
        }
    }

    #[test]
    fn files_of_any_length() {
        for length in [0, 1, 2047, 2048, 4096, 10_000] {
            let text = "x".repeat(length);
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &text).unwrap();
            let fd = rustix::fs::open(file.path(), OFlags::RDONLY, Mode::empty()).unwrap();
            assert_eq!(read_all(fd.as_fd()).unwrap(), text);
        }
    }
}

//! What this process inherited from its caller, and must not hand on to a container by accident.

use std::ffi::{CString, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

use crate::error::{At, Result};
use crate::procfs;
use crate::step::Step;
use crate::sys;

/// Marks every inherited descriptor but the standard ones close-on-exec (CVE-2024-21626).
///
/// The first thing that a program does: what it opens itself is marked from the start.
pub fn mark_descriptors() -> Result<()> {
    sys::cloexec_from(3).at(Step::Fds, "close-on-exec")
}

/// The effective user and group id that this program was started with, for as long as it is the
/// caller's: nothing here changes them but in a process that is a container's.
pub fn ids() -> (u32, u32) {
    sys::started_as()
}

/// The environment of this process.
pub fn environment() -> Vec<CString> {
    let entry = |(name, value): (OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    std::env::vars_os().filter_map(entry).collect()
}

/// Which of `count` descriptors from 3 on are open. To be asked before anything is opened.
pub fn open_descriptors(count: u32) -> Vec<RawFd> {
    (3..3 + count as RawFd).filter(|fd| sys::is_open(*fd)).collect()
}

/// Signals that the caller ignored (bit N-1 for signal N). SIGCHLD is not any more: that would take
/// the exit statuses of children away.
pub fn ignored_signals() -> u64 {
    let status = procfs::read("self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    sys::default_signals(mask & CHILD);
    mask
}

const CHILD: u64 = 1 << (libc::SIGCHLD - 1);

/// Lets this process wait for children, whatever its caller did.
pub fn keep_children() {
    sys::default_signals(CHILD);
}

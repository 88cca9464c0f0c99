//! Descriptors that were needed for a moment, left to be closed all at once.
//!
//! `close_range(2)` takes as long for fifty of them as `close(2)` for one. They hold handles on the
//! host, so [`settle_descriptors`] comes before a path of the image or of the configuration is looked
//! up otherwise than below a root without magic links (CVE-2024-21626): before the working directory.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::error::{At, Result};
use crate::step::Step;
use crate::sys;

/// Numbers up to this are left open; none, as long as nobody has allowed it.
static ROOM: AtomicI32 = AtomicI32::new(0);
const ROOM_MAX: RawFd = 128;
/// Who may have fewer descriptors than this needs those that it has.
const PLENTY: u64 = 512;

/// Lets this process leave descriptors open, if it may have many.
pub fn allow() {
    if getrlimit(Resource::Nofile).current.is_none_or(|limit| limit >= PLENTY) {
        ROOM.store(ROOM_MAX, Ordering::Relaxed);
    }
}

/// Closes a descriptor, or leaves it to who closes all.
pub fn leave(fd: OwnedFd) {
    if fd.as_raw_fd() < ROOM.load(Ordering::Relaxed) {
        let _ = fd.into_raw_fd();
    }
}

/// Closes everything but the standard streams, what is passed on, and what is named.
pub fn settle_descriptors(passed: &[RawFd], needed: &[BorrowedFd<'_>]) -> Result<()> {
    let mut kept: Vec<RawFd> = passed.to_vec();
    kept.extend(needed.iter().map(AsRawFd::as_raw_fd));
    kept.sort_unstable();
    let mut next = 3;
    for fd in kept {
        if fd > next {
            sys::close_between(next, fd - 1).at(Step::Fds, "close")?;
        }
        next = fd + 1;
    }
    sys::close_from(next).at(Step::Fds, "close")?;
    for fd in passed {
        sys::keep_across_exec(*fd).at_with(Step::Fds, || format!("{fd}"))?;
    }
    Ok(())
}

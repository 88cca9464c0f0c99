//! Clock offsets of a time namespace, `time_namespaces(7)`.

use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// How far one clock of the namespace is ahead of the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// `monotonic` or `boottime`.
    pub clock: &'static str,
    /// Seconds, may be negative.
    pub seconds: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// Writes the offsets of the time namespace that the caller's children will be in.
///
/// It must be new and have no process yet (EACCES otherwise); needs CAP_SYS_TIME.
pub fn write_offsets(self_dir: BorrowedFd<'_>, offsets: &[ClockOffset]) -> Result<(), Errno> {
    let text: String =
        offsets.iter().map(|o| format!("{} {} {}\n", o.clock, o.seconds, o.nanoseconds)).collect();
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(self_dir, "timens_offsets", flags, Mode::empty())?;
    rustix::io::write(&fd, text.as_bytes()).map(|_| ())
}

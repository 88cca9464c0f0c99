//! The file that tells a caller the container's pid: written beside it, then renamed.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use crate::error::{At, Result};
use crate::step::Step;
use crate::whole::write_all;

/// Writes `pid` in decimal without a newline; readers see the whole file or none.
pub fn write(path: &str, pid: i32) -> Result<()> {
    let (dir, name) = match path.rsplit_once('/') {
        Some((dir, name)) => (format!("{dir}/"), name),
        None => (String::new(), path),
    };
    let temporary = format!("{dir}.{name}");
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let result = rustix::fs::openat(CWD, &*temporary, flags, Mode::from_raw_mode(0o644))
        .and_then(|file| write_all(&file, pid.to_string().as_bytes()))
        .and_then(|()| rustix::fs::renameat(CWD, &*temporary, CWD, path));
    if result.is_err() {
        let _ = rustix::fs::unlinkat(CWD, &*temporary, AtFlags::empty());
    }
    result.at(Step::PidFile, path)
}

//! The runtime's own binary, kept out of a container's reach (CVE-2019-5736).
//!
//! `/proc/PID/exe` of a process that enters a container is a handle on a file of the host. If its
//! mount is read-only, nothing can be done with it; so the runtime starts itself once more from a
//! read-only copy of its own mount, which is nowhere attached. A sealed memfd does the same where
//! the kernel does not allow that.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, SealFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::error::{At, Error, Result};
use crate::plan::options::attr;
use crate::step::Step;
use crate::sys;
use crate::whole::write_all;

const OWN: &CStr = c"/proc/self/exe";
const SEAL_ATTEMPTS: usize = 4;

/// Returns when the running binary is out of reach; else replaces this process by one that is.
pub fn ensure(argv: &[CString], env: &[CString]) -> Result<()> {
    if rustix::fs::statvfs(OWN)
        .at(Step::Seal, OWN.to_string_lossy())?
        .f_flag
        .contains(StatVfsMountFlags::RDONLY)
    {
        return Ok(());
    }
    let Err(errno) = start_from_mount(argv, env);
    if is_sealed_memory().at(Step::Seal, OWN.to_string_lossy())? {
        return Ok(());
    }
    tracing::debug!("no read-only clone of the runtime's mount: {errno}; using a sealed memfd");
    let Err(error) = start_from_memory(argv, env);
    Err(error)
}

/// Whether this runs from a memfd that can't be written any more.
fn is_sealed_memory() -> std::result::Result<bool, Errno> {
    let file = rustix::fs::openat(CWD, OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::fs::fcntl_get_seals(&file).is_ok_and(|seals| seals.contains(SealFlags::WRITE)))
}

fn start_from_mount(argv: &[CString], env: &[CString]) -> std::result::Result<Infallible, Errno> {
    let clone = sys::readonly_copy(OWN).or_else(|_| readonly_copy_in_steps())?;
    sys::execveat(clone.as_fd(), argv, env)
}

/// Before Linux 6.15.
fn readonly_copy_in_steps() -> std::result::Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let clone = open_tree(CWD, OWN, flags)?;
    sys::mount_setattr(clone.as_fd(), 0, 0, attr::RDONLY, 0)?;
    Ok(clone)
}

fn start_from_memory(argv: &[CString], env: &[CString]) -> Result<Infallible> {
    let copy = sealed_copy().at(Step::Seal, OWN.to_string_lossy())?;
    sys::execveat(copy.as_fd(), argv, env)
        .at(Step::Seal, "execute the copy")
        .map_err(|error: Error| error)
}

/// A page that the kernel holds for itself (to move it, say) for longer than the 150 ms that it
/// waits makes it refuse the seals; a copy on other pages succeeds.
fn sealed_copy() -> std::result::Result<OwnedFd, Errno> {
    for _ in 0..SEAL_ATTEMPTS {
        match copy_to_memory() {
            Err(Errno::BUSY) => {}
            done => return done,
        }
    }
    copy_to_memory()
}

fn copy_to_memory() -> std::result::Result<OwnedFd, Errno> {
    let file = rustix::fs::openat(CWD, OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // MFD_EXEC is asked for by kernels that have vm.memfd_noexec (6.3), and unknown to older ones.
    let copy = rustix::fs::memfd_create("runc_cloned:/proc/self/exe", flags | MemfdFlags::EXEC)
        .or_else(|_| rustix::fs::memfd_create("runc_cloned:/proc/self/exe", flags))?;
    let mut buffer = vec![0u8; 256 * 1024];
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut buffer))? {
            0 => break,
            count => write_all(&copy, &buffer[..count])?,
        }
    }
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&copy, seals)?;
    Ok(copy)
}

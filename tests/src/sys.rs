//! The system calls that neither std nor rustix wraps in a safe function.
#![allow(unsafe_code)]

pub mod filter;
pub mod seccomp;
pub mod trace;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

use crate::old_kernel::Kernel;

/// Gives the calling thread new namespaces, see unshare(2).
///
/// `CLONE_NEWPID` takes effect for the children. Only flags without effect on memory or file
/// descriptors may be given.
pub fn unshare(flags: libc::c_int) -> Result<(), Errno> {
    assert_eq!(flags & (libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_SIGHAND), 0);
    // SAFETY: unshare takes no pointer, and the flags that change memory or descriptors are
    // refused above.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// What a child process changes about itself between fork and exec.
#[derive(Debug, Default)]
pub struct Prepare {
    /// Descriptors that the program inherits, and under which number.
    pub fds: Vec<(OwnedFd, RawFd)>,
    /// Start a session with standard input as its controlling terminal.
    pub terminal: bool,
    /// Signals to be ignored.
    pub ignore: Vec<i32>,
    /// The file mode mask.
    pub umask: Option<u32>,
    /// How many descriptors the program may have open.
    pub descriptors: Option<u64>,
    /// Supplementary group ids.
    pub groups: Option<Vec<u32>>,
    /// The limit of open files.
    pub open_files: Option<u64>,
    /// The kernel that it sees.
    pub kernel: Option<Kernel>,
    /// User and group id, without other groups.
    pub user: Option<u32>,
}

/// Makes `command` do what `prepare` says in its child process before the exec.
pub fn prepare(command: &mut Command, prepare: Prepare) {
    let groups: Option<Vec<_>> =
        prepare.groups.map(|ids| ids.into_iter().map(rustix::fs::Gid::from_raw).collect());
    let umask = prepare.umask.map(rustix::fs::Mode::from_raw_mode);
    let filter = prepare.kernel.map(Kernel::program);
    let asks = prepare.kernel == Some(Kernel::Busy);
    let in_child = move || {
        if let Some(filter) = &filter {
            filter::load(filter, asks)?;
        }
        for (fd, number) in &prepare.fds {
            duplicate(fd, *number)?;
        }
        for signal in &prepare.ignore {
            ignore(*signal);
        }
        if prepare.terminal {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(std::io::stdin())?;
        }
        if let Some(limit) = prepare.open_files {
            let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
            rustix::process::setrlimit(Resource::Nofile, limit)?;
        }
        if let Some(groups) = &groups {
            rustix::thread::set_thread_groups(groups)?;
        }
        if let Some(umask) = umask {
            rustix::process::umask(umask);
        }
        if let Some(limit) = prepare.descriptors {
            let limit = rustix::process::Rlimit { current: Some(limit), maximum: Some(limit) };
            rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)?;
        }
        if let Some(id) = prepare.user {
            become_user(id)?;
        }
        Ok(())
    };
    // SAFETY: the closure makes plain system calls only: it takes no lock and allocates nothing,
    // and so may run in the child of a process with threads.
    unsafe { command.pre_exec(in_child) };
}

fn become_user(id: u32) -> Result<(), Errno> {
    let (uid, gid) = (rustix::fs::Uid::from_raw(id), rustix::fs::Gid::from_raw(id));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

fn duplicate(fd: &OwnedFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: `fd` is open; `number` is a descriptor of the new process that nothing owns yet.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }.into()).map(drop)
}

fn ignore(signal: i32) {
    // SAFETY: SIG_IGN runs no code, and signal(2) takes no pointer to memory of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Makes any system call; an argument may be a pointer only where the caller keeps its memory.
pub fn call(number: i64, arguments: [usize; 6]) -> Result<i64, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the probe is a single-threaded test program; the callers pass numbers that are no
    // addresses, or addresses of buffers that live across the call and are large enough.
    check(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// Forks a child that sleeps until it is killed, and returns its process id.
///
/// Only a program with one thread may call this.
pub fn fork_sleeper() -> Result<i32, Errno> {
    // SAFETY: the caller has one thread, so the child may run any code; it only sleeps.
    match check(unsafe { libc::fork() }.into())? {
        0 => loop {
            std::thread::sleep(std::time::Duration::from_secs(60));
        },
        pid => Ok(pid as i32),
    }
}

/// Blocks every signal, so that [`next_signal`] receives them.
pub fn block_signals() {
    let all = u64::MAX;
    let words = [libc::SIG_BLOCK as usize, (&raw const all) as usize, 0, 8, 0, 0];
    // The raw call also blocks the signals that a libc keeps to itself.
    call(libc::SYS_rt_sigprocmask, words).expect("block the signals");
}

/// Waits for a blocked signal and returns its number.
pub fn next_signal() -> i32 {
    let all = u64::MAX;
    loop {
        let arguments = [(&raw const all) as usize, 0, 0, 8, 0, 0];
        match call(libc::SYS_rt_sigtimedwait, arguments) {
            Ok(signal) => return signal as i32,
            Err(Errno::INTR) => {}
            Err(error) => panic!("wait for a signal: {error}"),
        }
    }
}

static IGNORED_AT_START: AtomicU64 = AtomicU64::new(0);

/// Runs before Rust's runtime, which ignores SIGPIPE and so hides what was inherited.
// SAFETY: the section holds pointers to functions without result that the C library calls once
// at start; this one touches nothing but an atomic and needs no initialized runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static RECORD: extern "C" fn() = record_ignored;

extern "C" fn record_ignored() {
    let mut ignored = 0;
    for signal in 1..=64 {
        // SAFETY: a zeroed sigaction is a valid value for the kernel to overwrite.
        let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: a null action changes nothing; `old` is writable.
        let status = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut old) };
        if status == 0 && old.sa_sigaction == libc::SIG_IGN {
            ignored |= 1u64 << (signal - 1);
        }
    }
    IGNORED_AT_START.store(ignored, Ordering::Relaxed);
}

/// The signals that were ignored when the program started, bit `n - 1` for signal `n`.
pub fn ignored_at_start() -> u64 {
    // The reference keeps the linker from dropping the record.
    let _ = std::hint::black_box(&RECORD);
    IGNORED_AT_START.load(Ordering::Relaxed)
}

fn check(result: i64) -> Result<i64, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Err(Errno::from_raw_os_error(code))
}

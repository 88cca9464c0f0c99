//! System calls that rustix does not wrap.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;

use crate::plan::SchedulerPlan;

/// The effective user and group id that this program was started with (`getauxval(3)`): no system call.
pub fn started_as() -> (u32, u32) {
    // SAFETY: the list is the kernel's, and stays as it is; no memory is passed.
    unsafe { (libc::getauxval(libc::AT_EUID) as u32, libc::getauxval(libc::AT_EGID) as u32) }
}

/// `AT_RECURSIVE` of `linux/fcntl.h`.
pub const AT_RECURSIVE: u32 = 0x8000;
const AT_EMPTY_PATH: libc::c_int = 0x1000;
const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;

fn check(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result == -1 { Err(last_errno()) } else { Ok(result) }
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

/// `struct mount_attr` of `linux/mount.h`.
#[repr(C)]
#[derive(Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Changes the attributes of the mount (with [`AT_RECURSIVE`]: of the tree) behind a descriptor.
///
/// `mount_setattr(2)`, Linux 5.12.
pub fn mount_setattr(
    mount: BorrowedFd<'_>,
    flags: u32,
    clear: u64,
    set: u64,
    propagation: u64,
) -> Result<(), Errno> {
    set_mount_attr(mount, flags, &MountAttr { set, clear, propagation, userns_fd: 0 })
}

/// Maps the ids of a detached mount (with [`AT_RECURSIVE`]: of the tree) as in a user namespace.
///
/// `mount_setattr(2)`, Linux 5.12; EINVAL from a filesystem that can't do it.
pub fn map_mount_ids(
    mount: BorrowedFd<'_>,
    flags: u32,
    user_namespace: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let userns_fd = user_namespace.as_raw_fd() as u64;
    let set = crate::plan::options::attr::IDMAP;
    set_mount_attr(mount, flags, &MountAttr { set, userns_fd, ..MountAttr::default() })
}

fn set_mount_attr(mount: BorrowedFd<'_>, flags: u32, attr: &MountAttr) -> Result<(), Errno> {
    // SAFETY: the path is an empty C string, `attr` outlives the call and its size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            AT_EMPTY_PATH | flags as libc::c_int,
            ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    };
    check(result).map(|_| ())
}

/// Changes the propagation (`MS_*`) of the mount at `/`, with [`AT_RECURSIVE`] of all below it too.
///
/// `mount_setattr(2)`, Linux 5.12; ENOSYS says that the kernel is an older one.
pub fn set_root_propagation(flags: u32, propagation: u64) -> Result<(), Errno> {
    let attr = MountAttr { propagation, ..MountAttr::default() };
    // SAFETY: the path is a C string, `attr` outlives the call and its size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            flags,
            ptr::from_ref(&attr),
            size_of::<MountAttr>(),
        )
    };
    check(result).map(|_| ())
}

/// A detached copy of the mount that a file is on, from that file on, which is read-only.
///
/// `open_tree_attr(2)`, Linux 6.15.
pub fn readonly_copy(path: &CStr) -> Result<OwnedFd, Errno> {
    /// The same number everywhere.
    const OPEN_TREE_ATTR: libc::c_long = 467;
    let attr = MountAttr { set: crate::plan::options::attr::RDONLY, ..MountAttr::default() };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    // SAFETY: the path is a C string, `attr` outlives the call and its size is given; the new
    // descriptor is owned by nobody else.
    unsafe {
        let fd = check(libc::syscall(
            OPEN_TREE_ATTR,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags.bits(),
            ptr::from_ref(&attr),
            size_of::<MountAttr>(),
        ))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Whether the kernel has a system call: one of those that refuse -1 and nothing else as arguments.
pub fn has_call(number: libc::c_long) -> bool {
    // SAFETY: each call that is asked for takes a descriptor, a pointer or a range first, and refuses
    // this one: nothing is read, written, opened or closed.
    let result = unsafe { libc::syscall(number, -1 as libc::c_long, 0, 0, 0, 0, 0) };
    check(result) != Err(Errno::NOSYS)
}

/// Marks every descriptor from `first` on close-on-exec (`close_range(2)`, Linux 5.11).
pub fn cloexec_from(first: RawFd) -> Result<(), Errno> {
    // SAFETY: no descriptor is closed now; nobody in this process relies on inheritance by exec.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC)
    };
    match check(result) {
        // Before Linux 5.9; before 5.11, which has the flag.
        Err(Errno::NOSYS | Errno::INVAL) => {
            each_open(first, RawFd::MAX, |fd| {
                // SAFETY: F_SETFD touches no memory; a closed descriptor gives EBADF.
                unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
            });
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Closes every descriptor from `first` on (`close_range(2)`, Linux 5.9).
///
/// The caller must be a process that never again uses or drops an owner of such a descriptor: it
/// goes on to `execve` or exits.
pub fn close_from(first: RawFd) -> Result<(), Errno> {
    close_between(first, RawFd::MAX)
}

/// The same up to and with `last`.
pub fn close_between(first: RawFd, last: RawFd) -> Result<(), Errno> {
    // SAFETY: only called in the container init and in hook processes, after a fork, whose owners
    // in the parent's frames are never dropped as these processes end in execve or _exit.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    match check(result) {
        Err(Errno::NOSYS) => {
            each_open(first, last, |fd| {
                // SAFETY: as above; a number without a descriptor gives EBADF.
                unsafe { libc::close(fd) };
            });
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Does something with every descriptor from `first` to `last` that is or may be open.
///
/// The list is the host's: where the container's /proc is in its place already, or none, it was
/// gone through before, and what was opened since then has the lowest free numbers.
fn each_open(first: RawFd, last: RawFd, action: impl Fn(RawFd)) {
    const OPENED_SINCE: RawFd = 1024;
    (first..=last.min(first.saturating_add(OPENED_SINCE))).for_each(&action);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(list) = rustix::fs::open("/proc/self/fd", flags, Mode::empty()) else { return };
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut names = rustix::fs::RawDir::new(&list, &mut buffer);
    while let Some(Ok(name)) = names.next() {
        let number = name.file_name().to_str().ok().and_then(|name| name.parse().ok());
        if let Some(fd) = number.filter(|fd| (first..=last).contains(fd) && *fd != list.as_raw_fd())
        {
            action(fd);
        }
    }
}

/// Makes `to` a copy of `from`, whatever `to` was, kept open across exec if `keep`.
///
/// The same promise as for [`close_from`] holds for an owner of `to`.
pub fn duplicate_to(from: BorrowedFd<'_>, to: RawFd, keep: bool) -> Result<(), Errno> {
    let flags = if keep { 0 } else { libc::O_CLOEXEC };
    // SAFETY: no memory is passed. `to` is a number that this process, which ends in execve or
    // _exit, uses for this copy from now on.
    let result = unsafe { libc::syscall(libc::SYS_dup3, from.as_raw_fd(), to, flags) };
    check(result).map(|_| ())
}

/// Whether a descriptor with this number is open (`F_GETFD`).
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD touches no memory; a closed descriptor gives EBADF.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Keeps an inherited descriptor open across exec.
pub fn keep_across_exec(fd: RawFd) -> Result<(), Errno> {
    // SAFETY: F_SETFD touches no memory; a closed descriptor gives EBADF.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) }.into()).map(|_| ())
}

/// Replaces the program of this process by the file at `path` (`execve(2)`).
pub fn execve(path: &CStr, argv: &[CString], env: &[CString]) -> Errno {
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: the path is a C string, both lists end in a null pointer, and all of them outlive the
    // call, which returns only on failure.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    last_errno()
}

/// The same for the file behind a descriptor (`execveat(2)` with AT_EMPTY_PATH).
pub fn execveat(
    file: BorrowedFd<'_>,
    argv: &[CString],
    env: &[CString],
) -> Result<Infallible, Errno> {
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: as for `execve`; the path is an empty C string.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
            AT_EMPTY_PATH,
        )
    };
    Err(last_errno())
}

fn pointers(list: &[CString]) -> Vec<*const libc::c_char> {
    list.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Ends this process at once, without destructors: for forked children.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit takes no memory and does not return; a forked child has no destructor to run.
    unsafe { libc::_exit(status) }
}

const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
const KEYCTL_SETPERM: libc::c_long = 5;
/// Possessor: all; user: view, read, search, link (`keyctl_setperm(3)`).
const KEYRING_PERMISSIONS: libc::c_long = 0x3f1b_0000;

/// Joins a new session keyring with this name and lets its user see it (`keyctl(2)`).
pub fn join_session_keyring(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is a C string that outlives the call.
    let key = check(unsafe {
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr())
    })?;
    // SAFETY: only numbers are passed.
    check(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_SETPERM, key, KEYRING_PERMISSIONS) })
        .map(|_| ())
}

/// `personality(2)`
pub fn personality(domain: u64) -> Result<(), Errno> {
    // SAFETY: only a number is passed.
    check(unsafe { libc::personality(domain as libc::c_ulong) }.into()).map(|_| ())
}

/// `struct sched_attr` of `linux/sched/types.h`, first version.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// `sched_setattr(2)` for the caller.
pub fn set_scheduler(plan: &SchedulerPlan) -> Result<(), Errno> {
    let attr = SchedAttr {
        size: size_of::<SchedAttr>() as u32,
        policy: plan.policy,
        flags: plan.flags,
        nice: plan.nice,
        priority: plan.priority,
        runtime: plan.runtime,
        deadline: plan.deadline,
        period: plan.period,
    };
    // SAFETY: `attr` outlives the call and says its own size.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) }).map(|_| ())
}

/// `ioprio_set(2)` for the caller.
pub fn set_io_priority(priority: u32) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: only numbers are passed.
    check(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) })
        .map(|_| ())
}

/// `set_mempolicy(2)` for the caller; `nodes` are bit numbers of the mask.
pub fn set_memory_policy(mode: i32, nodes: &[usize]) -> Result<(), Errno> {
    let bits = usize::BITS as usize;
    let mut mask = vec![0usize; nodes.iter().max().map_or(0, |node| node / bits + 1)];
    for node in nodes {
        mask[node / bits] |= 1 << (node % bits);
    }
    let pointer = if mask.is_empty() { ptr::null() } else { mask.as_ptr() };
    // The kernel takes one bit less than it is told.
    let count = if mask.is_empty() { 0 } else { mask.len() * bits + 1 };
    // SAFETY: the mask outlives the call and has the number of bits that the kernel reads.
    check(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, pointer, count) }).map(|_| ())
}

/// Sets the default action of the signals in `set` (bit N-1 for signal N).
pub fn default_signals(set: u64) {
    for signal in (1..=64).filter(|signal| set & (1 << (signal - 1)) != 0) {
        // SAFETY: SIG_DFL runs no code of ours; a signal that can't be changed is refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Makes the signals that ask to end do so, as they do not by themselves for a namespace's process 1
/// (`pid_namespaces(7)`). `execve` undoes it.
pub fn die_of_signals() {
    extern "C" fn die(signal: libc::c_int) {
        exit_now(128 + signal)
    }
    let handler: extern "C" fn(libc::c_int) = die;
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        // SAFETY: the handler only calls _exit, which is async-signal-safe (`signal-safety(7)`).
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// Blocks every signal but those of crashes, and gives the mask as it was before.
pub fn block_signals() -> u64 {
    // SAFETY: both sets are plain memory of this frame, filled before they are read.
    unsafe {
        let mut all: libc::sigset_t = zeroed();
        libc::sigfillset(&raw mut all);
        for crash in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
            libc::sigdelset(&raw mut all, crash);
        }
        let mut before: libc::sigset_t = zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        (1..=64)
            .filter(|signal| libc::sigismember(&raw const before, *signal) == 1)
            .fold(0, |set, signal| set | 1 << (signal - 1))
    }
}

/// Runs what the kernel may stop this process for (SIGTTOU), as if that signal were not blocked.
pub fn with_terminal_stop<T>(work: impl FnOnce() -> T) -> T {
    let change = |how| {
        // SAFETY: the set is plain memory of this frame, filled before it is read.
        unsafe {
            let mut stop: libc::sigset_t = zeroed();
            libc::sigemptyset(&raw mut stop);
            libc::sigaddset(&raw mut stop, libc::SIGTTOU);
            libc::sigprocmask(how, &raw const stop, ptr::null_mut());
        }
    };
    change(libc::SIG_UNBLOCK);
    let result = work();
    change(libc::SIG_BLOCK);
    result
}

/// Unblocks every signal.
pub fn unblock_signals() {
    // SAFETY: the set is plain memory of this frame, filled before it is read.
    unsafe {
        let mut none: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// A descriptor from which blocked signals are read (`signalfd(2)`).
pub fn signal_fd() -> Result<OwnedFd, Errno> {
    // SAFETY: the set is plain memory of this frame; the new descriptor is owned by nobody else.
    unsafe {
        let mut all: libc::sigset_t = zeroed();
        libc::sigfillset(&raw mut all);
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        let fd = check(libc::signalfd(-1, &raw const all, flags).into())?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// The number of a signal read from a [`signal_fd`], if one is pending.
pub fn read_signal(fd: BorrowedFd<'_>) -> Option<i32> {
    let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
    match rustix::io::read(fd, &mut info) {
        // ssi_signo is the first field, a u32.
        Ok(count) if count == info.len() => {
            Some(i32::from_ne_bytes([info[0], info[1], info[2], info[3]]))
        }
        _ => None,
    }
}

/// Sends a signal to a process group (`kill(2)`).
pub fn send_signal_to_group(group: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: only numbers are passed.
    check(unsafe { libc::kill(-group, signal) }.into()).map(|_| ())
}

/// Brings up the loopback device of the caller's network namespace (`netdevice(7)`).
pub fn loopback_up(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: `request` is zeroed plain memory with a terminated name, and outlives the call.
    unsafe {
        let mut request: libc::ifreq = zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request).into())
            .map(|_| ())
    }
}

/// Sets a resource limit of the caller (`setrlimit(2)`).
pub fn set_rlimit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    prlimit(0, resource, Some(libc::rlimit64 { rlim_cur: soft, rlim_max: hard })).map(|_| ())
}

/// Raises the hard limit of a process to at least `hard`; 0 for the caller (`prlimit(2)`).
pub fn raise_rlimit(pid: i32, resource: u32, hard: u64) -> Result<(), Errno> {
    let now = prlimit(pid, resource, None)?;
    if now.rlim_max >= hard {
        return Ok(());
    }
    prlimit(pid, resource, Some(libc::rlimit64 { rlim_max: hard, ..now })).map(|_| ())
}

fn prlimit(pid: i32, resource: u32, new: Option<libc::rlimit64>) -> Result<libc::rlimit64, Errno> {
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `new` is null or lives in this frame, as `old` does, and both have the size that the
    // kernel expects.
    let result = unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, new, &raw mut old) };
    check(result).map(|_| old)
}

/// Writes one byte into the memory of another process (`process_vm_writev(2)`).
pub fn poke(pid: i32, address: u64, byte: u8) -> Result<(), Errno> {
    let local = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: 1 };
    // SAFETY: the local byte lives in this frame and is only read; the address is the other
    // process's, which the kernel checks there.
    let result =
        unsafe { libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0) };
    check(result as libc::c_long).map(|_| ())
}

/// The start of `struct pidfd_info` of `linux/pidfd.h`, its first version.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_GET_INFO`: `_IOWR(0xff, 11, struct pidfd_info)`.
const PIDFD_GET_INFO: u32 = 0xc000_ff0b | (size_of::<PidfdInfo>() as u32) << 16;
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// The wait status of a process that was reaped by somebody else, which the kernel keeps with its
/// pidfd since Linux 6.15.
pub fn status_of_reaped(pidfd: BorrowedFd<'_>) -> Option<i32> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the kernel writes no more than the size that the request has in it.
    let done = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
    (done == 0 && info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code)
}

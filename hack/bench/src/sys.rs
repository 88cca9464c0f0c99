//! The only module of this package with `unsafe`: thin wrappers of single system calls.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// `struct clone_args` up to the member `cgroup`, see clone3(2).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `struct mount_attr`, see mount_setattr(2).
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// In `linux/sched.h`; libc's constant is 0 on some targets because it is wider than an int.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks with new namespaces, the child in a cgroup of the v2 hierarchy: clone3(2).
///
/// `namespaces` are `CLONE_NEW*` flags. Returns the child's pid in the parent and 0 in the child.
pub fn clone3(namespaces: c_int, cgroup: Option<BorrowedFd>) -> io::Result<c_int> {
    let mut args = CloneArgs {
        flags: namespaces as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: `args` is live and of the size that is passed. Without CLONE_VM the child has its own
    // copy of the memory and stack, and the programs of this package start no thread, so no lock
    // can be held by a thread that the child does not have.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &args, mem::size_of::<CloneArgs>()) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid as c_int) }
}

/// Moves the caller into a new cgroup namespace: unshare(2).
pub fn unshare_cgroup() -> io::Result<()> {
    // SAFETY: the call takes an integer, and changes neither memory nor descriptors.
    checked(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }.into())
}

/// `union bpf_attr` of bpf(2) for `BPF_PROG_LOAD`; larger than any kernel's, zero where nothing is set.
#[repr(C)]
struct BpfLoad {
    kind: u32,
    count: u32,
    code: u64,
    license: u64,
    rest: [u64; 29],
}

/// The same for `BPF_PROG_ATTACH`.
#[repr(C)]
struct BpfAttach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
    rest: [u64; 30],
}

/// Loads a program that decides about devices: bpf(2), `BPF_PROG_LOAD`.
pub fn load_device_program(code: &[[u8; 8]]) -> io::Result<OwnedFd> {
    const BPF_PROG_LOAD: c_int = 5;
    const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
    let mut load = BpfLoad {
        kind: BPF_PROG_TYPE_CGROUP_DEVICE,
        count: code.len() as u32,
        code: code.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        rest: [0; 29],
    };
    // SAFETY: `load` is live and of the size that is passed, and so is what its pointers lead to.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &mut load, mem::size_of::<BpfLoad>())
    };
    checked(fd)?;
    // SAFETY: the call has just made this descriptor, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Attaches such a program to a cgroup, whose directory is given: bpf(2), `BPF_PROG_ATTACH`.
pub fn attach_device_program(cgroup: BorrowedFd, program: BorrowedFd) -> io::Result<()> {
    const BPF_PROG_ATTACH: c_int = 8;
    const BPF_CGROUP_DEVICE: u32 = 6;
    const BPF_F_ALLOW_MULTI: u32 = 2;
    let [target, program] = [cgroup, program].map(|fd| fd.as_raw_fd() as u32);
    let (kind, flags) = (BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI);
    let mut attach = BpfAttach { target, program, kind, flags, rest: [0; 30] };
    // SAFETY: `attach` is live and of the size that is passed.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, &mut attach, mem::size_of::<BpfAttach>())
    };
    checked(result)
}

/// Replaces the program, execve(2); returns only when that fails.
pub fn execve<const A: usize, const E: usize>(
    path: &CStr,
    args: [&CStr; A],
    env: [&CStr; E],
) -> io::Error {
    let argv: Vec<*const c_char> = args.iter().map(|a| a.as_ptr()).chain([ptr::null()]).collect();
    let envp: Vec<*const c_char> = env.iter().map(|e| e.as_ptr()).chain([ptr::null()]).collect();
    // SAFETY: all three are live until the call returns; both arrays end with a null pointer, and
    // their elements are the NUL-terminated strings of `args` and `env`.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
}

/// Sets attributes (`MOUNT_ATTR_*`) on a mount and all below it: mount_setattr(2), Linux 5.12.
pub fn mount_setattr_recursive(path: &CStr, set: u64) -> io::Result<()> {
    let attr = MountAttr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: `path` is NUL-terminated, and `attr` is live and of the size that is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE as c_uint,
            &attr,
            mem::size_of::<MountAttr>(),
        )
    };
    checked(result)
}

/// Brings the loopback interface up through any socket: netdevice(7), `SIOCSIFFLAGS`.
pub fn loopback_up(socket: BorrowedFd) -> io::Result<()> {
    // SAFETY: every member of `ifreq` is an integer or an array of them: zero is a valid value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_name[0] = b'l' as c_char;
    request.ifr_name[1] = b'o' as c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the call reads one `ifreq`, which is live and holds a NUL-terminated name.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    checked(result.into())
}

/// Marks every descriptor from `first` on close-on-exec: close_range(2), Linux 5.11.
pub fn cloexec_from(first: c_uint) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: c_ulong = 4;
    // SAFETY: the call takes three integers and closes nothing before an execve.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, c_ulong::from(first), !0u32, CLOSE_RANGE_CLOEXEC)
    };
    checked(result)
}

/// What the children waited for so far used.
pub struct Usage {
    /// The most memory that any of them had at once, in KiB.
    pub peak_kib: u64,
    /// Page faults of all of them, served from memory or from a disk.
    pub faults: u64,
}

/// What the children waited for so far used: getrusage(2).
pub fn children_usage() -> io::Result<Usage> {
    // SAFETY: every member of `rusage` is an integer: zero is a valid value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `usage` is live and writable.
    checked(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) }.into())?;
    let faults = usage.ru_minflt + usage.ru_majflt;
    Ok(Usage { peak_kib: usage.ru_maxrss as u64, faults: faults as u64 })
}

fn checked(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

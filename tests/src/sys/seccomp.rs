//! System calls of other ABIs, signals and tracing as seccomp uses them, and the agent's ioctls.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use rustix::io::Errno;

use super::{call, check};

/// Makes a system call of the i386 ABI, which has pointers of 32 bits (see [`low_copy`]).
///
/// ENOSYS where the machine has no such ABI.
pub fn call_i386(number: u32, arguments: [u32; 3]) -> Result<i64, Errno> {
    let result = int_0x80(number, arguments);
    if result < 0 { Err(Errno::from_raw_os_error(-result)) } else { Ok(result.into()) }
}

#[cfg(target_arch = "x86_64")]
fn int_0x80(number: u32, arguments: [u32; 3]) -> i32 {
    let mut result = u64::from(number);
    // SAFETY: the kernel gets numbers, and the address of a string that `low_copy` keeps for ever;
    // the register that the compiler needs for itself is put back, and those that older kernels
    // overwrite are named.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) u64::from(arguments[0]) => _,
            inout("rax") result,
            in("rcx") u64::from(arguments[1]),
            in("rdx") u64::from(arguments[2]),
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
        );
    }
    result as i32
}

#[cfg(not(target_arch = "x86_64"))]
fn int_0x80(_number: u32, _arguments: [u32; 3]) -> i32 {
    -libc::ENOSYS
}

/// Copies a text, with a NUL after it, to an address below 2 GiB, where it stays.
pub fn low_copy(text: &str) -> u32 {
    #[cfg(target_arch = "x86_64")]
    let low = libc::MAP_32BIT;
    #[cfg(not(target_arch = "x86_64"))]
    let low = 0;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | low;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    assert!(text.len() < 4096);
    // SAFETY: new anonymous memory, which overlaps nothing.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED, "memory at a low address");
    // SAFETY: the page is writable, larger than the text, and zeroed; nothing else refers to it.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), page.cast(), text.len()) };
    page as usize as u32
}

static TRAPPED_NUMBER: AtomicI32 = AtomicI32::new(-1);
static TRAPPED_ARCH: AtomicU32 = AtomicU32::new(0);

/// Number and architecture of a call that is answered with SIGSYS, as the handler gets them.
///
/// None if there was no signal.
pub fn trapped(number: i64, arguments: [usize; 6]) -> Option<(i32, u32)> {
    // SAFETY: a zeroed sigaction is valid; the handler only stores into atomics.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_sigsys as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
    }
    let _ = call(number, arguments);
    let number = TRAPPED_NUMBER.load(Ordering::SeqCst);
    (number >= 0).then(|| (number, TRAPPED_ARCH.load(Ordering::SeqCst)))
}

/// `siginfo_t` as the kernel fills it for SIGSYS, on machines of 64 bits.
#[repr(C)]
struct Sigsys {
    signal: i32,
    errno: i32,
    code: i32,
    _padding: i32,
    address: u64,
    number: i32,
    arch: u32,
}

extern "C" fn on_sigsys(_signal: i32, info: *const Sigsys, _context: *const libc::c_void) {
    // SAFETY: the kernel passes a live siginfo_t, of which this is the layout for SIGSYS.
    let info = unsafe { &*info };
    TRAPPED_ARCH.store(info.arch, Ordering::SeqCst);
    TRAPPED_NUMBER.store(info.number, Ordering::SeqCst);
}

/// The data that a filter has for the tracer of a call: a child makes the call, and is traced.
///
/// None if the filter does not ask the tracer. Only a program with one thread may call this.
pub fn traced(number: i64, arguments: [usize; 6]) -> Result<Option<u64>, Errno> {
    // SAFETY: the caller has one thread, so the child may run any code.
    let child = check(unsafe { libc::fork() }.into())? as i32;
    if child == 0 {
        let _ = call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0, 0]);
        let own = std::process::id() as usize;
        let _ = call(libc::SYS_kill, [own, libc::SIGSTOP as usize, 0, 0, 0, 0]);
        let _ = call(number, arguments);
        let _ = call(libc::SYS_exit_group, [0; 6]);
    }
    let ptrace = |request: usize, data: usize| {
        call(libc::SYS_ptrace, [request, child as usize, 0, data, 0, 0])
    };
    wait(child)?;
    ptrace(libc::PTRACE_SETOPTIONS as usize, libc::PTRACE_O_TRACESECCOMP as usize)?;
    ptrace(libc::PTRACE_CONT as usize, 0)?;
    let status = wait(child)?;
    if libc::WIFEXITED(status) {
        return Ok(None);
    }
    let mut data = 0u64;
    ptrace(libc::PTRACE_GETEVENTMSG as usize, (&raw mut data) as usize)?;
    ptrace(libc::PTRACE_KILL as usize, 0)?;
    wait(child)?;
    Ok((status >> 16 == libc::PTRACE_EVENT_SECCOMP).then_some(data))
}

/// Waits for a child, and gives its status.
pub fn wait(child: i32) -> Result<i32, Errno> {
    let mut status = 0i32;
    // SAFETY: `status` is writable for the length of the call.
    check(unsafe { libc::waitpid(child, &raw mut status, 0) }.into())?;
    Ok(status)
}

/// `struct seccomp_notif` of `linux/seccomp.h`.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Notification {
    id: u64,
    /// The caller's thread.
    pub pid: u32,
    flags: u32,
    /// The number of the call.
    pub number: i32,
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
    instruction_pointer: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// What an agent says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It fails.
    Error(i32),
    /// It succeeds with a value, without being made.
    Value(i64),
    /// It is made.
    Continue,
}

// `SECCOMP_IOCTL_NOTIF_RECV` and `SECCOMP_IOCTL_NOTIF_SEND`.
const RECEIVE: u64 = 0xc050_2100;
const SEND: u64 = 0xc018_2101;

/// Waits for a call that a listener is asked about.
pub fn receive_notification(listener: BorrowedFd<'_>) -> Result<Notification, Errno> {
    let mut call = Notification::default();
    // SAFETY: the structure has the size that the ioctl's number says, and is zeroed as demanded.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, &raw mut call) }.into())?;
    Ok(call)
}

/// Answers a call.
pub fn answer(listener: BorrowedFd<'_>, call: &Notification, answer: Answer) -> Result<(), Errno> {
    #[repr(C)]
    struct Response {
        id: u64,
        value: i64,
        error: i32,
        flags: u32,
    }
    let (value, error, flags) = match answer {
        Answer::Error(errno) => (0, -errno, 0),
        Answer::Value(value) => (value, 0, 0),
        Answer::Continue => (0, 0, 1),
    };
    let response = Response { id: call.id, value, error, flags };
    // SAFETY: the structure has the size that the ioctl's number says.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, &raw const response) }.into())
        .map(drop)
}

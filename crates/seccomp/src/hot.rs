//! The system calls that programs make most, which the search finds first.

/// Names of calls that dominate the traces of servers, shells and build tools.
pub(crate) static NAMES: [&str; 36] = [
    "read",
    "write",
    "close",
    "fstat",
    "newfstatat",
    "statx",
    "lseek",
    "mmap",
    "mprotect",
    "munmap",
    "brk",
    "rt_sigaction",
    "rt_sigprocmask",
    "ioctl",
    "pread64",
    "readv",
    "writev",
    "access",
    "poll",
    "epoll_wait",
    "epoll_pwait",
    "sched_yield",
    "madvise",
    "nanosleep",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "fcntl",
    "getdents64",
    "openat",
    "futex",
    "clock_gettime",
    "clock_nanosleep",
    "getpid",
    "gettid",
];

/// How much more often than another call.
pub(crate) const WEIGHT: u32 = 16;

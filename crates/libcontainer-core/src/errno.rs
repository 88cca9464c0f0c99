//! Texts of errnos, in the lower-case wording that engines search for in messages.

use rustix::io::Errno;

/// `strerror(3)` differs between C libraries; this table does not.
const TEXTS: [(Errno, &str); 47] = [
    (Errno::PERM, "operation not permitted"),
    (Errno::NOENT, "no such file or directory"),
    (Errno::SRCH, "no such process"),
    (Errno::INTR, "interrupted system call"),
    (Errno::IO, "input/output error"),
    (Errno::NXIO, "no such device or address"),
    (Errno::TOOBIG, "argument list too long"),
    (Errno::NOEXEC, "exec format error"),
    (Errno::BADF, "bad file descriptor"),
    (Errno::CHILD, "no child processes"),
    (Errno::AGAIN, "resource temporarily unavailable"),
    (Errno::NOMEM, "cannot allocate memory"),
    (Errno::ACCESS, "permission denied"),
    (Errno::FAULT, "bad address"),
    (Errno::NOTBLK, "block device required"),
    (Errno::BUSY, "device or resource busy"),
    (Errno::EXIST, "file exists"),
    (Errno::XDEV, "invalid cross-device link"),
    (Errno::NODEV, "no such device"),
    (Errno::NOTDIR, "not a directory"),
    (Errno::ISDIR, "is a directory"),
    (Errno::INVAL, "invalid argument"),
    (Errno::NFILE, "too many open files in system"),
    (Errno::MFILE, "too many open files"),
    (Errno::NOTTY, "inappropriate ioctl for device"),
    (Errno::TXTBSY, "text file busy"),
    (Errno::FBIG, "file too large"),
    (Errno::NOSPC, "no space left on device"),
    (Errno::ROFS, "read-only file system"),
    (Errno::MLINK, "too many links"),
    (Errno::PIPE, "broken pipe"),
    (Errno::DOM, "numerical argument out of domain"),
    (Errno::RANGE, "numerical result out of range"),
    (Errno::NAMETOOLONG, "file name too long"),
    (Errno::NOSYS, "function not implemented"),
    (Errno::NOTEMPTY, "directory not empty"),
    (Errno::LOOP, "too many levels of symbolic links"),
    (Errno::NODATA, "no data available"),
    (Errno::OVERFLOW, "value too large for defined data type"),
    (Errno::USERS, "too many users"),
    (Errno::OPNOTSUPP, "operation not supported"),
    (Errno::CONNREFUSED, "connection refused"),
    (Errno::CONNRESET, "connection reset by peer"),
    (Errno::TIMEDOUT, "connection timed out"),
    (Errno::DQUOT, "disk quota exceeded"),
    (Errno::STALE, "stale file handle"),
    (Errno::MSGSIZE, "message too long"),
];

/// The kernel's meaning of an errno, or its number.
pub fn text(errno: Errno) -> String {
    TEXTS
        .iter()
        .find(|(known, _)| *known == errno)
        .map_or_else(|| format!("errno {}", errno.raw_os_error()), |(_, text)| (*text).to_owned())
}

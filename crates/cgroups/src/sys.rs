//! System calls that no crate wraps: bpf(2) for device programs, kill(2) with any number, and fork(2)
//! for a process that does nothing.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

// Commands and constants of linux/bpf.h.
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;
/// A cgroup takes no more programs of one type than this.
const MOST_PROGRAMS: usize = 64;

/// A `union bpf_attr` that is larger than any kernel's, and zero where nothing is set.
///
/// Some kernels (6.17 to 7.1) write results at their own offsets whatever size they are told, so
/// a short one would be overrun.
#[repr(C, align(8))]
struct Attributes([u8; 256]);

impl Attributes {
    fn new() -> Self {
        Self([0; 256])
    }

    fn u32(mut self, offset: usize, value: u32) -> Self {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn u64(mut self, offset: usize, value: u64) -> Self {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn fd(self, offset: usize, fd: BorrowedFd<'_>) -> Self {
        self.u32(offset, fd.as_raw_fd().cast_unsigned())
    }

    fn get(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[offset..offset + 4]);
        u32::from_ne_bytes(bytes)
    }
}

/// Loads a program of type `BPF_PROG_TYPE_CGROUP_DEVICE` (bpf(2)).
pub(crate) fn load_device_program(code: &[[u8; 8]]) -> Result<OwnedFd, Errno> {
    let license = c"Apache-2.0";
    let count = u32::try_from(code.len()).map_err(|_| Errno::TOOBIG)?;
    let mut attributes = Attributes::new()
        .u32(0, TYPE_CGROUP_DEVICE)
        .u32(4, count)
        .u64(8, code.as_ptr() as u64)
        .u64(16, license.as_ptr() as u64);
    bpf_fd(PROG_LOAD, &mut attributes)
}

/// Attaches a program to a cgroup beside others, or in the place of another.
pub(crate) fn attach_device_program(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    in_place_of: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let attributes = Attributes::new().fd(0, cgroup).fd(4, program).u32(8, ATTACH_CGROUP_DEVICE);
    let mut attributes = match in_place_of {
        Some(old) => attributes.u32(12, ALLOW_MULTI | REPLACE).fd(16, old),
        None => attributes.u32(12, ALLOW_MULTI),
    };
    bpf(PROG_ATTACH, &mut attributes).map(drop)
}

/// Detaches a program from a cgroup.
pub(crate) fn detach_device_program(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let mut attributes =
        Attributes::new().fd(0, cgroup).fd(4, program).u32(8, ATTACH_CGROUP_DEVICE);
    bpf(PROG_DETACH, &mut attributes).map(drop)
}

/// The device programs that are attached to a cgroup itself.
pub(crate) struct Attached {
    /// Their ids.
    pub(crate) programs: Vec<u32>,
    /// Whether they were attached in the mode that allows several.
    pub(crate) multiple: bool,
}

/// Asks which device programs are attached to a cgroup.
pub(crate) fn attached_device_programs(cgroup: BorrowedFd<'_>) -> Result<Attached, Errno> {
    let mut ids = [0_u32; MOST_PROGRAMS];
    let mut attributes = Attributes::new()
        .fd(0, cgroup)
        .u32(4, ATTACH_CGROUP_DEVICE)
        .u64(16, ids.as_mut_ptr() as u64)
        .u32(24, MOST_PROGRAMS as u32);
    bpf(PROG_QUERY, &mut attributes)?;
    let count = (attributes.get(24) as usize).min(MOST_PROGRAMS);
    let multiple = attributes.get(12) & ALLOW_MULTI != 0;
    Ok(Attached { programs: ids[..count].to_vec(), multiple })
}

/// Opens a program by its id.
pub(crate) fn program_by_id(id: u32) -> Result<OwnedFd, Errno> {
    bpf_fd(PROG_GET_FD_BY_ID, &mut Attributes::new().u32(0, id))
}

/// Runs `attempt` without a limit on locked memory, and puts the limit back.
pub(crate) fn with_unlimited_memlock<T>(
    attempt: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let before = getrlimit(Resource::Memlock);
    setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None })
        .map_err(|_| Errno::PERM)?;
    let result = attempt();
    setrlimit(Resource::Memlock, before)?;
    result
}

/// Sends a signal to a process (kill(2)).
pub(crate) fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

fn bpf_fd(command: libc::c_int, attributes: &mut Attributes) -> Result<OwnedFd, Errno> {
    let fd = bpf(command, attributes)?;
    // SAFETY: the command succeeded, and its result is an open fd that nobody else has; both
    // callers use commands that return one (bpf(2)).
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf(command: libc::c_int, attributes: &mut Attributes) -> Result<libc::c_int, Errno> {
    // SAFETY: the union is a valid buffer of the size that the kernel is told, larger than the
    // kernel's own; the addresses in it belong to objects that the callers above keep alive and
    // that are as long as the counts beside them say.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, attributes.0.as_mut_ptr(), attributes.0.len())
    };
    match libc::c_int::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(last_errno()),
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// A child that does one thing, and then holds its place; it is killed with its parent, or when this
/// is dropped.
#[derive(Debug)]
pub(crate) struct Placeholder(libc::pid_t);

impl Placeholder {
    /// Makes it (fork(2)); gives a pipe that has what its task gives, and then ends. The caller has
    /// one thread.
    pub(crate) fn new(task: impl FnOnce() -> Vec<u8>) -> Result<(Self, OwnedFd), Errno> {
        let parent = std::process::id();
        let (answer, mine) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        // SAFETY: the caller has one thread, so that the child's copy of it is whole. The child never
        // returns from here.
        match unsafe { libc::fork() } {
            -1 => Err(last_errno()),
            0 => {
                drop(answer);
                // SAFETY: prctl(2) with numbers, and _exit(2), touch no memory.
                unsafe {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    if libc::getppid().cast_unsigned() != parent {
                        libc::_exit(0);
                    }
                }
                let bytes = task();
                // A parent that does not read is gone, and the child with it.
                let _ = rustix::io::write(&mine, &bytes);
                drop(mine);
                loop {
                    // SAFETY: pause(2) takes nothing.
                    unsafe { libc::pause() };
                }
            }
            pid => Ok((Self(pid), answer)),
        }
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        // SAFETY: the child has not been waited for, so that the number is still its own; a null
        // pointer is a status that nobody wants.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            while libc::waitpid(self.0, std::ptr::null_mut(), 0) == -1
                && last_errno() == Errno::INTR
            {}
        }
    }
}

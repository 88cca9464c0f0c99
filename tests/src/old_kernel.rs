//! An older kernel, as a filter of system calls has it: what came later is answered with ENOSYS.
//!
//! `KERNEL=4.18` or `KERNEL=5.4` puts it on every command of the suite; `KERNEL=busy` is a kernel whose
//! `openat2` gives EAGAIN again and again, as it does while somebody renames what it walks through.

use std::sync::OnceLock;

use libc::sock_filter;

/// Which kernel is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// That of RHEL 8, without what Red Hat took over from later ones.
    Linux4_18,
    /// The oldest one that is supported in full.
    Linux5_4,
    /// The one of this machine, with an `openat2` that mostly says EAGAIN.
    Busy,
}

/// So many tries of `openat2` fail before one does not.
pub const TRIES: u32 = 20;

/// Calls that Linux 5.4 lacks and the runtime may know.
const AFTER_5_4: &[i64] = &[
    libc::SYS_close_range,
    libc::SYS_openat2,
    libc::SYS_pidfd_getfd,
    libc::SYS_faccessat2,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
];

/// Calls that came between 4.18 and 5.4.
const AFTER_4_18: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
];

/// `open_tree_attr(2)`, Linux 6.15, has the same number everywhere.
const OPEN_TREE_ATTR: i64 = 467;
/// `sizeof(struct clone_args)` before it had a cgroup (Linux 5.7).
const CLONE_ARGS: u32 = 80;

impl Kernel {
    /// The one of this name, as in `KERNEL`.
    pub fn named(name: &str) -> Option<Kernel> {
        match name {
            "4.18" => Some(Kernel::Linux4_18),
            "5.4" => Some(Kernel::Linux5_4),
            "busy" => Some(Kernel::Busy),
            _ => None,
        }
    }

    /// The one that the variable `KERNEL` asks for; ends the program if there is none of that name.
    pub fn wanted() -> Option<Kernel> {
        static WANTED: OnceLock<Option<Kernel>> = OnceLock::new();
        *WANTED.get_or_init(|| {
            let name = std::env::var("KERNEL").ok().filter(|name| !name.is_empty())?;
            let kernel = Kernel::named(&name);
            if kernel.is_none() {
                eprintln!("KERNEL={name}: there are 4.18, 5.4 and busy");
                std::process::exit(1);
            }
            kernel
        })
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Linux4_18 => "4.18",
            Kernel::Linux5_4 => "5.4",
            Kernel::Busy => "busy",
        }
    }

    /// The filter.
    pub fn program(self) -> Vec<sock_filter> {
        let mut program = vec![load(NUMBER)];
        let mut answer = |numbers: &[i64], action: u32| {
            for number in numbers {
                program.extend([unless_equal(*number as u32, 1), give(action)]);
            }
        };
        let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
        match self {
            Kernel::Busy => answer(&[libc::SYS_openat2], libc::SECCOMP_RET_USER_NOTIF),
            Kernel::Linux4_18 => {
                answer(AFTER_5_4, errno(libc::ENOSYS));
                answer(AFTER_4_18, errno(libc::ENOSYS));
            }
            Kernel::Linux5_4 => {
                answer(AFTER_5_4, errno(libc::ENOSYS));
                program.extend(only_short_clones(errno(libc::E2BIG)));
                program.extend(only_single_namespaces(errno(libc::EINVAL)));
            }
        }
        program.push(give(libc::SECCOMP_RET_ALLOW));
        program
    }
}

const NUMBER: u32 = 0;
const SECOND_ARGUMENT: u32 = 24;

fn load(offset: u32) -> sock_filter {
    sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    }
}

/// Passes over `count` instructions unless the value is the one that was loaded.
fn unless_equal(value: u32, count: u8) -> sock_filter {
    let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    sock_filter { code, jt: 0, jf: count, k: value }
}

fn give(action: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: action }
}

/// `clone3` with a structure that is longer than Linux 5.6 knows.
fn only_short_clones(action: u32) -> [sock_filter; 5] {
    let greater = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    [
        unless_equal(libc::SYS_clone3 as u32, 3),
        load(SECOND_ARGUMENT),
        sock_filter { code: greater, jt: 0, jf: 1, k: CLONE_ARGS },
        give(action),
        load(NUMBER),
    ]
}

/// `setns` of several namespaces at once, which is for pidfds only.
fn only_single_namespaces(action: u32) -> Vec<sock_filter> {
    let single = [
        0,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
        0x80,
    ];
    let allow = single
        .iter()
        .flat_map(|flag| [unless_equal(*flag as u32, 1), give(libc::SECCOMP_RET_ALLOW)]);
    let mut program = vec![load(SECOND_ARGUMENT)];
    program.extend(allow);
    program.push(give(action));
    program.insert(0, unless_equal(libc::SYS_setns as u32, program.len() as u8));
    program
}

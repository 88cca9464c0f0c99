//! Each system call of a command fails: the command succeeds nonetheless, or says what failed and
//! leaves nothing.

use behaviour::sys::trace::{Blow, Strike};
use behaviour::{Bundle, Call, Finished};
use libc::{EAGAIN, EINTR, EMFILE, ENOMEM, ENOSPC};

use crate::{left, nothing_is_left, points};

pub const CASES: &[(&str, fn())] = &[
    ("failures::create_without_memory", || create(ENOMEM, ANY)),
    ("failures::create_without_space", || create(ENOSPC, WRITE)),
    ("failures::create_without_descriptors", || create(EMFILE, OPEN)),
    ("failures::create_with_signals", || create(EINTR, WAIT)),
    ("failures::create_without_processes", || create(EAGAIN, CLONE)),
    ("failures::run_without_memory", || run(ENOMEM, ANY)),
    ("failures::run_without_space", || run(ENOSPC, WRITE)),
    ("failures::run_without_descriptors", || run(EMFILE, OPEN)),
    ("failures::run_with_signals", || run(EINTR, WAIT)),
    ("failures::run_without_processes", || run(EAGAIN, CLONE)),
];

/// Calls that can not fail so, or that only start-up code of the C library makes; and those for
/// memory, without which a program can do no more than end: that is like a kill.
const NEVER: &[i64] = &[
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_arch_prctl,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_close,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_geteuid,
    libc::SYS_getegid,
    libc::SYS_getuid,
    libc::SYS_getgid,
    libc::SYS_umask,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_munmap,
    libc::SYS_mmap,
    libc::SYS_brk,
    libc::SYS_mprotect,
    libc::SYS_mremap,
];

/// Calls that can fail with an errno; an empty list stands for all.
type Set = &'static [i64];
const ANY: Set = &[];
const WRITE: Set = &[
    libc::SYS_write,
    libc::SYS_openat,
    libc::SYS_open,
    libc::SYS_mkdirat,
    libc::SYS_mkdir,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_bind,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_move_mount,
    libc::SYS_mount,
];
const OPEN: Set = &[
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_pipe2,
    libc::SYS_memfd_create,
    libc::SYS_clone3,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_signalfd4,
    libc::SYS_pidfd_open,
    libc::SYS_accept4,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_execve,
    libc::SYS_execveat,
];
const WAIT: Set = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_accept4,
    libc::SYS_waitid,
    libc::SYS_connect,
    libc::SYS_flock,
];
const CLONE: Set = &[libc::SYS_clone, libc::SYS_clone3, libc::SYS_fork];

fn create(errno: i32, set: Set) {
    let mut container = Bundle::new().steps(&["sleep"]);
    each(&mut container, errno, set, &[0], &|container| container.create_call(&[]));
}

fn run(errno: i32, set: Set) {
    let mut container = Bundle::new().steps(&["exit 0"]);
    each(&mut container, errno, set, &[0, 100], &|container| container.run_call(&[]));
}

/// Lets each call fail, of the command itself and of the container init.
fn each(
    container: &mut Bundle,
    errno: i32,
    set: Set,
    good: &[i32],
    call: &dyn Fn(&Bundle) -> Call,
) {
    let spare = Strike { process: 0, call: 0, blow: Blow::Spare };
    // The first run makes the state root, too.
    call(container).finish();
    container.delete_force().ok();
    let (done, report) = call(container).struck(spare);
    assert!(good.contains(&done.code()), "{done}");
    container.delete_force().ok();
    let hit: Vec<(usize, usize, i64)> = report
        .calls
        .iter()
        .enumerate()
        .flat_map(|(process, calls)| {
            let numbered = calls.iter().enumerate();
            numbered.map(move |(index, number)| (process, index + 1, *number))
        })
        .filter(|(_, _, number)| !NEVER.contains(number))
        .filter(|(_, _, number)| set.is_empty() || set.contains(number))
        .collect();
    let mut problems = Vec::new();
    for point in points(hit.len()) {
        let (process, at, number) = hit[point - 1];
        let strike = Strike { process, call: at, blow: Blow::Fail(errno) };
        let (done, _) = call(container).struck(strike);
        let when = format!("system call {number}: {done}");
        problems.extend(judge(&done, good).map(|problem| format!("{problem}: {when}")));
        if done.succeeded() {
            container.delete_force().ok();
        }
        let left = left(container);
        if !left.is_empty() {
            problems.push(format!("left {} after {when}", left.join(", ")));
            container.delete_force().ok();
            nothing_is_left(container, &when);
        }
    }
    let count = problems.len();
    assert!(problems.is_empty(), "{count} problems:\n{}", problems.join("\n---\n"));
}

/// What is wrong with the end of a command.
fn judge(done: &Finished, good: &[i32]) -> Option<String> {
    let said = done.stderr.trim();
    if done.killed_by(9) {
        return Some("no end".to_owned());
    }
    if said.contains("panicked") {
        return Some("a panic".to_owned());
    }
    let code = done.code();
    if good.contains(&code) {
        return None;
    }
    if std::env::var_os("CRASH_VERBOSE").is_some() {
        println!("{code} {said}");
    }
    if said.is_empty() {
        return Some("no message".to_owned());
    }
    (code != 1 && code != 255).then(|| format!("exit status {code}"))
}

//! The kernel takes the filters, and does what they say.
#![allow(clippy::disallowed_methods, reason = "tests start threads and processes")]

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno;
use seccomp::spec::Profile;
use seccomp::{Filter, compile, load};

/// `SIGSYS` on all architectures that the tests run on.
const SIGSYS: i32 = 31;

fn filter(json: &str) -> Filter {
    let profile: Profile<'_> = serde_json::from_str(json).expect("a profile");
    compile(&profile).expect("it compiles")
}

/// Runs `test` in a thread of its own, which has the filter and may gain no privileges.
fn filtered<T: Send + 'static>(json: &str, test: impl FnOnce() -> T + Send + 'static) -> T {
    let filter = filter(json);
    let thread = thread::spawn(move || {
        rustix::thread::set_no_new_privs(true).expect("no_new_privs");
        assert!(load(&filter).expect("it loads").is_none(), "no listener");
        test()
    });
    thread.join().expect("the thread ends")
}

fn mkdir() -> Result<(), Errno> {
    mkdirat(CWD, "/nonexistent/folder", Mode::RWXU)
}

/// What `mkdir` does under a profile, in a process of its own: [`child`] of this program.
fn run_mkdir(json: &str) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(PROFILE, json)
        .output()
        .expect("run this program again")
}

/// The variable with the profile for [`child`].
const PROFILE: &str = "SECCOMP_TEST_PROFILE";

#[test]
#[ignore = "other tests run it, as a process"]
fn child() {
    let json = std::env::var(PROFILE).expect("a profile");
    let filter = filter(&json);
    rustix::thread::set_no_new_privs(true).expect("no_new_privs");
    load(&filter).expect("it loads");
    panic!("{}", Command::new("mkdir").arg("/tmp/never-made").exec());
}

#[test]
fn errno_is_returned() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}"#;
    assert_eq!(filtered(json, mkdir), Err(Errno::OPNOTSUPP));
    assert_eq!(mkdir(), Err(Errno::NOENT), "other threads are not filtered");
}

#[test]
fn conditions_look_at_arguments() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 11, "args": [
            {"index": 2, "value": 448, "op": "SCMP_CMP_EQ"}]},
        {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 12, "args": [
            {"index": 2, "value": 511, "valueTwo": 64, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#;
    let modes = || {
        [0o700, 0o100, 0o711].map(|mode| {
            mkdirat(CWD, "/nonexistent/folder", Mode::from_raw_mode(mode)).expect_err("no parent")
        })
    };
    assert_eq!(filtered(json, modes), [Errno::AGAIN, Errno::NOMEM, Errno::NOENT]);
}

#[test]
fn a_filter_near_the_limit_loads() {
    let rules: Vec<String> = (0..1500u64)
        .map(|value| {
            let value = value * 7 + 1;
            format!(
                r#"{{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": {},
                    "args": [{{"index": 2, "value": {value}, "op": "SCMP_CMP_EQ"}}]}}"#,
                value % 4000
            )
        })
        .collect();
    let json =
        format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}]}}"#, rules.join(","));
    let length = filter(&json).instructions().len();
    assert!((1500..=4096).contains(&length), "{length}");
    let modes = || {
        [50, 51].map(|mode| {
            mkdirat(CWD, "/nonexistent/folder", Mode::from_raw_mode(mode)).expect_err("no parent")
        })
    };
    assert_eq!(filtered(&json, modes), [Errno::from_raw_os_error(50), Errno::NOENT]);
}

#[test]
fn programs_run_under_an_allow_list() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#;
    let output = run_mkdir(json);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("Operation not permitted"), "{stderr}");
}

#[test]
fn kill_kills_with_sigsys() {
    for action in
        ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]
    {
        let json = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {{"names": ["mkdir", "mkdirat"], "action": "{action}"}}]}}"#
        );
        let output = run_mkdir(&json);
        assert_eq!(output.status.signal(), Some(SIGSYS), "{action}: {output:?}");
    }
}

#[test]
fn newer_calls_are_not_implemented() {
    // Denied with EPERM by default, but newer than all that the profile names.
    let json = r#"{"defaultAction": "SCMP_ACT_ERRNO", "flags": [], "syscalls": [
        {"names": ["execve", "mmap", "munmap", "brk", "close", "fstat", "exit_group", "write",
            "openat", "read", "pread64", "mprotect", "newfstatat", "access", "arch_prctl",
            "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom", "futex",
            "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "madvise", "sigaltstack", "poll",
            "sched_getaffinity", "gettid", "clone3", "exit"],
         "action": "SCMP_ACT_ALLOW"}]}"#;
    // mkdir is older; openat2 (437) is newer than clone3 (435).
    let errors = filtered(json, || {
        let open = rustix::fs::openat2(
            CWD,
            "/",
            rustix::fs::OFlags::PATH,
            Mode::empty(),
            rustix::fs::ResolveFlags::empty(),
        );
        [mkdir().expect_err("denied"), open.expect_err("unknown")]
    });
    assert_eq!(errors, [Errno::PERM, Errno::NOSYS]);
}

#[test]
fn a_notifying_filter_has_a_listener() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent",
        "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}"#;
    let filter = filter(json);
    assert!(filter.notifies());
    let (give, take) = std::sync::mpsc::channel();
    let filtered = thread::spawn(move || {
        rustix::thread::set_no_new_privs(true).expect("no_new_privs");
        give.send(load(&filter).expect("it loads")).expect("hand over");
        mkdir()
    });
    let listener = take.recv().expect("a result").expect("a listener");
    let mut fds = [PollFd::new(&listener, PollFlags::IN)];
    let second = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_eq!(poll(&mut fds, Some(&second)), Ok(1), "a call waits for the agent");
    drop(listener);
    assert_eq!(filtered.join().expect("it ends"), Err(Errno::NOSYS));
}

#[test]
fn the_error_says_what_was_refused() {
    let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent",
        "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}"#;
    let filter = filter(json);
    let error = thread::spawn(move || {
        rustix::thread::set_no_new_privs(true).expect("no_new_privs");
        let _listener = load(&filter).expect("it loads");
        // One listener for each thread is what the kernel allows.
        load(&filter).expect_err("a second listener")
    });
    let error = error.join().expect("it ends");
    assert_eq!(error.errno(), Errno::BUSY);
    assert!(error.to_string().contains("flags 0xc"), "{error}");
}

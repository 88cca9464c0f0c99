//! seccomp: what a profile denies is denied, to the container's process and to exec.

use behaviour::Bundle;
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    no_profile_no_filter,
    a_profile_is_a_filter,
    errno_is_eperm_by_default,
    errno_as_configured,
    the_default_action_has_an_errno,
    an_allow_list,
    kill_process,
    kill_thread,
    trap,
    log_lets_pass,
    an_unknown_syscall_in_the_profile_is_skipped,
    a_syscall_newer_than_the_profile_is_enosys,
    exec_has_the_filter,
    works_without_no_new_privileges,
    works_in_a_user_namespace,
    another_architecture_is_killed,
    flags_are_accepted,
    an_unknown_flag_is_refused,
    an_unknown_operator_is_refused,
    an_unknown_architecture_is_refused,
    notify_without_listener_is_refused,
    an_empty_profile_is_refused,
    the_hooks_are_not_filtered,
];

/// Fails with ESRCH when it is let through, as no such process exists.
pub const PROBED: i64 = libc::SYS_getpgid;

fn no_profile_no_filter() {
    assert_eq!(Bundle::new().look(&["self"])["self"]["seccomp"], "0");
}

fn a_profile_is_a_filter() {
    let bundle = with_rules(json!([]));
    assert_eq!(bundle.look(&["self"])["self"]["seccomp"], "2");
}

fn errno_is_eperm_by_default() {
    let rule = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" });
    let seen = with_rules(json!([rule])).writable().look(&["mkdir /tmp/x", "write /tmp/y z"]);
    assert_eq!(seen["mkdir /tmp/x"], "EPERM");
    assert_eq!(seen["write /tmp/y z"], "ok");
}

fn errno_as_configured() {
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENXIO });
    assert_eq!(probed(rule, &[7777]), ["ENXIO"]);
}

fn the_default_action_has_an_errno() {
    let mut profile = allow_list();
    profile["defaultErrnoRet"] = json!(libc::ENODEV);
    let seen = Bundle::new().set("linux.seccomp", profile).look(&["mkdir /tmp/x"]);
    assert_eq!(seen["mkdir /tmp/x"], "ENODEV");
}

fn an_allow_list() {
    let bundle = Bundle::new().writable().set("linux.seccomp", allow_list());
    let seen = bundle.look(&["mkdir /tmp/x", "read /etc/passwd", "self"]);
    assert_eq!(seen["mkdir /tmp/x"], "EPERM");
    assert!(seen["read /etc/passwd"].as_str().unwrap().starts_with("root:"));
    assert_eq!(seen["self"]["seccomp"], "2");
}

fn kill_process() {
    dies_of_sigsys("SCMP_ACT_KILL_PROCESS");
}

fn kill_thread() {
    dies_of_sigsys("SCMP_ACT_KILL");
}

fn trap() {
    dies_of_sigsys("SCMP_ACT_TRAP");
}

fn log_lets_pass() {
    assert_eq!(
        probed(json!({ "names": ["getpgid"], "action": "SCMP_ACT_LOG" }), &[7777]),
        ["ESRCH"]
    );
}

fn an_unknown_syscall_in_the_profile_is_skipped() {
    let names = ["no_such_call", "getpgid", "another_one"];
    assert_eq!(probed(json!({ "names": names, "action": "SCMP_ACT_ERRNO" }), &[7777]), ["EPERM"]);
}

fn a_syscall_newer_than_the_profile_is_enosys() {
    let seen = Bundle::new().set("linux.seccomp", allow_list()).look(&["call 9999"]);
    assert_eq!(seen["call 9999"], "ENOSYS");
}

fn exec_has_the_filter() {
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO" });
    let container = with_rules(json!([rule])).sleeping();
    let step = format!("call {PROBED} 7777");
    let seen = container.exec(&[], &[&step, "self"]).seen();
    assert_eq!(seen[step.as_str()], "EPERM");
    assert_eq!(seen["self"]["seccomp"], "2");
}

fn works_without_no_new_privileges() {
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO" });
    let bundle = with_rules(json!([rule])).set("process.noNewPrivileges", false);
    let bundle = bundle.set("process.user.uid", 1000);
    let step = format!("call {PROBED} 7777");
    let seen = bundle.look(&[&step, "self"]);
    assert_eq!(seen[step.as_str()], "EPERM");
    assert_eq!(seen["self"]["no_new_privs"], "0");
    assert_eq!(seen["self"]["caps"]["effective"], json!([]));
}

fn works_in_a_user_namespace() {
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO" });
    let step = format!("call {PROBED} 7777");
    let seen = with_rules(json!([rule])).user_namespace().look(&[&step]);
    assert_eq!(seen[step.as_str()], "EPERM");
}

fn another_architecture_is_killed() {
    if std::env::consts::ARCH != "x86_64" {
        return;
    }
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO" });
    let mut profile = profile("SCMP_ACT_ALLOW", json!([rule]));
    profile["architectures"] = json!(["SCMP_ARCH_X86_64"]);
    let x32 = format!("call {} 7777", 0x4000_0000 + PROBED);
    let bundle = Bundle::new().set("linux.seccomp", profile);
    bundle.steps(&["print before", &x32]).run().exits(128 + libc::SIGSYS);
}

fn flags_are_accepted() {
    let mut profile = profile("SCMP_ACT_ALLOW", json!([]));
    profile["flags"] = json!(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]);
    let seen = Bundle::new().set("linux.seccomp", profile).look(&["self"]);
    assert_eq!(seen["self"]["seccomp"], "2");
}

fn an_unknown_flag_is_refused() {
    let mut profile = profile("SCMP_ACT_ALLOW", json!([]));
    profile["flags"] = json!(["SECCOMP_FILTER_FLAG_DREAM"]);
    Bundle::new().set("linux.seccomp", profile).create().fails();
}

fn an_unknown_operator_is_refused() {
    let arguments = json!([{ "index": 0, "op": "SCMP_CMP_ABOUT", "value": 1 }]);
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "args": arguments });
    with_rules(json!([rule])).create().fails();
}

fn an_unknown_architecture_is_refused() {
    let mut profile = profile("SCMP_ACT_ALLOW", json!([]));
    profile["architectures"] = json!(["SCMP_ARCH_ABACUS"]);
    Bundle::new().set("linux.seccomp", profile).create().fails();
}

fn notify_without_listener_is_refused() {
    with_rules(json!([{ "names": ["getpgid"], "action": "SCMP_ACT_NOTIFY" }])).create().fails();
}

fn an_empty_profile_is_refused() {
    Bundle::new().set("linux.seccomp", json!({})).create().fails();
}

fn the_hooks_are_not_filtered() {
    let rule = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" });
    let bundle = with_rules(json!([rule]));
    let (probe, folder) = (bundle.probe(), bundle.scratch("made"));
    let step = format!("mkdir {}", folder.display());
    let _container = bundle.hook("createRuntime", &probe, &["x", "stdin", &step]).created();
    assert!(folder.is_dir());
}

fn profile(default: &str, rules: Value) -> Value {
    json!({ "defaultAction": default, "syscalls": rules })
}

/// A container whose profile allows what the rules do not forbid.
pub fn with_rules(rules: Value) -> Bundle {
    Bundle::new().set("linux.seccomp", profile("SCMP_ACT_ALLOW", rules))
}

/// What getpgid answers to each argument under a rule.
pub fn probed(rule: Value, arguments: &[u64]) -> Vec<String> {
    let steps: Vec<_> = arguments.iter().map(|value| format!("call {PROBED} {value}")).collect();
    let texts: Vec<_> = steps.iter().map(String::as_str).collect();
    let seen = with_rules(json!([rule])).look(&texts);
    texts.iter().map(|step| seen[step].as_str().unwrap_or("ok").to_owned()).collect()
}

fn dies_of_sigsys(action: &str) {
    let bundle = with_rules(json!([{ "names": ["getpgid"], "action": action }]));
    let step = format!("call {PROBED} 7777");
    let done = bundle.steps(&["print before", &step, "print after"]).run();
    let done = done.exits(128 + libc::SIGSYS);
    assert!(done.stdout.contains("before") && !done.stdout.contains("after"), "{done}");
}

/// A default of ERRNO, and what the probe and the last steps of runtimes need.
fn allow_list() -> Value {
    let names: &[&str] = &[
        "access",
        "arch_prctl",
        "brk",
        "capget",
        "capset",
        "chdir",
        "clock_gettime",
        "clone",
        "close",
        "close_range",
        "dup",
        "dup2",
        "dup3",
        "epoll_create1",
        "epoll_ctl",
        "epoll_pwait",
        "epoll_pwait2",
        "eventfd2",
        "execve",
        "execveat",
        "exit",
        "exit_group",
        "faccessat",
        "faccessat2",
        "fchdir",
        "fchown",
        "fcntl",
        "fstat",
        "fstatfs",
        "futex",
        "getcwd",
        "getdents",
        "getdents64",
        "getegid",
        "geteuid",
        "getgid",
        "getgroups",
        "getpid",
        "getppid",
        "getrandom",
        "getrlimit",
        "getsid",
        "gettid",
        "getuid",
        "ioctl",
        "ioprio_get",
        "lseek",
        "lstat",
        "madvise",
        "membarrier",
        "mmap",
        "mprotect",
        "mremap",
        "munmap",
        "nanosleep",
        "newfstatat",
        "open",
        "openat",
        "openat2",
        "personality",
        "pipe2",
        "poll",
        "ppoll",
        "prctl",
        "pread64",
        "prlimit64",
        "read",
        "readlink",
        "readlinkat",
        "readv",
        "restart_syscall",
        "rseq",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sched_getaffinity",
        "sched_getattr",
        "sched_yield",
        "sendmsg",
        "set_robust_list",
        "set_tid_address",
        "setgid",
        "setgroups",
        "setresgid",
        "setresuid",
        "setuid",
        "sigaltstack",
        "stat",
        "statfs",
        "statx",
        "tgkill",
        "tkill",
        "umask",
        "uname",
        "write",
        "writev",
    ];
    profile("SCMP_ACT_ERRNO", json!([{ "names": names, "action": "SCMP_ACT_ALLOW" }]))
}

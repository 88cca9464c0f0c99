//! seccomp: what each action does to the program that makes the call (config-linux.md, "action").

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use behaviour::host;
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::seccomp::{PROBED, with_rules};

pub const CASES: &[Case] = cases![
    kill_thread_leaves_the_other_threads,
    kill_process_ends_all_threads,
    trap_is_a_signal_that_can_be_handled,
    trace_without_a_tracer_is_enosys,
    trace_tells_the_tracer_its_data,
    log_is_in_the_kernels_log,
    a_killed_call_is_in_the_kernels_log,
    a_start_container_hook_that_is_killed_fails_start,
    a_start_container_hook_is_filtered_without_no_new_privileges,
];

fn kill_thread_leaves_the_other_threads() {
    for action in ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD"] {
        assert_eq!(answer(rule(action), "thread"), 1, "{action}");
    }
    assert_eq!(answer(rule("SCMP_ACT_ERRNO"), "thread"), 2);
}

fn kill_process_ends_all_threads() {
    let step = format!("thread {PROBED} 7777");
    let done = with_rules(json!([rule("SCMP_ACT_KILL_PROCESS")])).steps(&[&step]).run();
    done.exits(128 + libc::SIGSYS);
}

fn trap_is_a_signal_that_can_be_handled() {
    let told = answer(rule("SCMP_ACT_TRAP"), "trapped");
    assert_eq!(told["number"], PROBED);
    assert_ne!(told["arch"], 0);
    assert_eq!(answer(rule("SCMP_ACT_ERRNO"), "trapped"), Value::Null);
}

fn trace_without_a_tracer_is_enosys() {
    assert_eq!(answer(rule("SCMP_ACT_TRACE"), "call"), "ENOSYS");
}

fn trace_tells_the_tracer_its_data() {
    let mut rule = rule("SCMP_ACT_TRACE");
    assert_eq!(answer(rule.clone(), "traced"), libc::EPERM);
    rule["errnoRet"] = json!(4711);
    assert_eq!(answer(rule.clone(), "traced"), 4711);
    rule["action"] = json!("SCMP_ACT_ALLOW");
    assert_eq!(answer(rule, "traced"), Value::Null);
}

fn log_is_in_the_kernels_log() {
    // No other test logs this call, so its record is this test's.
    let (name, number) = ("sched_get_priority_max", libc::SYS_sched_get_priority_max);
    let rule = json!({ "names": [name], "action": "SCMP_ACT_LOG" });
    is_logged(rule, number, "code=0x7ffc0000");
}

fn a_killed_call_is_in_the_kernels_log() {
    let (name, number) = ("sched_get_priority_min", libc::SYS_sched_get_priority_min);
    let rule = json!({ "names": [name], "action": "SCMP_ACT_KILL_PROCESS" });
    is_logged(rule, number, "code=0x80000000");
}

fn a_start_container_hook_that_is_killed_fails_start() {
    start_fails_by_hook(true);
}

fn a_start_container_hook_is_filtered_without_no_new_privileges() {
    start_fails_by_hook(false);
}

fn rule(action: &str) -> Value {
    json!({ "names": ["getpgid"], "action": action })
}

/// What a step of the probe that makes the probed call answers under a rule.
fn answer(rule: Value, verb: &str) -> Value {
    let step = format!("{verb} {PROBED} 7777");
    with_rules(json!([rule])).look(&[&step])[step.as_str()].clone()
}

fn start_fails_by_hook(no_new_privileges: bool) {
    let step = format!("call {PROBED} 7777");
    let bundle = with_rules(json!([rule("SCMP_ACT_KILL_PROCESS")]));
    let bundle = bundle.set("process.noNewPrivileges", no_new_privileges);
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", &step]);
    let container = bundle.steps(&["print started", "sleep"]).created();
    let failed = container.start().fails_with("error running startContainer hook");
    assert!(failed.stderr.contains("bad system call"), "{failed}");
    container.wait_for("stopped");
    assert_eq!(container.output().text(), "");
}

/// Demands a record of type 1326 (`AUDIT_SECCOMP`) for a call under a rule.
fn is_logged(rule: Value, number: i64, code: &str) {
    let Some(mut log) = kernel_log() else { return };
    let step = format!("call {number} 0");
    let parts = ["type=1326".to_owned(), format!(" syscall={number} "), code.to_owned()];
    // The kernel drops records when there are many at a time; the next one comes through.
    host::eventually("a record of the call", || {
        with_rules(json!([rule.clone()])).steps(&[&step]).run();
        lines(&mut log).iter().any(|line| parts.iter().all(|part| line.contains(part.as_str())))
    });
}

/// The kernel's log, from here on; nothing where no record can be found in it.
fn kernel_log() -> Option<File> {
    let skip = |why: &str| {
        eprintln!("skipped: {why}");
        None
    };
    let parameters = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let no_audit = !std::path::Path::new("/proc/self/loginuid").exists();
    if no_audit || parameters.split_whitespace().any(|word| word == "audit=0") {
        return skip("this kernel does not audit");
    }
    let daemon = std::fs::read_to_string("/run/auditd.pid").unwrap_or_default();
    if daemon.trim().parse().is_ok_and(host::is_running) {
        return skip("an audit daemon takes the records");
    }
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = File::options().read(true).custom_flags(flags).open("/dev/kmsg");
    let Ok(mut file) = file else { return skip("/dev/kmsg can not be read") };
    file.seek(SeekFrom::End(0)).expect("go to the end of the log");
    Some(file)
}

/// Each read gives one record; EPIPE when some were overwritten, EAGAIN at the end.
fn lines(log: &mut File) -> Vec<String> {
    let mut lines = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        match log.read(&mut buffer) {
            Ok(count) => lines.push(String::from_utf8_lossy(&buffer[..count]).into_owned()),
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
            Err(_) => return lines,
        }
    }
}

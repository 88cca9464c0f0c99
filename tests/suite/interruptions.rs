//! Commands and processes that are ended at a bad moment, by a signal or from beside.

use std::time::Duration;

use behaviour::{Bundle, Finished, Running, host};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    create_that_is_asked_to_end_leaves_nothing,
    run_that_is_asked_to_end_leaves_nothing,
    a_signal_that_the_caller_ignores_asks_for_nothing,
    a_reader_that_went_away_ends_no_create,
    an_init_that_is_killed_in_a_hook_was_not_started,
    a_start_that_is_killed_in_a_hook_has_started,
    a_create_that_is_killed_has_made_a_stopped_container,
    a_create_that_is_killed_in_a_hook_is_deleted,
    cgroups_of_a_create_that_is_killed_in_a_hook,
    delete_force_ends_a_create,
    an_endless_hook_can_be_ended,
    the_daemon_of_a_failed_create_is_ended,
    start_container_hooks_without_clone3,
    control_characters_are_not_for_the_terminal,
];

/// A container whose `kind` hook sleeps, on the machine's side.
fn sleeping_hook(kind: &str) -> Bundle {
    let bundle = Bundle::new().steps(&["sleep"]);
    let probe = bundle.probe();
    bundle.hook(kind, &probe, &["x", "sleep 15000"])
}

/// The command, as soon as its hook sleeps.
fn in_hook(bundle: &Bundle, command: Running) -> Running {
    let hook = bundle.probe();
    let hook = hook.to_str().unwrap();
    host::eventually("the hook", || {
        let found = host::processes_with("sleep 15000").into_iter();
        found
            .map(|pid| std::fs::read_link(format!("/proc/{pid}/exe")))
            .any(|exe| exe.is_ok_and(|exe| exe.display().to_string().contains(hook)))
    });
    command
}

fn interrupted(bundle: &Bundle, command: Running, signal: &str, code: i32) -> Finished {
    let command = in_hook(bundle, command);
    command.signal(signal);
    let done = command.wait().exits(code).fails_with(&format!("interrupted by SIG{signal}"));
    bundle.call_with("state", &[]).finish().fails();
    assert_eq!(host::names_in(&bundle.root()), Vec::<String>::new());
    done
}

fn create_that_is_asked_to_end_leaves_nothing() {
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let bundle = sleeping_hook(kind);
        interrupted(&bundle, bundle.create_call(&[]).spawn(), "TERM", 143);
    }
    for (signal, code) in [("INT", 130), ("HUP", 129)] {
        let bundle = sleeping_hook("createRuntime");
        interrupted(&bundle, bundle.create_call(&[]).spawn(), signal, code);
    }
}

fn run_that_is_asked_to_end_leaves_nothing() {
    for kind in ["createRuntime", "createContainer", "poststart"] {
        let bundle = sleeping_hook(kind);
        interrupted(&bundle, bundle.run_call(&[]).spawn(), "TERM", 143);
    }
    let bundle = sleeping_hook("createRuntime");
    interrupted(&bundle, bundle.run_call(&["--detach"]).spawn(), "INT", 130);
    let bundle = Bundle::new().steps(&["sleep"]);
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", "sleep 15000"]);
    let command = bundle.run_call(&[]).spawn();
    host::eventually("the container", || bundle.call_with("state", &[]).finish().code() == 0);
    bundle.wait_for("running");
    command.signal("TERM");
    command.wait().exits(143);
}

fn a_signal_that_the_caller_ignores_asks_for_nothing() {
    let mut bundle = Bundle::new().steps(&["sleep"]);
    let probe = bundle.probe();
    bundle = bundle.hook("createRuntime", &probe, &["x", "sleep 700"]);
    let call = bundle.create_call(&[]).ignoring(&["HUP"]);
    let command = call.spawn();
    host::eventually("the state", || bundle.call_with("state", &[]).finish().code() == 0);
    command.signal("HUP");
    command.wait().ok();
    bundle.delete_force().ok();
}

fn a_reader_that_went_away_ends_no_create() {
    // There is a warning to write.
    let mut bundle = Bundle::new().push("process.capabilities.bounding", "CAP_OF_TOMORROW");
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    drop(reader);
    let nothing = || std::fs::File::open("/dev/null").unwrap().into();
    let call = bundle.create_call(&[]).stdio(nothing(), nothing(), writer);
    bundle.creates(call).ok();
    assert_eq!(bundle.status(), "created");
}

fn an_init_that_is_killed_in_a_hook_was_not_started() {
    let bundle = Bundle::new().steps(&["sleep"]);
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", "sleep 15000"]);
    let container = bundle.created();
    let init = container.pid();
    let start = container.call_with("start", &[]).spawn();
    container.wait_for("running");
    let pid = rustix::process::Pid::from_raw(init).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    start.wait().fails_with("before it ran its program");
    container.wait_for("stopped");
}

fn a_start_that_is_killed_in_a_hook_has_started() {
    let bundle = Bundle::new().steps(&["sleep"]);
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", "sleep 700"]);
    let mut container = bundle.created();
    let start = container.call_with("start", &[]).spawn();
    container.wait_for("running");
    start.signal("KILL");
    let _ = start.wait();
    assert_eq!(container.status(), "running");
    container.output().wait_for("asleep");
    assert_eq!(container.status(), "running");
    container.delete().fails_with("not stopped: running");
    container.start().fails_with("already running");
}

fn a_create_that_is_killed_has_made_a_stopped_container() {
    let mut bundle = sleeping_hook("createRuntime");
    let command = bundle.create_call(&[]).spawn();
    let command = in_hook(&bundle, command);
    assert_eq!(bundle.status(), "creating");
    bundle.delete().fails_with("not stopped: creating");
    command.signal("KILL");
    let _ = command.wait();
    bundle.wait_for("stopped");
    bundle.start().fails_with("cannot start a container that has stopped");
    bundle.create().fails_with("already exists");
    bundle.delete().ok();
}

fn a_create_that_is_killed_in_a_hook_is_deleted() {
    let mut bundle = sleeping_hook("createContainer").without_namespace("pid");
    let command = bundle.create_call(&[]).spawn();
    let command = in_hook(&bundle, command);
    command.signal("KILL");
    let _ = command.wait();
    bundle.delete_force().ok();
    bundle.delete_force().ok();
}

/// What was made in them is the container's, of each version.
fn cgroups_of_a_create_that_is_killed_in_a_hook() {
    let mut bundle = sleeping_hook("createRuntime");
    let command = bundle.create_call(&[]).spawn();
    let command = in_hook(&bundle, command);
    let groups = host::cgroups_named(&bundle.id);
    assert!(!groups.is_empty());
    for group in &groups {
        std::fs::create_dir(group.join("below")).unwrap();
    }
    command.signal("KILL");
    let _ = command.wait();
    bundle.delete_force().ok();
    assert_eq!(host::cgroups_named(&bundle.id), Vec::<std::path::PathBuf>::new());
}

fn delete_force_ends_a_create() {
    for kind in ["createRuntime", "createContainer"] {
        let mut bundle = sleeping_hook(kind);
        let command = bundle.create_call(&[]).spawn();
        let command = in_hook(&bundle, command);
        bundle.delete_force().ok();
        command.wait().exits(1);
        bundle.call_with("state", &[]).finish().fails();
    }
}

fn an_endless_hook_can_be_ended() {
    // It writes for ever, and is read for no longer than it may run.
    let bundle = Bundle::new();
    let hook = json!({ "path": "/bin/sh", "args": ["sh", "-c", "exec yes"], "timeout": 1 });
    let mut bundle = bundle.push("hooks.createRuntime", hook);
    bundle.create().fails_with("did not end within 1 s and was killed");
}

fn the_daemon_of_a_failed_create_is_ended() {
    let bundle = Bundle::new().without_namespace("pid").set("process.args", json!(["/missing"]));
    let word = format!("setsid {} 'sleep' </dev/null >/dev/null 2>&1 &", bundle.probe().display());
    let mut bundle = bundle.hook("createContainer", "/bin/sh".as_ref(), &["sh", "-c", &word]);
    bundle.create().fails_with("/missing");
    let gone = || host::processes_with(&bundle.id).is_empty();
    assert!(host::within(Duration::from_secs(1), gone), "the daemon lives");
    assert_eq!(host::cgroups_named(&bundle.id), Vec::<std::path::PathBuf>::new());
}

fn start_container_hooks_without_clone3() {
    let profile = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }],
    });
    let hook = ["x", "self", "write /tmp/hook was here"];
    let bundle = Bundle::new().writable().set("linux.seccomp", profile);
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &hook);
    let seen = bundle.look(&["read /tmp/hook"]);
    assert_eq!(seen["read /tmp/hook"], "was here");
}

fn control_characters_are_not_for_the_terminal() {
    let mut bundle = Bundle::new().set("process.args", json!(["/bin/\u{1b}[2J\u{9b}x"]));
    let done = bundle.create().fails_with("no such file");
    assert!(done.stderr.trim_end().chars().all(|letter| !letter.is_control()), "{done}");
    let log = bundle.scratch("log");
    let mut bundle = bundle.global(&["--log", log.to_str().unwrap()]);
    let done = bundle.create().fails_with("no such file");
    assert!(done.stderr.trim_end().chars().all(|letter| !letter.is_control()), "{done}");
}

//! What follows when a hook fails, and how long it may take.

use std::time::{Duration, Instant};

use behaviour::{Bundle, host};
use serde_json::json;

use crate::case::{Case, cases};
use crate::hooks::{hooked, log};

pub const CASES: &[Case] = cases![
    a_failing_prestart_undoes_create,
    a_failing_create_runtime_undoes_create,
    a_failing_create_container_undoes_create,
    a_failing_start_container_fails_start,
    a_failing_poststart_stops_the_container,
    a_failing_poststop_is_a_warning,
    a_failed_create_runs_poststop,
    later_hooks_do_not_run_after_a_failure,
    a_hook_out_of_time_fails,
    a_hook_in_time_succeeds,
    a_background_process_does_not_hold_up_the_runtime,
    a_hook_may_leave_the_state_unread,
];

fn a_failing_prestart_undoes_create() {
    undoes_create("prestart");
}

fn a_failing_create_runtime_undoes_create() {
    undoes_create("createRuntime");
}

fn a_failing_create_container_undoes_create() {
    undoes_create("createContainer");
}

fn a_failing_start_container_fails_start() {
    let bundle = Bundle::new().steps(&["print started", "sleep"]);
    let container =
        bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", "stdin", "exit 3"]).created();
    container.start().fails();
    container.wait_for("stopped");
    assert_eq!(container.output().text(), "");
}

fn a_failing_poststart_stops_the_container() {
    let bundle = Bundle::new().steps(&["sleep"]);
    let probe = bundle.probe();
    let container = bundle.hook("poststart", &probe, &["x", "stdin", "exit 3"]).created();
    let init = container.pid();
    container.start().fails();
    host::eventually("the end of the program", || !host::is_running(init));
}

fn a_failing_poststop_is_a_warning() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let mut container = bundle.hook("poststop", &probe, &["x", "stdin", "exit 3"]).created();
    container.delete_force().ok();
    container.call_with("state", &[]).finish().fails();
}

fn a_failed_create_runs_poststop() {
    let bundle = hooked(Bundle::new(), "poststop", &["poststop"], "/");
    let probe = bundle.probe();
    let mut bundle = bundle.hook("createRuntime", &probe, &["x", "stdin", "exit 3"]);
    bundle.create().fails();
    assert_eq!(log(&bundle)[0]["args"][0], "poststop");
}

fn later_hooks_do_not_run_after_a_failure() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let bundle = bundle.hook("prestart", &probe, &["x", "stdin", "exit 3"]);
    let bundle = hooked(bundle, "prestart", &["second"], "/");
    let mut bundle = hooked(bundle, "createRuntime", &["third"], "/");
    bundle.create().fails();
    assert!(!bundle.rootfs().join("hooks.log").exists());
}

fn a_hook_out_of_time_fails() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let mut bundle = bundle.hook("createRuntime", &probe, &["x", "sleep 80000"]);
    bundle = bundle.set("hooks.createRuntime.0.timeout", 1);
    let before = Instant::now();
    bundle.create().fails();
    let taken = before.elapsed();
    let limit = host::patience(Duration::from_secs(4));
    assert!((Duration::from_millis(900)..limit).contains(&taken), "{taken:?}");
}

fn a_hook_in_time_succeeds() {
    let bundle = hooked(Bundle::new(), "createRuntime", &["x", "sleep 100"], "/");
    let container = bundle.set("hooks.createRuntime.0.timeout", 5).created();
    assert_eq!(log(&container).len(), 1);
}

fn a_background_process_does_not_hold_up_the_runtime() {
    let bundle = Bundle::new();
    let script = "sleep 60 & exit 0";
    let mut bundle = bundle.hook("createRuntime", "/bin/sh".as_ref(), &["sh", "-c", script]);
    bundle = bundle.set("hooks.createRuntime.0.env", json!(["PATH=/usr/bin:/bin"]));
    bundle = bundle.set("hooks.createRuntime.0.timeout", 2);
    let before = Instant::now();
    let _ = bundle.create();
    assert!(before.elapsed() < host::patience(Duration::from_secs(4)), "{:?}", before.elapsed());
}

fn a_hook_may_leave_the_state_unread() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let large = json!({ "large": "x".repeat(100_000) });
    bundle.set("annotations", large).hook("prestart", &probe, &["x"]).run().ok();
}

fn undoes_create(kind: &str) {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let mut bundle = bundle.hook(kind, &probe, &["x", "stdin", "exit 3"]);
    bundle.create().fails();
    bundle.call_with("state", &[]).finish().fails();
}

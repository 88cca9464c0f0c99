//! `run --record-seccomp`: the profile of what a run needed lets the same run pass, and no more.

use std::fs;

use behaviour::Bundle;
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::seccomp::PROBED;

pub const CASES: &[Case] = cases![
    the_recorded_profile_is_enough,
    the_recorded_profile_is_enough_without_no_new_privileges,
    the_recorded_profile_is_enough_for_create_and_start,
    the_recorded_profile_is_enough_for_create_and_start_without_no_new_privileges,
    the_recorded_profile_is_enough_for_exec,
    the_recorded_profile_is_enough_for_exec_without_no_new_privileges,
    calls_of_another_abi_are_recorded,
    calls_of_children_and_hooks_are_recorded,
    an_own_profile_is_not_in_force,
    the_exit_status_is_that_of_the_program,
    a_run_that_fails_records_nothing,
    recording_needs_the_foreground,
    recording_needs_a_place_to_write,
];

/// Steps that a few system calls of their own make.
const STEPS: [&str; 4] = ["read /etc/passwd", "list /etc", "stat /dev/null", "mounts"];

fn the_recorded_profile_is_enough() {
    is_enough(true, run);
}

fn the_recorded_profile_is_enough_without_no_new_privileges() {
    is_enough(false, run);
}

fn the_recorded_profile_is_enough_for_create_and_start() {
    is_enough(true, create_and_start);
}

fn the_recorded_profile_is_enough_for_create_and_start_without_no_new_privileges() {
    is_enough(false, create_and_start);
}

fn the_recorded_profile_is_enough_for_exec() {
    is_enough(true, exec);
}

fn the_recorded_profile_is_enough_for_exec_without_no_new_privileges() {
    is_enough(false, exec);
}

/// Records a run, and then demands the same answers under the profile, and that a call which was
/// not recorded is denied.
fn is_enough(no_new_privileges: bool, how: fn(Bundle, &[&str]) -> String) {
    let bundle = || {
        let bundle = Bundle::new().writable().set("process.noNewPrivileges", no_new_privileges);
        bundle.set("process.user.uid", 1000)
    };
    let (out, profile) = record(bundle(), &STEPS);
    let steps = [&STEPS[..], &["mkdir /tmp/new"]].concat();
    let again = how(bundle().set("linux.seccomp", profile), &steps);
    let denied = again.lines().last().unwrap_or_default();
    assert!(denied.contains("EPERM"), "{denied}");
    assert_eq!(again.lines().count(), out.lines().count() + 1, "{again}");
    // Devices and mounts have other numbers each time.
    assert!(out.lines().take(2).eq(again.lines().take(2)), "{out}\n{again}");
}

fn run(bundle: Bundle, steps: &[&str]) -> String {
    bundle.steps(steps).run().ok().stdout
}

fn create_and_start(bundle: Bundle, steps: &[&str]) -> String {
    let container = bundle.steps(steps).created();
    container.start().ok();
    container.wait_for("stopped");
    container.output().text()
}

/// The container itself only sleeps, which the profile does not allow: so it is given more.
fn exec(bundle: Bundle, steps: &[&str]) -> String {
    let sleep = json!({
        "names": ["nanosleep", "clock_nanosleep"],
        "action": "SCMP_ACT_ALLOW",
    });
    let container = bundle.push("linux.seccomp.syscalls", sleep).sleeping();
    container.exec(&[], steps).ok().stdout
}

fn calls_of_another_abi_are_recorded() {
    if std::env::consts::ARCH != "x86_64" {
        eprintln!("skipped: this machine is not x86-64");
        return;
    }
    let steps = ["mkdir_i386 /tmp/a", "mkdir_x32 /tmp/b"];
    let (out, profile) = record(Bundle::new().writable(), &steps);
    let archs = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    assert_eq!(profile["architectures"], archs);
    assert!(names(&profile).contains(&"mkdir".to_owned()));
    let again = Bundle::new().writable().set("linux.seccomp", profile).steps(&steps).run().ok();
    assert_eq!(again.stdout, out);
}

fn calls_of_children_and_hooks_are_recorded() {
    let bundle = Bundle::new().writable();
    let bundle = bundle.hook("startContainer", "/bin/probe".as_ref(), &["x", "mkdir /tmp/h"]);
    // The call is made by a child.
    let (_, profile) = record(bundle, &[&format!("traced {PROBED} 7777")]);
    let names = names(&profile);
    for name in ["mkdir", "ptrace", "getpgid"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
}

fn an_own_profile_is_not_in_force() {
    let rule = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" });
    let own = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule] });
    let bundle = Bundle::new().writable().set("linux.seccomp", own);
    let (done, text) = recorded(bundle, &["mkdir /tmp/new"]);
    let done = done.ok();
    assert!(done.stdout.contains("ok"), "{done}");
    assert!(done.stderr.contains("linux.seccomp is not in force"), "{done}");
    assert!(text.contains("mkdir"));
}

fn the_exit_status_is_that_of_the_program() {
    let (done, text) = recorded(Bundle::new(), &["exit 7"]);
    done.exits(7);
    assert!(text.contains("exit_group"));
}

fn a_run_that_fails_records_nothing() {
    let (done, text) = recorded(Bundle::new().set("process.args.0", "/bin/absent"), &[]);
    done.fails();
    assert_eq!(text, "");
}

fn recording_needs_the_foreground() {
    let file = Bundle::new().scratch("profile.json");
    let option = ["--detach", "--record-seccomp", file.to_str().unwrap()];
    Bundle::new().run_with(&option).fails_with("when the container ends");
}

fn recording_needs_a_place_to_write() {
    let option = ["--record-seccomp", "/absent/profile.json"];
    Bundle::new().run_with(&option).fails_with("/absent/profile.json");
}

/// Runs steps while they are recorded; what they printed, and the profile.
fn record(bundle: Bundle, steps: &[&str]) -> (String, Value) {
    let (done, text) = recorded(bundle, steps);
    (done.ok().stdout, serde_json::from_str(&text).expect("the profile is JSON"))
}

/// The end of a run that is recorded, and what it left in the file.
fn recorded(mut bundle: Bundle, steps: &[&str]) -> (behaviour::Finished, String) {
    let file = bundle.scratch("profile.json");
    if !steps.is_empty() {
        bundle = bundle.steps(steps);
    }
    let done = bundle.run_with(&["--record-seccomp", file.to_str().unwrap()]);
    (done, fs::read_to_string(file).unwrap_or_default())
}

fn names(profile: &Value) -> Vec<String> {
    let names = profile["syscalls"][0]["names"].as_array().expect("names");
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

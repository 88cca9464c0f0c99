//! What crun's annotations `run.oci.*` ask for (crun(1), "Extensions to OCI").

use behaviour::sys::seccomp::{Answer, Notification};
use behaviour::{Agent, Bundle};
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::seccomp::PROBED;

pub const CASES: &[Case] = cases![
    the_callers_groups_are_kept,
    the_callers_groups_are_kept_in_a_user_namespace,
    the_callers_groups_are_kept_by_exec,
    an_unknown_system_call_is_refused,
    an_agent_by_annotation,
    an_agent_by_environment,
    a_raw_filter_is_refused,
    another_handler_is_refused,
];

fn annotated(key: &str, value: &str) -> Bundle {
    Bundle::new().set("annotations", json!({ key: value }))
}

const KEEP: &str = "run.oci.keep_original_groups";

fn the_callers_groups_are_kept() {
    let mut bundle = annotated(KEEP, "1").steps(&["self"]);
    let call = bundle.run_call(&[]).groups(&[10, 27]);
    assert_eq!(call.finish().seen()["self"]["groups"], json!([10, 27]));
    bundle = bundle.set("annotations", json!({ KEEP: "0" }));
    let call = bundle.run_call(&[]).groups(&[10, 27]);
    assert_eq!(call.finish().seen()["self"]["groups"], json!([]));
}

/// For whom they are nobody's, but open what they opened.
fn the_callers_groups_are_kept_in_a_user_namespace() {
    let bundle = annotated(KEEP, "1").user_namespace().steps(&["self"]);
    let call = bundle.run_call(&[]).groups(&[10, 27]);
    assert_eq!(call.finish().seen()["self"]["groups"].as_array().unwrap().len(), 2);
}

fn the_callers_groups_are_kept_by_exec() {
    let container = annotated(KEEP, "1").sleeping();
    let call = container.exec_call(&[], &["self"]).groups(&[10, 27]);
    assert_eq!(call.finish().seen()["self"]["groups"], json!([10, 27]));
}

fn an_unknown_system_call_is_refused() {
    let rule = json!({ "names": ["nosuchcall"], "action": "SCMP_ACT_ERRNO" });
    let profile = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule] });
    let key = "run.oci.seccomp_fail_unknown_syscall";
    annotated(key, "1").set("linux.seccomp", profile.clone()).create().fails_with("nosuchcall");
    annotated(key, "0").set("linux.seccomp", profile).create().ok();
}

fn an_agent_by_annotation() {
    let bundle = asking();
    let path = bundle.scratch("agent.sock");
    let agent = Agent::listen(&path, refuse);
    let mut bundle = bundle.set("annotations", json!({ "run.oci.seccomp.receiver": path }));
    assert_eq!(bundle.run().seen()[&*step()], json!("ENOTTY"));
    assert_eq!(agent.messages().len(), 1);
}

fn an_agent_by_environment() {
    let bundle = asking();
    let path = bundle.scratch("agent.sock");
    let agent = Agent::listen(&path, refuse);
    let call = bundle.run_call(&[]).env("RUN_OCI_SECCOMP_RECEIVER", &path);
    assert_eq!(call.finish().seen()[&*step()], json!("ENOTTY"));
    assert_eq!(agent.messages().len(), 1);
}

/// Without it the container would run with another filter than was meant, or with none.
fn a_raw_filter_is_refused() {
    annotated("run.oci.seccomp_bpf_data", "BgAAAAAA/38=").create().fails_with("seccomp_bpf_data");
}

/// Whoever asks for a virtual machine must not get a container.
fn another_handler_is_refused() {
    annotated("run.oci.handler", "krun").create().fails_with("handler");
}

fn step() -> String {
    format!("call {PROBED} 7001")
}

/// A bundle whose profile asks an agent that it does not name.
fn asking() -> Bundle {
    let rule = json!({ "names": ["getpgid"], "action": "SCMP_ACT_NOTIFY" });
    let profile: Value = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule] });
    Bundle::new().set("linux.seccomp", profile).steps(&[&step()])
}

fn refuse(_: &Notification) -> Answer {
    Answer::Error(libc::ENOTTY)
}

//! seccomp: an agent decides on calls (config-linux.md, "listenerPath"; runtime.md, "Container Process State").

use behaviour::sys::seccomp::{Answer, Notification};
use behaviour::{Agent, Bundle, Seen};
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::seccomp::PROBED;

pub const CASES: &[Case] = cases![
    the_agent_decides,
    the_agent_decides_without_no_new_privileges,
    the_agent_decides_for_a_created_container,
    the_agent_decides_for_a_created_container_without_no_new_privileges,
    the_agent_decides_for_exec,
    the_agent_decides_for_exec_without_no_new_privileges,
    the_agent_decides_in_a_user_namespace,
    the_agent_decides_on_what_the_runtime_needs,
    the_agent_gets_the_state,
    the_agent_gets_its_metadata,
    no_socket_is_an_error,
    a_socket_without_agent_is_an_error,
    no_socket_is_an_error_without_no_new_privileges,
    no_socket_is_an_error_for_exec,
    metadata_without_a_path_is_refused,
    a_default_of_notify_is_refused,
    notify_for_write_is_refused,
    a_profile_that_notifies_of_nothing_needs_no_agent,
];

/// What the agent says to the arguments of getpgid.
fn decide(call: &Notification) -> Answer {
    match call.arguments[0] {
        7001 => Answer::Error(libc::ENOTTY),
        7002 => Answer::Value(4711),
        _ => Answer::Continue,
    }
}

const ARGUMENTS: [u64; 3] = [7001, 7002, 7777];

fn steps() -> [String; 3] {
    ARGUMENTS.map(|argument| format!("call {PROBED} {argument}"))
}

#[track_caller]
fn decided(seen: &Seen) {
    let answers = steps().map(|step| seen[step.as_str()].clone());
    assert_eq!(answers, [json!("ENOTTY"), json!(4711), json!("ESRCH")]);
}

fn the_agent_decides() {
    by_run(true);
}

fn the_agent_decides_without_no_new_privileges() {
    by_run(false);
}

fn the_agent_decides_for_a_created_container() {
    by_create(true);
}

fn the_agent_decides_for_a_created_container_without_no_new_privileges() {
    by_create(false);
}

fn the_agent_decides_for_exec() {
    by_exec(true);
}

fn the_agent_decides_for_exec_without_no_new_privileges() {
    by_exec(false);
}

fn by_run(no_new_privileges: bool) {
    let (bundle, agent) = asking(&["getpgid"]);
    let steps = steps();
    let mut bundle = bundle.set("process.noNewPrivileges", no_new_privileges);
    bundle = bundle.steps(&steps.each_ref().map(String::as_str));
    decided(&bundle.run().seen());
    assert_eq!(agent.messages().len(), 1);
}

fn by_create(no_new_privileges: bool) {
    let (bundle, agent) = asking(&["getpgid"]);
    let steps = steps();
    let bundle = bundle.set("process.noNewPrivileges", no_new_privileges);
    let container = bundle.steps(&steps.each_ref().map(String::as_str)).created();
    container.start().ok();
    container.wait_for("stopped");
    decided(&Seen::parse(&container.output().text()));
    assert_eq!(agent.messages().len(), 1);
}

fn by_exec(no_new_privileges: bool) {
    let (bundle, agent) = asking(&["getpgid"]);
    let container = bundle.set("process.noNewPrivileges", no_new_privileges).sleeping();
    let steps = steps();
    decided(&container.exec(&[], &steps.each_ref().map(String::as_str)).seen());
    assert_eq!(agent.messages().len(), 2);
}

fn the_agent_decides_in_a_user_namespace() {
    let (bundle, agent) = asking(&["getpgid"]);
    let steps = steps();
    decided(&bundle.user_namespace().look(&steps.each_ref().map(String::as_str)));
    assert_eq!(agent.messages().len(), 1);
}

/// The runtime itself makes these between the filter and the program, and must not wait for an
/// agent that it has not reached yet.
fn the_agent_decides_on_what_the_runtime_needs() {
    let names = ["getpgid", "execve", "close", "fcntl", "prctl", "setresuid", "capset", "sendmsg"];
    for no_new_privileges in [true, false] {
        let (bundle, agent) = asking(&names);
        let steps = steps();
        let bundle = bundle.set("process.noNewPrivileges", no_new_privileges);
        decided(&bundle.look(&steps.each_ref().map(String::as_str)));
        assert_eq!(agent.messages().len(), 1);
    }
}

fn the_agent_gets_the_state() {
    let (bundle, agent) = asking(&["getpgid"]);
    let container = bundle.set("annotations.fruit", "apple").sleeping();
    let (id, path, pid) = (container.id.clone(), container.path(), container.pid());
    let messages = agent.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(message["ociVersion"].as_str().unwrap().starts_with("1."), "{message}");
    assert_eq!(message["fds"], json!(["seccompFd"]));
    assert_eq!(message["pid"], pid);
    let state = &message["state"];
    assert_eq!(state["id"], id);
    assert_eq!(state["bundle"], path.to_str().unwrap());
    assert_eq!(state["annotations"]["fruit"], "apple");
    assert!(["creating", "created", "running"].contains(&state["status"].as_str().unwrap()));
}

fn the_agent_gets_its_metadata() {
    let (bundle, agent) = asking(&["getpgid"]);
    bundle.set("linux.seccomp.listenerMetadata", "words for it").look(&[]);
    assert_eq!(agent.messages()[0]["metadata"], "words for it");
}

const NO_AGENT: &str = "failed to connect with seccomp agent";

fn no_socket_is_an_error() {
    without_agent().run().fails_with(NO_AGENT);
}

fn a_socket_without_agent_is_an_error() {
    let mut bundle = without_agent();
    drop(std::os::unix::net::UnixListener::bind(bundle.scratch("agent.sock")).expect("a socket"));
    bundle.run().fails_with(NO_AGENT);
}

fn no_socket_is_an_error_without_no_new_privileges() {
    let mut bundle = without_agent().set("process.noNewPrivileges", false);
    bundle.create().fails_with(NO_AGENT);
}

fn no_socket_is_an_error_for_exec() {
    let (bundle, agent) = asking(&["getpgid"]);
    let container = bundle.sleeping();
    drop(agent.messages());
    container.exec(&[], &["self"]).fails_with(NO_AGENT);
}

fn metadata_without_a_path_is_refused() {
    let profile = json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "words" });
    Bundle::new().set("linux.seccomp", profile).create().fails();
}

fn a_default_of_notify_is_refused() {
    let bundle = Bundle::new();
    let path = bundle.scratch("agent.sock");
    let profile = json!({ "defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": path });
    bundle.set("linux.seccomp", profile).create().fails();
}

fn notify_for_write_is_refused() {
    let bundle = Bundle::new();
    let path = bundle.scratch("agent.sock");
    bundle.set("linux.seccomp", profile(&path, &["write"])).create().fails();
}

fn a_profile_that_notifies_of_nothing_needs_no_agent() {
    let bundle = Bundle::new();
    let path = bundle.scratch("agent.sock");
    let profile = json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path });
    assert_eq!(bundle.set("linux.seccomp", profile).look(&["self"])["self"]["seccomp"], "2");
}

/// A bundle whose profile asks an agent about some calls, and the agent.
fn asking(names: &[&str]) -> (Bundle, Agent) {
    let bundle = Bundle::new();
    let path = bundle.scratch("agent.sock");
    let agent = Agent::listen(&path, decide);
    (bundle.set("linux.seccomp", profile(&path, names)), agent)
}

fn without_agent() -> Bundle {
    let bundle = Bundle::new();
    let path = bundle.scratch("agent.sock");
    bundle.set("linux.seccomp", profile(&path, &["getpgid"]))
}

fn profile(path: &std::path::Path, names: &[&str]) -> Value {
    let rule = json!({ "names": names, "action": "SCMP_ACT_NOTIFY" });
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "syscalls": [rule] })
}

//! Hooks: their moments, what they are given, and what follows when they fail.

use std::fs;

use behaviour::{Bundle, host};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    six_kinds_in_their_order,
    each_kind_in_its_moment,
    hooks_of_one_kind_in_their_order,
    arguments_are_the_whole_vector,
    environment_is_the_configured_one,
    environment_is_the_runtimes_without_one,
    environment_in_the_container_has_nothing_of_the_host,
    environment_is_empty_if_it_says_so,
    the_state_says_which_moment,
    the_state_has_the_bundle_and_annotations,
    the_state_has_the_pid_of_the_machine,
    the_state_has_the_pid_of_the_container,
    runtime_hooks_run_outside,
    create_container_runs_in_the_mount_namespace,
    start_container_runs_inside,
    runtime_hooks_start_in_the_bundle,
    create_container_starts_in_the_root,
    start_container_has_the_environment_of_the_process,
    start_container_comes_before_the_program,
    poststart_comes_after_the_program_started,
    hooks_see_no_descriptors_of_the_runtime,
];

pub const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

fn six_kinds_in_their_order() {
    // A runtime that does not wait for startContainer runs poststart before it.
    let mut bundle = KINDS.into_iter().fold(Bundle::new(), |bundle, kind| {
        let pause = if kind == "startContainer" { "sleep 200" } else { "sleep 0" };
        hooked(bundle, kind, &[kind, pause], "/")
    });
    bundle.run().ok();
    let names: Vec<_> = log(&bundle).iter().map(|entry| entry["args"][0].clone()).collect();
    assert_eq!(names, KINDS);
}

fn each_kind_in_its_moment() {
    let mut container = with_all_hooks(Bundle::new().steps(&["sleep"])).created();
    assert_eq!(log(&container).len(), 3);
    container.start().ok();
    assert_eq!(log(&container).len(), 5);
    container.delete_force().ok();
    assert_eq!(log(&container).len(), 6);
}

fn hooks_of_one_kind_in_their_order() {
    let bundle = ["a", "b", "c"]
        .into_iter()
        .fold(Bundle::new(), |bundle, name| hooked(bundle, "createRuntime", &[name], "/"));
    let container = bundle.created();
    let names: Vec<_> = log(&container).iter().map(|entry| entry["args"][0].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

fn arguments_are_the_whole_vector() {
    let bundle = hooked(Bundle::new(), "prestart", &["any name", "print a b"], "/");
    let container = bundle.created();
    let args = log(&container)[0]["args"].clone();
    assert_eq!(args[0], "any name");
    assert_eq!(args[1], "print a b");
}

fn environment_is_the_configured_one() {
    let mut bundle = hooked(Bundle::new(), "prestart", &["x"], "/");
    bundle = bundle.set("hooks.prestart.0.env", json!(["A=1", "B=two words"])).created();
    assert_eq!(log(&bundle)[0]["env"], json!(["A=1", "B=two words"]));
}

/// Hooks on the runtime's side find their tools by its PATH.
fn environment_is_the_runtimes_without_one() {
    let bundle = with_all_hooks(Bundle::new());
    bundle.run_call(&[]).env("HOOKED", "yes").finish().ok();
    let env = |kind| entry(&bundle, kind)["env"].clone();
    for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
        let env = env(kind);
        assert!(env.as_array().unwrap().contains(&json!("HOOKED=yes")), "{kind}: {env}");
    }
}

fn environment_in_the_container_has_nothing_of_the_host() {
    let container = hooked(Bundle::new(), "createContainer", &["x"], "/").created();
    assert_eq!(log(&container)[0]["env"], json!([]));
}

fn environment_is_empty_if_it_says_so() {
    let mut bundle = hooked(Bundle::new(), "prestart", &["x"], "/");
    bundle = bundle.set("hooks.prestart.0.env", json!([])).created();
    assert_eq!(log(&bundle)[0]["env"], json!([]));
}

fn the_state_says_which_moment() {
    let mut bundle = with_all_hooks(Bundle::new());
    bundle.run().ok();
    let said = KINDS.map(|kind| entry(&bundle, kind)["state"]["status"].clone());
    // Whether the container is still being created in the first hook is a matter of reading.
    assert!(said[0] == "creating" || said[0] == "created", "{said:?}");
    assert_eq!(said[1..], ["creating", "creating", "created", "running", "stopped"]);
}

fn the_state_has_the_bundle_and_annotations() {
    let annotations = json!({ "org.example": "1" });
    let mut bundle = with_all_hooks(Bundle::new().set("annotations", annotations.clone()));
    bundle.run().ok();
    for entry in log(&bundle) {
        let state = &entry["state"];
        assert_eq!(state["id"], *bundle.id);
        assert_eq!(state["bundle"], *bundle.path().to_str().unwrap());
        assert_eq!(state["annotations"], annotations);
        assert!(state["ociVersion"].as_str().unwrap().starts_with("1."));
    }
}

fn the_state_has_the_pid_of_the_machine() {
    let container = with_all_hooks(Bundle::new()).sleeping();
    let pid = container.pid();
    for kind in ["prestart", "createRuntime", "poststart"] {
        assert_eq!(entry(&container, kind)["state"]["pid"], pid, "{kind}");
    }
}

fn the_state_has_the_pid_of_the_container() {
    let container = with_all_hooks(Bundle::new()).sleeping();
    for kind in ["createContainer", "startContainer"] {
        assert_eq!(entry(&container, kind)["state"]["pid"], 1, "{kind}");
    }
}

fn runtime_hooks_run_outside() {
    let mut bundle = with_all_hooks(Bundle::new());
    bundle.run().ok();
    for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
        let namespaces = &entry(&bundle, kind)["namespaces"];
        assert_eq!(namespaces["mnt"], host::namespace("thread-self", "mnt"), "{kind}");
        assert_eq!(namespaces["uts"], host::namespace("self", "uts"), "{kind}");
    }
}

fn create_container_runs_in_the_mount_namespace() {
    let bundle = Bundle::new();
    // Mounted in the container only, and seen under the path of the machine before the pivot.
    let landmark = bundle.rootfs().join("proc/version");
    let landmark = landmark.to_str().unwrap().to_owned();
    let bundle = hooked(bundle, "createRuntime", &["createRuntime"], &landmark);
    let container = hooked(bundle, "createContainer", &["createContainer"], &landmark).created();
    let log = log(&container);
    assert_eq!(log[0]["sees"], false);
    assert_eq!(log[1]["sees"], true);
}

fn start_container_runs_inside() {
    let mut bundle = with_all_hooks(Bundle::new());
    bundle.run().ok();
    let entry = entry(&bundle, "startContainer");
    assert_ne!(entry["namespaces"]["mnt"], host::namespace("thread-self", "mnt"));
    assert_ne!(entry["namespaces"]["pid"], host::namespace("self", "pid"));
}

fn runtime_hooks_start_in_the_bundle() {
    let mut bundle = with_all_hooks(Bundle::new());
    bundle.run().ok();
    for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
        assert_eq!(entry(&bundle, kind)["cwd"], *bundle.path().to_str().unwrap(), "{kind}");
    }
}

fn create_container_starts_in_the_root() {
    let mut bundle = with_all_hooks(Bundle::new());
    bundle.run().ok();
    assert_eq!(entry(&bundle, "createContainer")["cwd"], *bundle.rootfs().to_str().unwrap());
}

fn start_container_has_the_environment_of_the_process() {
    let env = json!(["PATH=/bin", "A=1", "HOME=/x"]);
    let mut bundle = with_all_hooks(Bundle::new().set("process.env", env.clone()));
    bundle.run().ok();
    assert_eq!(entry(&bundle, "startContainer")["env"], env);
}

fn start_container_comes_before_the_program() {
    let bundle = hooked(Bundle::new(), "startContainer", &["x"], "/").created();
    assert!(!bundle.rootfs().join("hooks.log").exists());
    bundle.start().ok();
    bundle.wait_for("stopped");
    assert_eq!(log(&bundle).len(), 1);
}

fn poststart_comes_after_the_program_started() {
    let steps = ["write /tmp/started x", "sleep"];
    let bundle = Bundle::new().writable().steps(&steps);
    let log_path = bundle.rootfs().join("hooks.log");
    let probe = bundle.probe();
    let hook = format!("hook {}", log_path.display());
    let bundle = bundle.hook("poststart", &probe, &["x", &hook]).started();
    assert_eq!(log(&bundle)[0]["state"]["status"], "running");
    assert_eq!(bundle.status(), "running");
}

fn hooks_see_no_descriptors_of_the_runtime() {
    let bundle = Bundle::new();
    let list = bundle.scratch("list");
    let script = format!("ls -l /proc/self/fd > {}; cat > /dev/null", list.display());
    let bundle = bundle.hook("createRuntime", "/bin/sh".as_ref(), &["sh", "-c", &script]);
    let _container =
        bundle.set("hooks.createRuntime.0.env", json!(["PATH=/usr/bin:/bin"])).created();
    let text = fs::read_to_string(list).unwrap();
    let numbers: Vec<_> = text
        .lines()
        .filter_map(|line| line.split(" -> ").next()?.split_whitespace().last())
        .filter(|number| number.parse::<u32>().is_ok_and(|number| number > 3))
        .collect();
    assert!(numbers.is_empty(), "{text}");
}

/// Adds a hook of each kind that is named by its kind.
fn with_all_hooks(bundle: Bundle) -> Bundle {
    KINDS.into_iter().fold(bundle, |bundle, kind| hooked(bundle, kind, &[kind], "/"))
}

/// Adds a hook that records what it sees, with these words before.
pub fn hooked(bundle: Bundle, kind: &str, words: &[&str], landmark: &str) -> Bundle {
    let inside = kind == "startContainer";
    let probe = if inside { "/bin/probe".into() } else { bundle.probe() };
    let log = if inside { "/hooks.log".into() } else { bundle.rootfs().join("hooks.log") };
    let step = format!("hook {} {landmark}", log.display());
    bundle.writable().hook(kind, &probe, &[words, &[step.as_str()]].concat())
}

/// What the hooks recorded, in their order.
pub fn log(bundle: &Bundle) -> Vec<Value> {
    let text = bundle.read("/hooks.log");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the hook recorded whose first argument is `name`.
#[track_caller]
fn entry(bundle: &Bundle, name: &str) -> Value {
    let found = log(bundle).into_iter().find(|entry| entry["args"][0] == name);
    found.unwrap_or_else(|| panic!("{name} did not run"))
}

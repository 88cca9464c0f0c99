//! exec: another process in a running container, and its options.

use std::fs;

use behaviour::{Bundle, host};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    is_in_all_namespaces_of_the_container,
    has_the_root_of_the_container,
    has_the_root_of_a_container_without_a_mount_namespace,
    has_the_root_of_a_container_in_a_joined_mount_namespace,
    has_the_settings_of_the_config,
    returns_the_exit_code,
    returns_128_plus_the_signal,
    returns_255_when_the_runtime_fails,
    passes_standard_input,
    keeps_output_and_errors_apart,
    forwards_signals,
    finds_the_program_in_the_containers_path,
    works_in_a_created_container,
    works_after_config_json_is_gone,
    fails_in_a_stopped_container,
    is_no_child_of_the_container,
    umask_and_signals_are_clean,
    no_new_privileges_hold,
    no_new_privileges_may_be_given_up,
    limits_hold,
    the_container_can_kill_it,
    ends_with_the_container,
    works_in_a_user_namespace,
    works_in_a_joined_pid_namespace,
    many_at_once,
];

fn is_in_all_namespaces_of_the_container() {
    let container = Bundle::new().namespace("cgroup").sleeping();
    let seen = container.exec(&[], &["namespaces"]).seen();
    for kind in ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"] {
        let expected = host::namespace(&container.pid().to_string(), kind);
        assert_eq!(seen["namespaces"][kind], expected, "{kind}");
    }
}

fn has_the_root_of_the_container() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&[], &["list /", "lstat /proc/1/root", "self"]).seen();
    assert_eq!(seen["list /"], json!(["bin", "dev", "etc", "proc", "root", "sys", "tmp"]));
    assert_eq!(seen["self"]["cwd"], "/");
}

/// There the root of the container is not that of the namespace, which may be the host's.
fn has_the_root_of_a_container_without_a_mount_namespace() {
    has_its_own_root(bare().without_namespace("mount"));
}

fn has_the_root_of_a_container_in_a_joined_mount_namespace() {
    let bundle = bare();
    let rootfs = bundle.rootfs();
    let other = bundle.beside().bind(&rootfs, rootfs.to_str().unwrap(), &[]).sleeping();
    has_its_own_root(bundle.join("mount", format!("/proc/{}/ns/mnt", other.pid())));
}

/// Asks for nothing that takes a mount.
fn bare() -> Bundle {
    let bundle = Bundle::new().set("mounts", json!([])).set("root.readonly", false);
    bundle.without("linux.maskedPaths").without("linux.readonlyPaths").file("/own", "")
}

fn has_its_own_root(bundle: Bundle) {
    let container = bundle.sleeping();
    let seen = container.exec(&[], &["list /"]).seen();
    assert!(seen["list /"].as_array().unwrap().contains(&json!("own")), "{seen:?}");
    let seen = container.exec(&["--cwd", "/etc"], &["stat own", "stat ../own"]).seen();
    assert_eq!(seen["stat own"], "ENOENT");
    assert_eq!(seen["stat ../own"]["type"], "file");
}

fn has_the_settings_of_the_config() {
    let user = json!({ "uid": 1000, "gid": 2000, "additionalGids": [5], "umask": 0o27 });
    let bundle = Bundle::new().set("process.user", user).push("process.env", "A=1");
    let container = bundle.set("process.cwd", "/tmp").set("process.oomScoreAdj", 123).sleeping();
    let seen = container.exec(&[], &["self"]).seen();
    let seen = &seen["self"];
    assert_eq!([&seen["uid"], &seen["gid"]], [1000, 2000]);
    assert_eq!(seen["groups"], json!([5]));
    assert_eq!(seen["umask"], "0027");
    assert_eq!(seen["cwd"], "/tmp");
    assert!(seen["env"].as_array().unwrap().contains(&json!("A=1")));
    assert_eq!(seen["caps"]["bounding"].as_array().unwrap().len(), 3);
    assert_eq!(seen["oom_score_adj"], "123");
}

fn returns_the_exit_code() {
    Bundle::new().sleeping().exec(&[], &["exit 42"]).exits(42);
}

fn returns_128_plus_the_signal() {
    Bundle::new().sleeping().exec(&[], &["raise TERM", "sleep"]).exits(128 + 15);
}

fn returns_255_when_the_runtime_fails() {
    let container = Bundle::new().sleeping();
    container.call_with("exec", &[]).arg("/no/such/program").finish().exits(255);
    container.exec(&["--cwd", "relative"], &["self"]).exits(255);
    container.call("exec").args(&["no-such-container", "/bin/probe"]).finish().exits(255);
}

fn passes_standard_input() {
    let container = Bundle::new().sleeping();
    let seen = container.exec_call(&[], &["stdin"]).stdin("some text").finish().seen();
    assert_eq!(seen["stdin"], "some text");
}

fn keeps_output_and_errors_apart() {
    let container = Bundle::new().sleeping();
    let done = container.exec(&[], &["print out", "complain err"]).ok();
    assert!(done.stdout.starts_with("out\n"));
    assert_eq!(done.stderr, "err\n");
}

fn forwards_signals() {
    let container = Bundle::new().sleeping();
    let running = container.exec_call(&[], &["trap 2", "exit 5"]).spawn();
    running.stdout.wait_for("ready");
    for signal in ["USR1", "TERM"] {
        running.signal(signal);
        running.stdout.wait_for(&format!("\"{signal}\",\"step\":\"signal\""));
    }
    running.wait().exits(5);
}

fn finds_the_program_in_the_containers_path() {
    let container = Bundle::new().sleeping();
    let call = container.call_with("exec", &[]).args(&["probe", "self"]);
    let seen = call.env("PATH", "/usr/sbin:/usr/bin").finish().seen();
    assert_eq!(seen["self"]["args"][0], "probe");
}

fn works_in_a_created_container() {
    let container = Bundle::new().steps(&["print started"]).created();
    let seen = container.exec(&[], &["self", "namespaces"]).seen();
    assert!(seen["self"]["pid"].as_u64().unwrap() > 1);
    assert_eq!(container.status(), "created");
    assert_eq!(container.output().text(), "");
}

fn works_after_config_json_is_gone() {
    let container = Bundle::new().push("process.env", "A=1").sleeping();
    fs::remove_file(container.path().join("config.json")).unwrap();
    let seen = container.exec(&[], &["self"]).seen();
    assert!(seen["self"]["env"].as_array().unwrap().contains(&json!("A=1")));
}

fn fails_in_a_stopped_container() {
    let container = Bundle::new().steps(&["exit 0"]).started();
    container.wait_for("stopped");
    container.exec(&[], &["self"]).fails();
}

fn is_no_child_of_the_container() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&[], &["self"]).seen();
    assert_eq!(seen["self"]["ppid"], 0);
}

fn umask_and_signals_are_clean() {
    let container = Bundle::new().sleeping();
    let call = container.exec_call(&[], &["self"]).umask(0).ignoring(&["USR1", "PIPE"]);
    let seen = call.groups(&[10, 27]).finish().seen();
    assert_eq!(seen["self"]["umask"], "0022");
    assert_eq!(seen["self"]["signals"]["ignored"], json!([]));
    assert_eq!(seen["self"]["groups"], json!([]));
}

fn no_new_privileges_hold() {
    let container = Bundle::new().sleeping();
    assert_eq!(container.exec(&[], &["self"]).seen()["self"]["no_new_privs"], "1");
}

/// Who may exec may do that anyway: runc takes a switch that is off for an answer, too.
fn no_new_privileges_may_be_given_up() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&["--no-new-privs=false"], &["self"]).seen();
    assert_eq!(seen["self"]["no_new_privs"], "0");
}

fn limits_hold() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&[], &["self"]).seen();
    assert_eq!(seen["self"]["rlimits"]["NOFILE"], json!([1024, 1024]));
}

fn the_container_can_kill_it() {
    let container = Bundle::new().sleeping();
    let running = container.exec_call(&[], &["self", "sleep"]).spawn();
    running.stdout.wait_for("asleep");
    let seen = behaviour::Seen::parse(&running.stdout.text());
    let kill = format!("kill {} KILL", seen["self"]["pid"]);
    assert_eq!(container.exec(&[], &[&kill]).seen()[kill.as_str()], "ok");
    running.wait().exits(128 + 9);
}

fn ends_with_the_container() {
    let container = Bundle::new().sleeping();
    let running = container.exec_call(&[], &["sleep"]).spawn();
    running.stdout.wait_for("asleep");
    container.kill("KILL").ok();
    running.wait().exits(128 + 9);
}

fn works_in_a_user_namespace() {
    let container = Bundle::new().user_namespace().sleeping();
    let seen = container.exec(&[], &["self", "read /proc/self/uid_map"]).seen();
    assert_eq!(seen["self"]["uid"], 0);
    assert!(seen["read /proc/self/uid_map"].as_str().unwrap().contains("100000"));
}

fn works_in_a_joined_pid_namespace() {
    let first = Bundle::new().sleeping();
    let path = format!("/proc/{}/ns/pid", first.pid());
    let second = first.beside().join("pid", path).sleeping();
    let seen = second.exec(&[], &["namespaces"]).seen();
    let expected = host::namespace(&first.pid().to_string(), "pid");
    assert_eq!(seen["namespaces"]["pid"], expected);
}

fn many_at_once() {
    let container = Bundle::new().sleeping();
    let running: Vec<_> =
        (0..10).map(|code| container.exec_call(&[], &[&format!("exit {code}")]).spawn()).collect();
    for (code, running) in running.into_iter().enumerate() {
        running.wait().exits(code as i32);
    }
}

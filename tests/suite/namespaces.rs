//! Namespaces: new, inherited, joined; user namespaces; time offsets.

use std::path::PathBuf;

use behaviour::{Bundle, Seen, host};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_new_pid_namespace,
    a_new_network_namespace,
    a_new_ipc_namespace,
    a_new_uts_namespace,
    a_new_mount_namespace,
    a_new_cgroup_namespace,
    a_new_user_namespace,
    a_new_time_namespace,
    the_pid_namespace_is_inherited,
    the_network_namespace_is_inherited,
    the_ipc_namespace_is_inherited,
    the_uts_namespace_is_inherited,
    the_cgroup_namespace_is_inherited,
    the_user_namespace_is_inherited,
    the_time_namespace_is_inherited,
    joins_a_pid_namespace,
    joins_a_network_namespace,
    joins_an_ipc_namespace,
    joins_a_uts_namespace,
    joins_a_cgroup_namespace,
    joins_a_user_namespace,
    joins_a_time_namespace,
    joins_several_at_once,
    joins_a_bound_file,
    all_eight_new_at_once,
    loopback_is_up_in_a_new_network,
    the_process_of_a_joined_pid_namespace_is_not_1,
    the_caller_stays_in_its_namespaces,
    the_cgroup_namespace_hides_the_path,
    the_host_processes_are_hidden,
    time_offsets_move_the_clocks,
    time_offsets_reach_exec,
    time_offsets_in_a_new_user_namespace,
    time_offsets_of_an_ordinary_user,
];

fn a_new_pid_namespace() {
    is_new("pid", "pid");
}

fn a_new_network_namespace() {
    is_new("network", "net");
}

fn a_new_ipc_namespace() {
    is_new("ipc", "ipc");
}

fn a_new_uts_namespace() {
    is_new("uts", "uts");
}

fn a_new_mount_namespace() {
    let seen = Bundle::new().look(&["namespaces"]);
    assert_ne!(seen["namespaces"]["mnt"], host::namespace("thread-self", "mnt"));
}

fn a_new_cgroup_namespace() {
    is_new("cgroup", "cgroup");
}

fn a_new_user_namespace() {
    let seen = Bundle::new().user_namespace().look(&["namespaces"]);
    assert_ne!(seen["namespaces"]["user"], host::namespace("self", "user"));
}

fn a_new_time_namespace() {
    is_new("time", "time");
}

fn the_pid_namespace_is_inherited() {
    is_inherited("pid", "pid");
}

fn the_network_namespace_is_inherited() {
    is_inherited("network", "net");
}

fn the_ipc_namespace_is_inherited() {
    is_inherited("ipc", "ipc");
}

fn the_uts_namespace_is_inherited() {
    is_inherited("uts", "uts");
}

fn the_cgroup_namespace_is_inherited() {
    is_inherited("cgroup", "cgroup");
}

fn the_user_namespace_is_inherited() {
    is_inherited("user", "user");
}

fn the_time_namespace_is_inherited() {
    is_inherited("time", "time");
}

fn joins_a_pid_namespace() {
    is_joined(Bundle::new(), "pid", "pid");
}

fn joins_a_network_namespace() {
    is_joined(Bundle::new(), "network", "net");
}

fn joins_an_ipc_namespace() {
    is_joined(Bundle::new(), "ipc", "ipc");
}

fn joins_a_uts_namespace() {
    is_joined(Bundle::new(), "uts", "uts");
}

fn joins_a_cgroup_namespace() {
    is_joined(Bundle::new().namespace("cgroup"), "cgroup", "cgroup");
}

fn joins_a_user_namespace() {
    is_joined(Bundle::new().user_namespace(), "user", "user");
}

fn joins_a_time_namespace() {
    is_joined(Bundle::new().namespace("time"), "time", "time");
}

fn joins_several_at_once() {
    let first = Bundle::new().sleeping();
    let second = ["network", "ipc", "uts", "pid"]
        .into_iter()
        .fold(first.beside().without("hostname"), |bundle, kind| {
            bundle.join(kind, path_of(&first, file_of(kind)))
        });
    let seen = second.look(&["namespaces"]);
    for kind in ["net", "ipc", "uts", "pid"] {
        assert_eq!(seen["namespaces"][kind], host::namespace(&first.pid().to_string(), kind));
    }
}

fn joins_a_bound_file() {
    let first = Bundle::new().sleeping();
    let file = host::Mount::bind(&path_of(&first, "net"), first.host_file("net", ""));
    let seen = first.beside().join("network", file.path()).look(&["namespaces"]);
    assert_eq!(seen["namespaces"]["net"], host::namespace(&first.pid().to_string(), "net"));
}

fn all_eight_new_at_once() {
    let bundle = Bundle::new().user_namespace();
    let seen = bundle.namespace("cgroup").namespace("time").look(&["namespaces"]);
    for kind in ["pid", "net", "ipc", "uts", "cgroup", "user", "time"] {
        assert_ne!(seen["namespaces"][kind], host::namespace("self", kind), "{kind}");
    }
}

fn loopback_is_up_in_a_new_network() {
    assert_eq!(Bundle::new().look(&["loopback"])["loopback"], "ok");
}

fn the_process_of_a_joined_pid_namespace_is_not_1() {
    let first = Bundle::new().sleeping();
    let seen = first.beside().join("pid", path_of(&first, "pid")).look(&["self"]);
    assert!(seen["self"]["pid"].as_i64().unwrap() > 1);
}

fn the_caller_stays_in_its_namespaces() {
    let kinds = ["pid", "net", "ipc", "uts", "cgroup", "user", "time"];
    let before = kinds.map(|kind| host::namespace("self", kind));
    Bundle::new().namespace("cgroup").look(&["self"]);
    assert_eq!(kinds.map(|kind| host::namespace("self", kind)), before);
}

fn the_cgroup_namespace_hides_the_path() {
    let seen = Bundle::new().namespace("cgroup").look(&["read /proc/self/cgroup"]);
    let text = seen["read /proc/self/cgroup"].as_str().unwrap();
    assert!(text.lines().all(|line| line.ends_with(":/") || line.contains("/..")), "{text}");
    let memory = text.lines().find(|line| line.contains("memory") || line.starts_with("0::"));
    assert!(memory.unwrap().ends_with(":/"), "{text}");
}

fn the_host_processes_are_hidden() {
    let seen = Bundle::new().look(&["list /proc"]);
    let names = seen["list /proc"].as_array().unwrap();
    let pids: Vec<_> =
        names.iter().filter(|name| name.as_str().unwrap().parse::<u32>().is_ok()).collect();
    assert_eq!(pids, ["1"]);
}

fn time_offsets_move_the_clocks() {
    let seen = with_offsets(Bundle::new()).look(&["clock"]);
    let own = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    let moved = seen["clock"]["monotonic"].as_i64().unwrap() - own;
    assert!((7770..=7778).contains(&moved), "{moved}");
    check_offsets(&seen);
}

fn time_offsets_reach_exec() {
    let container = with_offsets(Bundle::new()).sleeping();
    check_offsets(&container.exec(&[], &["clock"]).seen());
}

fn time_offsets_in_a_new_user_namespace() {
    let map = json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }]);
    let bundle = with_offsets(Bundle::new().owned_by(100_000)).namespace("user");
    let container =
        bundle.set("linux.uidMappings", map.clone()).set("linux.gidMappings", map).sleeping();
    check_offsets(&container.exec(&[], &["clock"]).seen());
}

fn time_offsets_of_an_ordinary_user() {
    let container = with_offsets(Bundle::rootless()).sleeping();
    check_offsets(&container.exec(&[], &["clock"]).seen());
}

fn with_offsets(bundle: Bundle) -> Bundle {
    let offsets = json!({
        "monotonic": { "secs": 7777, "nanosecs": 2_718_281 },
        "boottime": { "secs": 1337, "nanosecs": 3_141_519 },
    });
    bundle.namespace("time").set("linux.timeOffsets", offsets)
}

fn check_offsets(seen: &Seen) {
    let text = seen["clock"]["offsets"].as_str().unwrap();
    let words: Vec<_> = text.split_whitespace().collect();
    assert_eq!(words, ["monotonic", "7777", "2718281", "boottime", "1337", "3141519"]);
}

fn is_new(kind: &str, file: &str) {
    let seen = Bundle::new().without_namespace(kind).namespace(kind).look(&["namespaces"]);
    assert_ne!(seen["namespaces"][file], host::namespace("self", file));
}

fn is_inherited(kind: &str, file: &str) {
    let mut bundle = Bundle::new().without_namespace(kind);
    if kind == "uts" {
        bundle = bundle.without("hostname");
    }
    if kind == "network" {
        bundle = bundle.without_mounts("/sys");
    }
    let seen = bundle.look(&["namespaces"]);
    assert_eq!(seen["namespaces"][file], host::namespace("self", file));
}

fn is_joined(first: Bundle, kind: &str, file: &str) {
    let first = first.sleeping();
    let mut second = first.beside().join(kind, path_of(&first, file));
    if kind == "uts" {
        second = second.without("hostname");
    }
    if kind == "user" {
        second = second.owned_by(100_000);
    }
    let seen = second.look(&["namespaces"]);
    assert_eq!(seen["namespaces"][file], host::namespace(&first.pid().to_string(), file));
    assert_ne!(seen["namespaces"][file], host::namespace("self", file));
}

fn path_of(container: &Bundle, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/ns/{file}", container.pid()))
}

fn file_of(kind: &str) -> &str {
    if kind == "network" { "net" } else { kind }
}

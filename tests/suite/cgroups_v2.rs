//! Control groups, version 2: limits read back on the machine, and the mount in the container.

use std::fs;
use std::path::{Path, PathBuf};

use behaviour::{Bundle, Call, host, runtime};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_default_name_is_the_id,
    an_absolute_path,
    a_relative_path,
    delete_removes_groups_made_inside,
    a_group_that_is_there_already,
    an_exec_has_a_group_below,
    an_exec_follows_an_init_that_moved,
    an_exec_follows_an_init_whose_group_is_gone,
    one_clone_into_the_group_and_no_move,
    pids_limit,
    pids_without_limit,
    memory_limits,
    memory_and_swap,
    unlimited_memory,
    cpu_quota_and_period,
    cpu_shares_are_a_weight,
    cpu_idle,
    cpu_sets,
    unified_files,
    an_unknown_unified_file,
    limits_of_one_container_only,
    an_update,
    a_paused_container_is_frozen,
    the_mount_is_of_version_2,
    the_mount_is_read_only,
    the_mount_with_a_namespace_shows_its_own,
    the_mount_without_a_namespace_shows_all,
    the_host_keeps_its_mount_options,
];

fn the_default_name_is_the_id() {
    let container = Bundle::new().created();
    let own = host::cgroup_v2(std::process::id() as i32);
    assert_eq!(host::cgroup_v2(container.pid()), own.with_file_name(&container.id));
}

fn an_absolute_path() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    assert_eq!(host::cgroup_v2(container.pid()), Path::new("/sys/fs/cgroup").join(&path[1..]));
}

fn a_relative_path() {
    let bundle = Bundle::new();
    let path = format!("{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    let own = host::cgroup_v2(std::process::id() as i32);
    assert_eq!(host::cgroup_v2(container.pid()), own.with_file_name(path));
}

fn delete_removes_groups_made_inside() {
    let mut container = Bundle::new().sleeping();
    fs::create_dir_all(host::cgroup_v2(container.pid()).join("inner/most")).unwrap();
    container.kill("KILL").ok();
    container.wait_for("stopped");
    container.delete().ok();
    assert_eq!(host::cgroups_named(&container.id), Vec::<PathBuf>::new());
}

fn a_group_that_is_there_already() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    fs::create_dir(format!("/sys/fs/cgroup{path}")).unwrap();
    let container = bundle.set("linux.cgroupsPath", path).set("linux.resources.pids.limit", 9);
    assert_eq!(value_of(&container.created(), "pids.max"), "9");
}

fn an_exec_has_a_group_below() {
    let container = Bundle::new().sleeping();
    let group = host::cgroup_v2(container.pid()).join("below");
    fs::create_dir(&group).unwrap();
    let step = "read /proc/self/cgroup";
    let seen = container.exec(&["--cgroup", "below"], &[step]).seen();
    let inside = group.strip_prefix("/sys/fs/cgroup").unwrap();
    assert_eq!(seen[step], format!("0::/{}", inside.display()));
}

/// An init system hands controllers down, and the container's own cgroup takes nobody any more.
fn an_exec_follows_an_init_that_moved() {
    let container = Bundle::new().sleeping();
    let group = host::cgroup_v2(container.pid());
    let inner = group.join("init.scope");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("cgroup.procs"), container.pid().to_string()).unwrap();
    fs::write(group.join("cgroup.subtree_control"), "+memory").unwrap();
    let step = "read /proc/self/cgroup";
    let seen = container.exec(&[], &[step]).seen();
    let inside = inner.strip_prefix("/sys/fs/cgroup").unwrap();
    assert_eq!(seen[step], format!("0::/{}", inside.display()));
    let refused = container.exec(&["--cgroup", "/"], &[step]).fails_with("error adding pid ");
    refused.fails_with("device or resource busy");
}

fn an_exec_follows_an_init_whose_group_is_gone() {
    let container = Bundle::new().sleeping();
    let group = host::cgroup_v2(container.pid());
    let other = group.with_file_name(format!("{}-other", container.id));
    fs::create_dir(&other).unwrap();
    fs::write(other.join("cgroup.procs"), container.pid().to_string()).unwrap();
    fs::remove_dir(&group).unwrap();
    let step = "read /proc/self/cgroup";
    let seen = container.exec(&[], &[step]).seen();
    let inside = other.strip_prefix("/sys/fs/cgroup").unwrap();
    assert_eq!(seen[step], format!("0::/{}", inside.display()));
    container.call_with("delete", &["--force"]).finish().ok();
    fs::remove_dir(&other).unwrap();
}

/// Moving a process takes a lock that waits for every CPU; being born in a cgroup does not.
fn one_clone_into_the_group_and_no_move() {
    let bundle = Bundle::new().steps(&["print run"]);
    fs::write(bundle.path().join("config.json"), bundle.config_text()).unwrap();
    let log = bundle.scratch("calls");
    let call = Call::new(Path::new("strace")).args(&["-f", "-o"]).arg(&log);
    let call = call.args(&["-e", "trace=clone,clone3,fork,vfork,open,openat,openat2"]);
    let call = call.arg(runtime().path()).arg("--root").arg(bundle.root());
    call.args(&["run", "--bundle"]).arg(bundle.path()).arg(&bundle.id).finish().ok();
    let calls = fs::read_to_string(&log).unwrap();
    let made: Vec<&str> = calls
        .lines()
        .filter(|line| ["clone(", "clone3(", "fork("].iter().any(|call| line.contains(call)))
        .collect();
    assert!(made.len() == 1 && made[0].contains("CLONE_INTO_CGROUP"), "{made:#?}");
    assert!(!calls.contains("cgroup.procs"), "{calls}");
}

fn pids_limit() {
    assert_value(json!({ "pids": { "limit": 12 } }), &[("pids.max", "12")]);
}

fn pids_without_limit() {
    assert_value(json!({ "pids": { "limit": -1 } }), &[("pids.max", "max")]);
}

fn memory_limits() {
    let memory = json!({ "limit": 64 << 20, "reservation": 32 << 20 });
    let files = [("memory.max", "67108864"), ("memory.low", "33554432")];
    assert_value(json!({ "memory": memory }), &files);
}

fn memory_and_swap() {
    // The document has memory and swap in one number, the kernel only swap.
    let memory = json!({ "limit": 32 << 20, "swap": 48 << 20 });
    let files = [("memory.max", "33554432"), ("memory.swap.max", "16777216")];
    assert_value(json!({ "memory": memory }), &files);
}

fn unlimited_memory() {
    let memory = json!({ "limit": -1, "swap": -1 });
    let files = [("memory.max", "max"), ("memory.swap.max", "max")];
    assert_value(json!({ "memory": memory }), &files);
}

fn cpu_quota_and_period() {
    let cpu = json!({ "quota": 25_000, "period": 50_000 });
    assert_value(json!({ "cpu": cpu }), &[("cpu.max", "25000 50000")]);
}

fn cpu_shares_are_a_weight() {
    // The least and the most that version 1 knows are those of version 2.
    for (shares, weight) in [(2, "1"), (262_144, "10000")] {
        assert_value(json!({ "cpu": { "shares": shares } }), &[("cpu.weight", weight)]);
    }
}

fn cpu_idle() {
    assert_value(json!({ "cpu": { "idle": 1 } }), &[("cpu.idle", "1")]);
}

fn cpu_sets() {
    let cpu = json!({ "cpus": "1", "mems": "0" });
    let container = Bundle::new().set("linux.resources.cpu", cpu).sleeping();
    assert_eq!(value_of(&container, "cpuset.cpus"), "1");
    assert_eq!(value_of(&container, "cpuset.mems"), "0");
    assert_eq!(container.exec(&[], &["self"]).seen()["self"]["affinity"], "1");
}

fn unified_files() {
    let unified = json!({ "memory.high": "50331648", "pids.max": "7", "cpu.weight": "42" });
    let files = [("memory.high", "50331648"), ("pids.max", "7"), ("cpu.weight", "42")];
    assert_value(json!({ "unified": unified }), &files);
}

fn an_unknown_unified_file() {
    let unified = json!({ "memory.nothing": "1" });
    let mut bundle = Bundle::new().set("linux.resources.unified", unified);
    bundle.create().fails_with("memory.nothing");
}

fn limits_of_one_container_only() {
    let first = Bundle::new().set("linux.resources.pids.limit", 12).created();
    let second = first.beside().created();
    assert_eq!(value_of(&second, "pids.max"), "max");
}

fn an_update() {
    let container = Bundle::new().set("linux.resources.pids.limit", 12).sleeping();
    let update = ["--pids-limit", "20", "--memory", "67108864", "--cpu-quota", "30000"];
    container.call_with("update", &update).finish().ok();
    assert_eq!(value_of(&container, "pids.max"), "20");
    assert_eq!(value_of(&container, "memory.max"), "67108864");
    assert_eq!(value_of(&container, "cpu.max"), "30000 100000");
}

fn a_paused_container_is_frozen() {
    let container = Bundle::new().sleeping();
    container.call_with("pause", &[]).finish().ok();
    assert_eq!(value_of(&container, "cgroup.freeze"), "1");
    assert!(value_of(&container, "cgroup.events").contains("frozen 1"));
    assert_eq!(container.status(), "paused");
    container.call_with("resume", &[]).finish().ok();
    assert!(value_of(&container, "cgroup.events").contains("frozen 0"));
    assert_eq!(container.status(), "running");
}

fn the_mount_is_of_version_2() {
    let seen = Bundle::new().look(&["mounts", "statfs /sys/fs/cgroup"]);
    assert_eq!(seen.mount("/sys/fs/cgroup")["type"], "cgroup2");
    assert_eq!(seen["statfs /sys/fs/cgroup"]["magic"], "63677270");
}

fn the_mount_is_read_only() {
    let step = "mkdir /sys/fs/cgroup/x";
    assert_eq!(Bundle::new().look(&[step])[step], "EROFS");
}

fn the_mount_with_a_namespace_shows_its_own() {
    let steps = ["read /proc/self/cgroup", "read /sys/fs/cgroup/cgroup.procs", "mounts"];
    let seen = Bundle::new().namespace("cgroup").look(&steps);
    assert_eq!(seen[steps[0]], "0::/");
    assert_eq!(seen[steps[1]], "1");
    assert_eq!(seen.mount("/sys/fs/cgroup")["root"], "/");
}

/// `/proc/self/cgroup` has the path from the top, where programs look it up.
fn the_mount_without_a_namespace_shows_all() {
    let path = format!("/behaviour-{}", std::process::id());
    let read = format!("read /sys/fs/cgroup{path}/cgroup.procs");
    let bundle = Bundle::new().set("linux.cgroupsPath", path.as_str());
    let seen = bundle.look(&["read /proc/self/cgroup", &read]);
    assert_eq!(seen["read /proc/self/cgroup"], format!("0::{path}"));
    assert_eq!(seen[&read], "1");
}

fn the_host_keeps_its_mount_options() {
    let options = || {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        mounts.lines().find(|line| line.contains(" - cgroup2 ")).unwrap().to_owned()
    };
    let before = options();
    Bundle::new().look(&["mounts"]);
    assert_eq!(options(), before);
}

/// Demands contents of files of a container with these resources.
#[track_caller]
fn assert_value(resources: Value, files: &[(&str, &str)]) {
    let mut bundle = Bundle::new();
    for (kind, value) in resources.as_object().unwrap() {
        bundle = bundle.set(&format!("linux.resources.{kind}"), value.clone());
    }
    let container = bundle.created();
    for (file, value) in files {
        assert_eq!(value_of(&container, file), *value, "{file}");
    }
}

fn value_of(container: &Bundle, file: &str) -> String {
    host::control_file(container.pid(), "", file)
}

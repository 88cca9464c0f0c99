//! Control groups made by systemd: units, their properties, and what systemd does with them later.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use behaviour::{Bundle, host};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_scope_in_a_slice,
    a_scope_without_a_path,
    nested_slices,
    a_bad_path_is_refused,
    limits_are_properties,
    a_quota_is_rounded_up_to_a_percent,
    unified_files_are_properties,
    one_task_is_enough,
    annotations_are_properties,
    a_bad_annotation_is_refused,
    an_unknown_property_is_refused,
    update_changes_the_unit,
    exec_is_in_the_scope,
    pause_and_resume,
    stopping_the_unit_ends_the_container,
    a_failed_unit_is_forgotten,
    a_unit_that_is_there_already,
    a_frozen_cgroup_is_refused,
    delete_removes_the_unit,
    a_failed_create_leaves_no_unit,
    the_owner_of_a_user_namespace_has_the_scope;
    // A reload takes controllers away that systemd has not switched on.
    alone: idle_or_a_weight, devices_survive_a_reload,
];

const SLICE: &str = "behaviour.slice";

/// A bundle whose container gets a scope of systemd's in a slice of the tests'.
fn bundle() -> Bundle {
    let bundle = Bundle::new();
    let path = format!("{SLICE}:box:{}", bundle.id);
    bundle.global(&["--systemd-cgroup"]).set("linux.cgroupsPath", path)
}

fn unit(bundle: &Bundle) -> String {
    format!("box-{}.scope", bundle.id)
}

#[track_caller]
fn systemctl(arguments: &[&str]) -> String {
    // The suite has a pid namespace of its own: systemctl takes that for a chroot, and cannot do without
    // the bus there.
    let mut command = Command::new("systemctl");
    command.args(arguments).env("SYSTEMD_IGNORE_CHROOT", "1").env("SYSTEMCTL_FORCE_BUS", "1");
    let output = command.output().expect("run systemctl");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A property of the container's unit.
fn property(bundle: &Bundle, name: &str) -> String {
    systemctl(&["show", "--value", "--property", name, &unit(bundle)])
}

fn folder(bundle: &Bundle) -> PathBuf {
    PathBuf::from(format!("/sys/fs/cgroup{}", property(bundle, "ControlGroup")))
}

fn file(bundle: &Bundle, name: &str) -> String {
    let path = folder(bundle).join(name);
    let text = fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("read {}: {error}", path.display())).trim_end().to_owned()
}

fn a_scope_in_a_slice() {
    let container = bundle().sleeping();
    assert_eq!(property(&container, "ActiveState"), "active");
    assert_eq!(property(&container, "Slice"), SLICE);
    assert_eq!(property(&container, "Delegate"), "yes");
    assert_eq!(property(&container, "NeedDaemonReload"), "no");
    assert_eq!(file(&container, "cgroup.procs"), container.pid().to_string());
}

fn a_scope_without_a_path() {
    let container = bundle().without("linux.cgroupsPath").sleeping();
    let folder = host::cgroup_v2(container.pid());
    assert!(folder.ends_with(format!("system.slice/orun-{}.scope", container.id)), "{folder:?}");
}

fn nested_slices() {
    let bundle = bundle();
    let path = format!("behaviour-a-b.slice:box:{}", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path).sleeping();
    let expected =
        format!("/behaviour.slice/behaviour-a.slice/behaviour-a-b.slice/{}", unit(&container));
    assert_eq!(property(&container, "ControlGroup"), expected);
}

fn a_bad_path_is_refused() {
    let text = "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups";
    bundle().set("linux.cgroupsPath", "/a/b").create().fails_with(text);
    for path in ["a/b.slice:p:n", "a--b.slice:p:n", "a:p:n"] {
        bundle().set("linux.cgroupsPath", path).create().fails_with("linux.cgroupsPath");
    }
}

fn limits_are_properties() {
    let resources = json!({
        "memory": { "limit": 64 << 20, "swap": 96 << 20, "reservation": 32 << 20 },
        "cpu": { "shares": 512, "quota": 50_000, "period": 50_000, "cpus": "0", "mems": "0" },
        "pids": { "limit": 33 },
    });
    let container = bundle().set("linux.resources", resources).sleeping();
    for (name, expected) in [
        ("MemoryMax", "67108864"),
        ("MemorySwapMax", "33554432"),
        ("MemoryLow", "33554432"),
        ("CPUWeight", "59"),
        ("CPUQuotaPerSecUSec", "1s"),
        ("CPUQuotaPeriodUSec", "50ms"),
        ("AllowedCPUs", "0"),
        ("AllowedMemoryNodes", "0"),
        ("TasksMax", "33"),
        ("DevicePolicy", "strict"),
    ] {
        assert_eq!(property(&container, name), expected, "{name}");
    }
    for (name, expected) in [
        ("memory.max", "67108864"),
        ("memory.swap.max", "33554432"),
        ("memory.low", "33554432"),
        ("cpu.weight", "59"),
        ("cpu.max", "50000 50000"),
        ("cpuset.cpus", "0"),
        ("cpuset.mems", "0"),
        ("pids.max", "33"),
    ] {
        assert_eq!(file(&container, name), expected, "{name}");
    }
}

fn a_quota_is_rounded_up_to_a_percent() {
    let cpu = json!({ "quota": 1_234, "period": 100_000 });
    let container = bundle().set("linux.resources.cpu", cpu).sleeping();
    assert_eq!(property(&container, "CPUQuotaPerSecUSec"), "20ms");
    // systemd writes what it has rounded again and again, so that is what is in force.
    assert_eq!(file(&container, "cpu.max"), "2000 100000");
}

fn unified_files_are_properties() {
    let unified = json!({
        "memory.high": "50331648", "pids.max": "44", "memory.oom.group": "1", "cpu.weight": "77",
    });
    let container = bundle().set("linux.resources.unified", unified).sleeping();
    assert_eq!(property(&container, "MemoryHigh"), "50331648");
    assert_eq!(property(&container, "TasksMax"), "44");
    assert_eq!(property(&container, "CPUWeight"), "77");
    assert_eq!(file(&container, "memory.oom.group"), "1");
}

/// What holds the scope until the container is in it counts as a task.
fn one_task_is_enough() {
    let container = bundle().set("linux.resources.pids.limit", 1).sleeping();
    assert_eq!(property(&container, "TasksMax"), "1");
    assert_eq!(file(&container, "pids.max"), "1");
    assert_eq!(file(&container, "pids.current"), "1");
}

fn annotations_are_properties() {
    let annotations = json!({
        "org.systemd.property.TimeoutStopSec": "uint64 7",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.Documentation": "['man:box(7)']",
    });
    let container = bundle().set("annotations", annotations).sleeping();
    assert_eq!(property(&container, "TimeoutStopUSec"), "7s");
    assert_eq!(property(&container, "CollectMode"), "inactive-or-failed");
    assert_eq!(property(&container, "Documentation").trim_matches('"'), "man:box(7)");
}

fn a_bad_annotation_is_refused() {
    let annotations = json!({ "org.systemd.property.After": "no quotes" });
    let done = bundle().set("annotations", annotations).create().fails();
    assert!(done.stderr.contains("org.systemd.property.After"), "{done}");
}

fn an_unknown_property_is_refused() {
    let annotations = json!({ "org.systemd.property.NoSuchThing": "true" });
    let mut bundle = bundle().set("annotations", annotations);
    let done = bundle.create().fails();
    assert!(done.stderr.contains("NoSuchThing"), "{done}");
    assert_eq!(systemctl(&["list-units", "--all", "--no-legend", &unit(&bundle)]), "");
}

fn update_changes_the_unit() {
    let cpu = json!({ "quota": 50_000, "period": 100_000 });
    let container = bundle().set("linux.resources.cpu", cpu).sleeping();
    let update = |options: &[&str]| {
        container.call("update").args(options).arg(&container.id).finish().ok();
    };
    update(&["--memory", "64M", "--pids-limit", "12"]);
    assert_eq!(property(&container, "MemoryMax"), "67108864");
    assert_eq!(property(&container, "TasksMax"), "12");
    assert_eq!(file(&container, "memory.max"), "67108864");
    // A period alone keeps the quota, of which systemd knows the ratio only.
    update(&["--cpu-period", "50000"]);
    assert_eq!(file(&container, "cpu.max"), "50000 50000");
    assert_eq!(property(&container, "CPUQuotaPerSecUSec"), "1s");
    update(&["--cpu-quota", "-1", "--memory", "-1"]);
    assert_eq!(property(&container, "CPUQuotaPerSecUSec"), "infinity");
    // The period is still the one that the next quota is for, unless systemd has written its own:
    // it keeps none without a quota, and may write again when other units come and go.
    let is_one_of = |texts: [&str; 2]| {
        let limit = file(&container, "cpu.max");
        assert!(texts.contains(&limit.as_str()), "{limit}");
    };
    is_one_of(["max 50000", "max 100000"]);
    update(&["--cpu-quota", "10000"]);
    is_one_of(["10000 50000", "10000 100000"]);
    assert_eq!(property(&container, "MemoryMax"), "infinity");
    assert_eq!(property(&container, "TasksMax"), "12");
}

fn idle_or_a_weight() {
    let container = bundle().sleeping();
    let state = || {
        let now = file(&container, "cpu.idle") + " " + &property(&container, "CPUWeight");
        systemctl(&["daemon-reload"]);
        assert_eq!(now, file(&container, "cpu.idle") + " " + &property(&container, "CPUWeight"));
        now
    };
    let update = |resources: serde_json::Value| {
        let update = container.call("update").args(&["--resources", "-"]).arg(&container.id);
        update.stdin(&resources.to_string()).finish().ok().stderr
    };
    let (both, idle) = ("unable to apply both", "1 idle");
    for _ in 0..2 {
        let warning = update(json!({ "cpu": { "shares": 200, "idle": 1 } }));
        assert!(warning.contains(both), "{warning}");
        assert_eq!(state(), idle);
    }
    // To systemd both are one property: the later one counts.
    assert_eq!(update(json!({ "cpu": { "shares": 200 } })), "");
    assert_eq!(state(), "0 29");
    let warning = update(json!({ "unified": { "cpu.idle": "1", "cpu.weight": "8" } }));
    assert!(warning.contains(both), "{warning}");
    assert_eq!(state(), idle);
    update(json!({ "unified": { "cpu.weight": "8" } }));
    assert_eq!(state(), "0 8");
    update(json!({ "cpu": { "idle": 0 } }));
    assert_eq!(state(), "0 8");
    update(json!({ "cpu": { "idle": 1 } }));
    update(json!({ "cpu": { "idle": 0 } }));
    assert_eq!(state(), "0 100");
}

fn devices_survive_a_reload() {
    let rule = json!({ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" });
    let sets = ["bounding", "permitted", "effective"];
    let bundle = sets.into_iter().fold(bundle().writable(), |bundle, set| {
        bundle.push(&format!("process.capabilities.{set}"), "CAP_MKNOD")
    });
    let container = bundle.push("linux.resources.devices", rule).sleeping();
    let steps = [
        "mknod /tmp/fuse c 10 229",
        "mknod /tmp/mem c 1 1",
        "open /tmp/fuse rw",
        "open /tmp/mem r",
        "open /dev/null rw",
        "open /dev/ptmx rw",
    ];
    let allowed = |made: &str| {
        let seen = container.exec(&[], &steps).seen();
        assert_eq!(seen["mknod /tmp/fuse c 10 229"], made);
        // ENODEV or ENXIO is a device that nobody drives: the rules let it through.
        assert_ne!(seen["open /tmp/fuse rw"], "EPERM");
        assert_eq!(seen["open /tmp/mem r"], "EPERM");
        assert_eq!(seen["open /dev/null rw"], "ok");
        assert_eq!(seen["open /dev/ptmx rw"], "ok");
    };
    allowed("ok");
    systemctl(&["daemon-reload"]);
    allowed("EEXIST");
    assert_eq!(property(&container, "NeedDaemonReload"), "no");
}

fn exec_is_in_the_scope() {
    let container = bundle().sleeping();
    let inside = container.exec(&[], &["read /proc/self/cgroup"]).seen();
    assert_eq!(
        inside["read /proc/self/cgroup"],
        format!("0::{}", property(&container, "ControlGroup"))
    );
}

fn pause_and_resume() {
    let container = bundle().sleeping();
    container.call("pause").arg(&container.id).finish().ok();
    assert_eq!(container.status(), "paused");
    container.call("resume").arg(&container.id).finish().ok();
    assert_eq!(container.status(), "running");
}

fn stopping_the_unit_ends_the_container() {
    let mut container = bundle().sleeping();
    systemctl(&["kill", "--signal", "KILL", &unit(&container)]);
    systemctl(&["stop", &unit(&container)]);
    container.wait_for("stopped");
    assert_ne!(property(&container, "ActiveState"), "active");
    container.delete().ok();
}

/// `systemctl status` exits with 3 for a failed unit, with 4 for an unknown one.
fn a_failed_unit_is_forgotten() {
    let annotations = json!({
        "org.systemd.property.RuntimeMaxUSec": "uint64 3000000",
        "org.systemd.property.TimeoutStopUSec": "uint64 100000",
    });
    let mut container = bundle().set("annotations", annotations).sleeping();
    container.wait_for("stopped");
    host::eventually("the unit has failed", || property(&container, "ActiveState") == "failed");
    container.delete().ok();
    assert_eq!(property(&container, "LoadState"), "not-found");
}

fn a_unit_that_is_there_already() {
    let mut first = bundle().sleeping();
    let path = format!("{SLICE}:box:{}", first.id);
    let mut second = first.beside().global(&["--systemd-cgroup"]).set("linux.cgroupsPath", path);
    let done = second.create().fails();
    assert!(done.stderr.contains(&unit(&first)), "{done}");
    assert!(done.stderr.contains("container's cgroup is not empty: 1 process"), "{done}");
    assert_eq!(first.status(), "running");
    first.delete_force().ok();
    assert_eq!(property(&first, "LoadState"), "not-found");
}

fn a_frozen_cgroup_is_refused() {
    let mut container = bundle();
    let folder = PathBuf::from(format!("/sys/fs/cgroup/{SLICE}/{}", unit(&container)));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cgroup.freeze"), "1").unwrap();
    let done = container.create().fails();
    assert!(done.stderr.contains("container's cgroup unexpectedly frozen"), "{done}");
    fs::remove_dir(folder).unwrap();
    assert_eq!(property(&container, "LoadState"), "not-found");
}

fn delete_removes_the_unit() {
    let mut container = bundle().sleeping();
    fs::create_dir_all(folder(&container).join("inner/most")).unwrap();
    let folder = folder(&container);
    container.delete_force().ok();
    assert!(!folder.exists());
    assert_eq!(property(&container, "LoadState"), "not-found");
}

fn a_failed_create_leaves_no_unit() {
    let mut bundle = bundle().set("process.args", json!(["/no/such/program"]));
    bundle.create().fails();
    assert_eq!(property(&bundle, "LoadState"), "not-found");
    let mut bundle = self::bundle().set("linux.resources.unified", json!({ "memory.nope": "1" }));
    bundle.create().fails();
    assert_eq!(property(&bundle, "LoadState"), "not-found");
}

fn the_owner_of_a_user_namespace_has_the_scope() {
    let cgroup = json!({
        "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "relatime"],
    });
    let owned = bundle().user_namespace().namespace("cgroup");
    let container = owned.without_mounts("/sys/fs/cgroup").push("mounts", cgroup).sleeping();
    let owner = |path: PathBuf| std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).unwrap());
    let map = fs::read_to_string(format!("/proc/{}/uid_map", container.pid())).unwrap();
    let root: u32 = map.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(owner(folder(&container)), root);
    assert_eq!(owner(folder(&container).join("cgroup.procs")), root);
    assert_eq!(owner(folder(&container).join("memory.max")), 0);
}

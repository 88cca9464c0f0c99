//! Control groups, version 1: limits read back on the machine and felt inside.

use std::fs;
use std::path::Path;

use behaviour::{Bundle, host};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_default_name_is_the_id,
    an_absolute_path,
    a_relative_path,
    the_container_is_in_every_hierarchy,
    exec_is_in_the_same_groups,
    delete_removes_the_groups,
    delete_removes_groups_made_inside,
    a_group_that_is_there_already,
    a_group_with_processes_is_refused,
    pids_limit,
    pids_limit_stops_a_fork,
    pids_without_limit,
    memory_limit,
    memory_limit_kills,
    memory_reservation,
    memory_swap,
    memory_swappiness,
    memory_without_oom_killer,
    a_memory_limit_that_is_too_low,
    cpu_shares,
    cpu_quota_and_period,
    cpu_sets,
    block_io_throttle,
    devices_are_denied,
    default_devices_are_allowed,
    an_allowed_device,
    an_allowed_device_for_reading_only,
    a_later_rule_wins,
    device_rules_hold_in_exec,
    no_rules_allow_the_default_devices,
    unified_is_refused,
    limits_of_one_container_only,
];

fn the_default_name_is_the_id() {
    let container = Bundle::new().created();
    for controller in ["pids", "memory", "cpu", "devices", "freezer"] {
        let own = host::cgroup(std::process::id() as i32, controller);
        assert_eq!(host::cgroup(container.pid(), controller), own.join(&container.id));
    }
}

fn an_absolute_path() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    for controller in ["pids", "memory", "cpu", "devices"] {
        let expected = format!("/sys/fs/cgroup/{controller}{path}");
        assert_eq!(host::cgroup(container.pid(), controller), Path::new(&expected));
    }
}

fn a_relative_path() {
    let bundle = Bundle::new();
    let path = format!("{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    let own = host::cgroup(std::process::id() as i32, "memory");
    assert_eq!(host::cgroup(container.pid(), "memory"), own.join(path));
}

fn the_container_is_in_every_hierarchy() {
    let container = Bundle::new().created();
    let text = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
    for line in text.lines().filter(|line| is_mounted(line)) {
        assert!(line.ends_with(&container.id), "{text}");
    }
}

/// A hierarchy that somebody else mounts elsewhere is none of the runtime's business.
fn is_mounted(line: &str) -> bool {
    let controller = line.split(':').nth(1).unwrap().trim_start_matches("name=");
    !controller.is_empty() && Path::new("/sys/fs/cgroup").join(controller).join("tasks").exists()
}

fn exec_is_in_the_same_groups() {
    let container = Bundle::new().sleeping();
    let inside = container.exec(&[], &["read /proc/self/cgroup"]).seen();
    let outside = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
    assert_eq!(inside["read /proc/self/cgroup"], outside.trim_end());
}

fn delete_removes_the_groups() {
    let mut container = Bundle::new().sleeping();
    assert!(!host::cgroups_named(&container.id).is_empty());
    container.delete_force().ok();
    assert_eq!(host::cgroups_named(&container.id), Vec::<std::path::PathBuf>::new());
}

fn delete_removes_groups_made_inside() {
    let mut container = Bundle::new().sleeping();
    for controller in ["memory", "pids", "freezer"] {
        let group = host::cgroup(container.pid(), controller).join("inner/most");
        fs::create_dir_all(group).unwrap();
    }
    container.kill("KILL").ok();
    container.wait_for("stopped");
    container.delete().ok();
    assert_eq!(host::cgroups_named(&container.id), Vec::<std::path::PathBuf>::new());
}

fn a_group_that_is_there_already() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    fs::create_dir(format!("/sys/fs/cgroup/pids{path}")).unwrap();
    let container = bundle.set("linux.cgroupsPath", path).set("linux.resources.pids.limit", 9);
    assert_eq!(value_of(&container.created(), "pids", "pids.max"), "9");
}

fn a_group_with_processes_is_refused() {
    let first = Bundle::new();
    let path = format!("/{}-group", first.id);
    let first = first.set("linux.cgroupsPath", path.clone()).sleeping();
    let mut second = first.beside().set("linux.cgroupsPath", path);
    second.create().fails();
    assert_eq!(first.status(), "running");
    assert!(host::is_running(first.pid()));
}

fn pids_limit() {
    let container = Bundle::new().set("linux.resources.pids.limit", 12).created();
    assert_eq!(value_of(&container, "pids", "pids.max"), "12");
}

fn pids_limit_stops_a_fork() {
    let seen = Bundle::new().set("linux.resources.pids.limit", 5).look(&["fork 20"]);
    assert_eq!(seen["fork 20"], json!({ "children": 4, "error": "EAGAIN" }));
}

fn pids_without_limit() {
    let container = Bundle::new().set("linux.resources.pids.limit", -1).created();
    assert_eq!(value_of(&container, "pids", "pids.max"), "max");
}

fn memory_limit() {
    let container = Bundle::new().set("linux.resources.memory.limit", 64 << 20).created();
    assert_eq!(value_of(&container, "memory", "memory.limit_in_bytes"), "67108864");
}

fn memory_limit_kills() {
    let bundle = Bundle::new().set("linux.resources.memory", json!({ "limit": 32 << 20 }));
    let mut bundle = bundle.steps(&["eat 8", "eat 200", "print survived"]);
    let done = bundle.run().exits(128 + 9);
    assert!(done.stdout.contains("\"step\":\"eat 8\""), "{done}");
    assert!(!done.stdout.contains("survived"), "{done}");
}

fn memory_reservation() {
    let container = Bundle::new().set("linux.resources.memory.reservation", 32 << 20).created();
    assert_eq!(value_of(&container, "memory", "memory.soft_limit_in_bytes"), "33554432");
}

fn memory_swap() {
    let memory = json!({ "limit": 32 << 20, "swap": 48 << 20 });
    let container = Bundle::new().set("linux.resources.memory", memory).created();
    assert_eq!(value_of(&container, "memory", "memory.limit_in_bytes"), "33554432");
    assert_eq!(value_of(&container, "memory", "memory.memsw.limit_in_bytes"), "50331648");
}

fn memory_swappiness() {
    let container = Bundle::new().set("linux.resources.memory.swappiness", 17).created();
    assert_eq!(value_of(&container, "memory", "memory.swappiness"), "17");
}

fn memory_without_oom_killer() {
    let memory = json!({ "limit": 64 << 20, "disableOOMKiller": true });
    let container = Bundle::new().set("linux.resources.memory", memory).created();
    let text = value_of(&container, "memory", "memory.oom_control");
    assert!(text.contains("oom_kill_disable 1"), "{text}");
}

fn a_memory_limit_that_is_too_low() {
    let mut bundle = Bundle::new().set("linux.resources.memory.limit", 4096);
    let failed = bundle.create().fails();
    assert!(failed.stderr.contains("memory"), "{failed}");
}

fn cpu_shares() {
    let container = Bundle::new().set("linux.resources.cpu.shares", 321).created();
    assert_eq!(value_of(&container, "cpu", "cpu.shares"), "321");
}

fn cpu_quota_and_period() {
    let cpu = json!({ "quota": 25_000, "period": 50_000 });
    let container = Bundle::new().set("linux.resources.cpu", cpu).created();
    assert_eq!(value_of(&container, "cpu", "cpu.cfs_quota_us"), "25000");
    assert_eq!(value_of(&container, "cpu", "cpu.cfs_period_us"), "50000");
}

fn cpu_sets() {
    let cpu = json!({ "cpus": "1", "mems": "0" });
    let container = Bundle::new().set("linux.resources.cpu", cpu).sleeping();
    assert_eq!(value_of(&container, "cpuset", "cpuset.cpus"), "1");
    assert_eq!(value_of(&container, "cpuset", "cpuset.mems"), "0");
    assert_eq!(container.exec(&[], &["self"]).seen()["self"]["affinity"], "1");
}

fn block_io_throttle() {
    let device = fs::read_to_string("/sys/block/vda/dev").unwrap_or_else(|_| "7:0".to_owned());
    let (major, minor) = device.trim().split_once(':').unwrap();
    let (major, minor): (u32, u32) = (major.parse().unwrap(), minor.parse().unwrap());
    let limit = json!([{ "major": major, "minor": minor, "rate": 1_048_576 }]);
    let bundle = Bundle::new().set("linux.resources.blockIO.throttleReadBpsDevice", limit);
    let text = value_of(&bundle.created(), "blkio", "blkio.throttle.read_bps_device");
    assert_eq!(text, format!("{major}:{minor} 1048576"));
}

fn devices_are_denied() {
    let bundle = with_mknod(Bundle::new());
    let seen = bundle.look(&["mknod /tmp/fuse c 10 229", "open /tmp/fuse r"]);
    assert_eq!(seen["mknod /tmp/fuse c 10 229"], "ok");
    assert_eq!(seen["open /tmp/fuse r"], "EPERM");
}

fn default_devices_are_allowed() {
    let steps = [
        "mknod /tmp/null c 1 3",
        "open /tmp/null rw",
        "mknod /tmp/urandom c 1 9",
        "open /tmp/urandom r",
        "open /dev/ptmx rw",
    ];
    let seen = with_mknod(Bundle::new()).look(&steps);
    for step in steps {
        assert_eq!(seen[step], "ok", "{step}");
    }
}

fn an_allowed_device() {
    let bundle = with_rules(&[("c", 10, 229, "rwm")]);
    let seen = bundle.look(&["mknod /tmp/fuse c 10 229", "open /tmp/fuse rw"]);
    assert_eq!(seen["open /tmp/fuse rw"], "ok");
}

fn an_allowed_device_for_reading_only() {
    let bundle = with_rules(&[("c", 10, 229, "r")]);
    let seen = bundle.look(&["mknod /tmp/fuse c 10 229", "open /tmp/fuse r", "open /tmp/fuse w"]);
    assert_eq!(seen["open /tmp/fuse r"], "ok");
    assert_eq!(seen["open /tmp/fuse w"], "EPERM");
}

fn a_later_rule_wins() {
    let bundle = with_rules(&[("c", 10, 229, "rwm")]);
    let deny = json!({ "allow": false, "type": "c", "major": 10, "minor": 229, "access": "w" });
    let bundle = bundle.push("linux.resources.devices", deny);
    let seen = bundle.look(&["mknod /tmp/fuse c 10 229", "open /tmp/fuse r", "open /tmp/fuse w"]);
    assert_eq!(seen["open /tmp/fuse r"], "ok");
    assert_eq!(seen["open /tmp/fuse w"], "EPERM");
}

fn device_rules_hold_in_exec() {
    let container = with_mknod(Bundle::new()).sleeping();
    let steps = ["mknod /tmp/fuse c 10 229", "open /tmp/fuse r", "open /dev/null rw"];
    let seen = container.exec(&[], &steps).seen();
    assert_eq!(seen["open /tmp/fuse r"], "EPERM");
    assert_eq!(seen["open /dev/null rw"], "ok");
}

fn no_rules_allow_the_default_devices() {
    let bundle = with_mknod(Bundle::new()).without("linux.resources");
    let seen = bundle.look(&["open /dev/null rw", "mknod /tmp/fuse c 10 229", "open /tmp/fuse r"]);
    assert_eq!(seen["open /dev/null rw"], "ok");
    assert_eq!(seen["open /tmp/fuse r"], "EPERM");
}

fn unified_is_refused() {
    let unified = json!({ "memory.high": "1000000" });
    Bundle::new().set("linux.resources.unified", unified).create().fails();
}

fn limits_of_one_container_only() {
    let first = Bundle::new().set("linux.resources.pids.limit", 12).created();
    let second = first.beside().created();
    assert_eq!(value_of(&second, "pids", "pids.max"), "max");
}

fn value_of(container: &Bundle, controller: &str, file: &str) -> String {
    let path = host::cgroup(container.pid(), controller).join(file);
    let text = fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("read {}: {error}", path.display())).trim_end().to_owned()
}

/// A container that may make device nodes, in a file system where they can be opened.
fn with_mknod(bundle: Bundle) -> Bundle {
    ["bounding", "permitted", "effective"].into_iter().fold(bundle.writable(), |bundle, set| {
        bundle.push(&format!("process.capabilities.{set}"), "CAP_MKNOD")
    })
}

fn with_rules(rules: &[(&str, u32, u32, &str)]) -> Bundle {
    rules.iter().fold(with_mknod(Bundle::new()), |bundle, (kind, major, minor, access)| {
        let rule: Value =
            json!({ "allow": true, "type": kind, "major": major, "minor": minor, "access": access });
        bundle.push("linux.resources.devices", rule)
    })
}

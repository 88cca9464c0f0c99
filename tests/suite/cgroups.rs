//! Control groups, as they are felt inside and left on the machine, whatever their version.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use behaviour::{Bundle, host};
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_container_is_in_every_hierarchy,
    exec_is_in_the_same_groups,
    delete_removes_the_groups,
    delete_removes_groups_that_are_too_deep_for_a_path,
    a_group_with_processes_is_refused,
    pids_limit_stops_a_fork,
    memory_limit_kills,
    a_memory_limit_that_is_too_low,
    devices_are_denied,
    default_devices_are_allowed,
    an_allowed_device,
    an_allowed_device_for_reading_only,
    a_later_rule_wins,
    device_rules_hold_in_exec,
    no_rules_allow_the_default_devices,
];

fn the_container_is_in_every_hierarchy() {
    let container = Bundle::new().created();
    let text = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
    let mut lines = text.lines().filter(|line| is_mounted(line)).peekable();
    assert!(lines.peek().is_some(), "{text}");
    for line in lines {
        assert!(line.ends_with(&container.id), "{text}");
    }
}

/// A hierarchy that somebody else mounts elsewhere is none of the runtime's business.
fn is_mounted(line: &str) -> bool {
    let controller = line.split(':').nth(1).unwrap().trim_start_matches("name=");
    let path = Path::new("/sys/fs/cgroup").join(controller);
    if controller.is_empty() { path.join("cgroup.procs") } else { path.join("tasks") }.exists()
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

/// A container that may make groups can nest them until no path names the last of them.
fn delete_removes_groups_that_are_too_deep_for_a_path() {
    let mut container = Bundle::new().sleeping();
    let groups = host::cgroups_named(&container.id);
    let _trees: Vec<Nested> = groups.iter().map(|group| Nested::below(group)).collect();
    container.delete_force().ok();
    assert_eq!(host::cgroups_named(&container.id), Vec::<std::path::PathBuf>::new());
}

/// Groups in one another, whose names are too long for one path.
struct Nested(Vec<OwnedFd>);

impl Nested {
    const NAME: &str = "nested-nested-nested-nested-nested-nested-nested-nested-nested-nested";
    const COUNT: usize = 80;

    fn below(group: &Path) -> Nested {
        let mut all = vec![OwnedFd::from(fs::File::open(group).unwrap())];
        for _ in 0..Nested::COUNT {
            let last = all.last().unwrap();
            mkdirat(last, Nested::NAME, Mode::RWXU).unwrap();
            all.push(openat(last, Nested::NAME, OFlags::RDONLY, Mode::empty()).unwrap());
        }
        Nested(all)
    }
}

impl Drop for Nested {
    /// What the runtime did not remove.
    fn drop(&mut self) {
        for group in self.0.iter().rev().skip(1) {
            let _ = unlinkat(group, Nested::NAME, AtFlags::REMOVEDIR);
        }
    }
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

fn pids_limit_stops_a_fork() {
    let seen = Bundle::new().set("linux.resources.pids.limit", 5).look(&["fork 20"]);
    assert_eq!(seen["fork 20"], json!({ "children": 4, "error": "EAGAIN" }));
}

fn memory_limit_kills() {
    let bundle = Bundle::new().set("linux.resources.memory", json!({ "limit": 32 << 20 }));
    let mut bundle = bundle.steps(&["eat 8", "eat 200", "print survived"]);
    let done = bundle.run().exits(128 + 9);
    assert!(done.stdout.contains("\"step\":\"eat 8\""), "{done}");
    assert!(!done.stdout.contains("survived"), "{done}");
}

fn a_memory_limit_that_is_too_low() {
    let mut bundle = Bundle::new().set("linux.resources.memory.limit", 4096);
    let failed = bundle.create().fails();
    assert!(failed.stderr.contains("memory"), "{failed}");
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

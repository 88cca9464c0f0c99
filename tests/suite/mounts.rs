//! Mounts: file systems, binds, and where they go. The option words have a chapter of their own.

use std::fs;

use behaviour::{Bundle, host, pick};
use rustix::mount::MountFlags;
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_default_mounts_in_their_order,
    a_later_mount_hides_an_earlier_one,
    tmpfs_size,
    tmpfs_mode_and_owner,
    tmpfs_copies_up,
    tmpfs_without_copy_up_is_empty,
    devpts_options,
    devpts_is_a_new_instance,
    mqueue_is_mounted,
    sysfs_is_read_only,
    proc_is_of_the_pid_namespace,
    cgroup_v1_has_each_controller,
    cgroup_v1_shows_the_containers_own,
    cgroup_v1_is_read_only,
    cgroup_v1_with_a_namespace,
    an_overlay_is_mounted,
    missing_destinations_are_made,
    made_destinations_have_mode_0755,
    a_relative_destination_is_at_the_root,
    a_destination_that_is_a_link_stays_inside,
    a_destination_below_a_link_stays_inside,
    a_destination_with_dots_stays_inside,
    a_mount_of_the_host_is_seen_by_a_slave,
    a_mount_of_the_host_is_hidden_from_a_private,
    the_mounts_of_the_host_are_gone,
];

fn the_default_mounts_in_their_order() {
    let seen = Bundle::new().look(&["mounts"]);
    let expected = [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"),
        ("/sys", "sysfs"),
    ];
    for (path, kind) in expected {
        assert_eq!(seen.mount(path)["type"], kind, "{path}");
    }
    assert_eq!(seen.mount("/dev")["parent"], seen.mount("/")["id"]);
    assert_eq!(seen.mount("/dev/shm")["parent"], seen.mount("/dev")["id"]);
}

fn a_later_mount_hides_an_earlier_one() {
    let bundle = Bundle::new();
    let (first, second) = (bundle.host_folder_with("one"), bundle.host_folder_with("two"));
    let bundle = bundle.bind(&first, "/data", &[]).bind(&second, "/data", &[]);
    assert_eq!(bundle.look(&["list /data"])["list /data"], json!(["two"]));
}

fn tmpfs_size() {
    let bundle = Bundle::new().tmpfs("/data", &["size=1024k", "nr_inodes=100"]);
    let seen = bundle.look(&["statfs /data", "mounts"]);
    assert_eq!(seen["statfs /data"]["magic"], "1021994");
    assert_eq!(seen["statfs /data"]["size"], 1 << 20);
    assert!(seen.filesystem_options("/data").contains("nr_inodes=100"));
}

fn tmpfs_mode_and_owner() {
    let bundle = Bundle::new().tmpfs("/data", &["mode=0710", "uid=11", "gid=22"]);
    let seen = bundle.look(&["stat /data"]);
    assert_eq!(pick(&seen["stat /data"], ["mode", "uid", "gid"]), json!(["0710", 11, 22]));
}

fn tmpfs_copies_up() {
    let bundle = Bundle::new().file("/data/a/file", "text").link("/data/link", "a/file");
    let bundle = bundle.mode("/data/a/file", 0o640).mode("/data", 0o711).writable();
    let mut bundle = bundle.tmpfs("/data", &["tmpcopyup"]);
    let steps =
        ["read /data/link", "stat /data/a/file", "stat /data", "mounts", "write /data/a/file new"];
    bundle = bundle.steps(&steps);
    let seen = bundle.run().seen();
    assert_eq!(seen["read /data/link"], "text");
    assert_eq!(seen["stat /data/a/file"]["mode"], "0640");
    assert_eq!(seen["stat /data"]["mode"], "0711");
    assert_eq!(seen.mount("/data")["type"], "tmpfs");
    assert!(!seen.filesystem_options("/data").contains("tmpcopyup"));
    assert_eq!(seen["write /data/a/file new"], "ok");
    assert_eq!(bundle.read("/data/a/file"), "text");
}

fn tmpfs_without_copy_up_is_empty() {
    let bundle = Bundle::new().file("/data/file", "text").tmpfs("/data", &[]);
    assert_eq!(bundle.look(&["list /data"])["list /data"], json!([]));
}

fn devpts_options() {
    let seen = Bundle::new().look(&["mounts", "stat /dev/pts/ptmx"]);
    let options = seen.filesystem_options("/dev/pts");
    for option in ["gid=5", "mode=620", "ptmxmode=666"] {
        assert!(options.contains(option), "{options}");
    }
    assert_eq!(pick(&seen["stat /dev/pts/ptmx"], ["major", "minor"]), json!([5, 2]));
}

fn devpts_is_a_new_instance() {
    let (_terminal, _other) = behaviour::Pty::open(1, 1);
    assert_eq!(Bundle::new().look(&["list /dev/pts"])["list /dev/pts"], json!(["ptmx"]));
}

fn mqueue_is_mounted() {
    let seen = Bundle::new().look(&["statfs /dev/mqueue", "mounts"]);
    assert_eq!(seen["statfs /dev/mqueue"]["magic"], "19800202");
    assert!(seen.mount_options("/dev/mqueue").contains("nosuid,nodev,noexec"));
}

fn sysfs_is_read_only() {
    let seen = Bundle::new().look(&["mkdir /sys/x", "mounts", "list /sys/class/net"]);
    assert_eq!(seen["mkdir /sys/x"], "EROFS");
    assert!(seen.mount_options("/sys").starts_with("ro,nosuid,nodev,noexec"));
    assert_eq!(seen["list /sys/class/net"], json!(["lo"]));
}

fn proc_is_of_the_pid_namespace() {
    let seen = Bundle::new().look(&["lstat /proc/self", "statfs /proc"]);
    assert_eq!(seen["lstat /proc/self"]["link"], "1");
    assert_eq!(seen["statfs /proc"]["magic"], "9fa0");
}

fn cgroup_v1_has_each_controller() {
    let seen = Bundle::new().look(&["mounts", "list /sys/fs/cgroup"]);
    let names = seen["list /sys/fs/cgroup"].as_array().unwrap();
    for controller in ["pids", "memory", "cpu", "devices", "freezer", "systemd"] {
        assert!(names.iter().any(|name| name == controller), "{controller} is missing");
        let path = format!("/sys/fs/cgroup/{controller}");
        assert_eq!(seen.mount(&path)["type"], "cgroup");
    }
}

fn cgroup_v1_shows_the_containers_own() {
    let container = Bundle::new().without_mounts("/sys/fs/cgroup").mount(
        "cgroup",
        "cgroup".as_ref(),
        "/sys/fs/cgroup",
        &["nosuid", "noexec", "nodev", "relatime", "ro"],
    );
    let seen = container.look(&["read /sys/fs/cgroup/pids/cgroup.procs", "mounts"]);
    assert_eq!(seen["read /sys/fs/cgroup/pids/cgroup.procs"], "1");
}

fn cgroup_v1_is_read_only() {
    let seen = Bundle::new().look(&["mkdir /sys/fs/cgroup/memory/x", "mkdir /sys/fs/cgroup/x"]);
    assert_eq!(seen["mkdir /sys/fs/cgroup/memory/x"], "EROFS");
    assert_ne!(seen["mkdir /sys/fs/cgroup/x"], "ok");
}

fn cgroup_v1_with_a_namespace() {
    let seen = Bundle::new()
        .namespace("cgroup")
        .look(&["read /sys/fs/cgroup/pids/cgroup.procs", "mounts"]);
    assert_eq!(seen["read /sys/fs/cgroup/pids/cgroup.procs"], "1");
    assert_eq!(seen.mount("/sys/fs/cgroup/pids")["root"], "/");
}

fn an_overlay_is_mounted() {
    let bundle = Bundle::new();
    let lower = bundle.host_folder_with("low");
    let (upper, work) = (bundle.host_folder("upper"), bundle.host_folder("work"));
    let options = [
        format!("lowerdir={}", lower.display()),
        format!("upperdir={}", upper.display()),
        format!("workdir={}", work.display()),
    ];
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let bundle = bundle.mount("overlay", "overlay".as_ref(), "/data", &options);
    let mut bundle = bundle.steps(&["list /data", "write /data/up x"]);
    assert_eq!(bundle.run().seen()["list /data"], json!(["low"]));
    assert!(upper.join("up").exists());
}

fn missing_destinations_are_made() {
    let mut bundle = Bundle::new();
    let file = bundle.host_file("source", "text");
    bundle = bundle.tmpfs("/a/b/c", &[]).bind(&file, "/d/e/file", &[]);
    bundle.run().ok();
    assert!(bundle.rootfs().join("a/b/c").is_dir());
    assert!(bundle.rootfs().join("d/e/file").is_file());
    assert_eq!(bundle.read("/d/e/file"), "");
}

fn made_destinations_have_mode_0755() {
    let mut bundle = Bundle::new().tmpfs("/a/b", &[]).steps(&["stat /a"]);
    let seen = bundle.run_call(&[]).umask(0o077).finish().seen();
    assert_eq!(pick(&seen["stat /a"], ["mode", "uid"]), json!(["0755", 0]));
    bundle = bundle.without_mounts("/a");
    bundle.run().ok();
}

fn a_relative_destination_is_at_the_root() {
    let seen = Bundle::new().tmpfs("data", &[]).look(&["mounts"]);
    assert_eq!(seen.mount("/data")["type"], "tmpfs");
}

fn a_destination_that_is_a_link_stays_inside() {
    let bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let inside = outside.display().to_string();
    let bundle = bundle.link("/data", &outside).folder(&inside).tmpfs("/data", &[]);
    let seen = bundle.look(&["mounts", "write /data/x y"]);
    assert_eq!(seen.mount(&inside)["type"], "tmpfs");
}

fn a_destination_below_a_link_stays_inside() {
    let mut bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let inside = outside.display().to_string();
    bundle = bundle.link("/data", &outside).folder(&inside).tmpfs("/data/deep/er", &[]);
    bundle.run().ok();
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    assert!(bundle.rootfs().join(inside.trim_start_matches('/')).join("deep/er").is_dir());
}

fn a_destination_with_dots_stays_inside() {
    let seen = Bundle::new().tmpfs("/../../../tmp/../data", &[]).look(&["mounts"]);
    assert_eq!(seen.mount("/data")["type"], "tmpfs");
}

fn a_mount_of_the_host_is_seen_by_a_slave() {
    let names = listed_after_a_host_mount("rslave");
    assert_eq!(names, json!(["inner"]));
}

fn a_mount_of_the_host_is_hidden_from_a_private() {
    let names = listed_after_a_host_mount("rprivate");
    assert_eq!(names, json!([]));
}

fn the_mounts_of_the_host_are_gone() {
    let bundle = Bundle::new();
    let _mount = host::Mount::tmpfs(bundle.scratch("of-the-host"), MountFlags::empty());
    let seen = bundle.look(&["mounts"]);
    let text = seen["mounts"].to_string();
    assert!(!text.contains("of-the-host"), "{text}");
    assert_eq!(seen.mounts_at("/"), 1, "{text}");
}

/// What a running container finds in its volume after a mount was made there on the machine.
fn listed_after_a_host_mount(propagation: &str) -> Value {
    let bundle = Bundle::new();
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::empty()).shared();
    fs::create_dir(source.path().join("sub")).unwrap();
    let container = bundle.bind(source.path(), "/data", &["rbind", propagation]).sleeping();
    let inner = host::Mount::tmpfs(source.path().join("sub"), MountFlags::empty());
    fs::write(inner.path().join("inner"), "").unwrap();
    container.exec(&[], &["list /data/sub"]).seen()["list /data/sub"].clone()
}

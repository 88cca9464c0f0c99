//! Devices in `/dev`: the default ones, the links, and those of `linux.devices`.

use std::fs;

use behaviour::{Bundle, pick, runtime};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_default_devices,
    the_default_devices_can_be_used,
    the_links_to_descriptors,
    nothing_else_is_in_dev,
    a_character_device,
    an_unbuffered_character_device,
    a_block_device,
    a_fifo,
    mode_and_owner_whatever_the_umask,
    a_device_in_a_new_folder,
    a_default_device_may_be_repeated,
    another_file_in_its_place_is_an_error,
    an_unknown_type_is_an_error,
    a_device_in_a_user_namespace,
    a_device_that_the_machine_lacks_in_a_user_namespace,
    default_devices_in_a_user_namespace,
    dev_of_the_image_is_filled,
    a_bound_dev_is_left_alone,
];

fn the_default_devices() {
    let devices = [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ];
    let steps = devices.map(|(name, _, _)| format!("lstat /dev/{name}"));
    let seen = Bundle::new().look(&steps.each_ref().map(String::as_str));
    for (step, (_, major, minor)) in steps.iter().zip(devices) {
        let facts = &seen[step.as_str()];
        assert_eq!([&facts["type"], &facts["mode"]], ["char", "0666"], "{step}");
        assert_eq!([&facts["major"], &facts["minor"]], [major, minor], "{step}");
        assert_eq!([&facts["uid"], &facts["gid"]], [0, 0], "{step}");
    }
}

fn the_default_devices_can_be_used() {
    let steps =
        ["null", "zero", "full", "random", "urandom"].map(|name| format!("open /dev/{name} rw"));
    let steps = steps.each_ref().map(String::as_str);
    let bundle = Bundle::new().set("process.user.uid", 1000);
    let seen = bundle.look(&[&steps[..], &["write /dev/full x", "open /dev/ptmx rw"]].concat());
    for step in steps {
        assert_eq!(seen[step], "ok", "{step}");
    }
    assert_eq!(seen["write /dev/full x"], "ENOSPC");
    assert_eq!(seen["open /dev/ptmx rw"], "ok");
}

fn the_links_to_descriptors() {
    let links = [
        ("lstat /dev/fd", "/proc/self/fd"),
        ("lstat /dev/stdin", "/proc/self/fd/0"),
        ("lstat /dev/stdout", "/proc/self/fd/1"),
        ("lstat /dev/stderr", "/proc/self/fd/2"),
        ("lstat /dev/ptmx", "pts/ptmx"),
    ];
    let seen = Bundle::new().look(&links.map(|(step, _)| step));
    for (step, target) in links {
        assert_eq!(seen[step]["link"], target, "{step}");
    }
}

fn nothing_else_is_in_dev() {
    let seen = Bundle::new().look(&["list /dev"]);
    let mut names = seen["list /dev"].as_array().unwrap().clone();
    names.retain(|name| name != "core");
    let expected = [
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
        "stdout", "tty", "urandom", "zero",
    ];
    assert_eq!(names, expected);
}

fn a_character_device() {
    let device = json!({ "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640,
        "uid": 3, "gid": 4 });
    check(device, json!(["char", "0640", 3, 4, 10, 229]));
}

fn an_unbuffered_character_device() {
    let device =
        json!({ "path": "/dev/fuse", "type": "u", "major": 10, "minor": 229, "fileMode": 0o600 });
    check(device, json!(["char", "0600", 0, 0, 10, 229]));
}

fn a_block_device() {
    let device =
        json!({ "path": "/dev/fuse", "type": "b", "major": 7, "minor": 200, "fileMode": 0o660 });
    check(device, json!(["block", "0660", 0, 0, 7, 200]));
}

fn a_fifo() {
    let device = json!({ "path": "/dev/fuse", "type": "p", "fileMode": 0o622, "uid": 7 });
    check(device, json!(["fifo", "0622", 7, 0, 0, 0]));
}

fn mode_and_owner_whatever_the_umask() {
    let device =
        json!({ "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666 });
    let bundle =
        Bundle::new().push("linux.devices", device).steps(&["stat /dev/fuse", "stat /dev/null"]);
    let seen = bundle.run_call(&[]).umask(0o077).finish().seen();
    assert_eq!(seen["stat /dev/fuse"]["mode"], "0666");
    assert_eq!(seen["stat /dev/null"]["mode"], "0666");
}

fn a_device_in_a_new_folder() {
    let device = json!({ "path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200 });
    let seen = Bundle::new().push("linux.devices", device).look(&["stat /dev/net/tun"]);
    assert_eq!(seen["stat /dev/net/tun"]["minor"], 200);
}

fn a_default_device_may_be_repeated() {
    let zero =
        json!({ "path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666 });
    let tty = json!({ "path": "/dev/tty", "type": "c", "major": 5, "minor": 0, "fileMode": 0o666 });
    let bundle = Bundle::new().push("linux.devices", zero).push("linux.devices", tty);
    let seen = bundle.look(&["stat /dev/zero", "stat /dev/tty", "open /dev/zero r"]);
    assert_eq!([&seen["stat /dev/zero"]["minor"], &seen["stat /dev/tty"]["minor"]], [5, 0]);
    assert_eq!(seen["open /dev/zero r"], "ok");
}

fn another_file_in_its_place_is_an_error() {
    let device = json!({ "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229 });
    let bundle = Bundle::new().without_mounts("/dev").file("/dev/fuse", "a plain file");
    bundle.push("linux.devices", device).create().fails();
}

fn an_unknown_type_is_an_error() {
    let device = json!({ "path": "/dev/fuse", "type": "x", "major": 10, "minor": 229 });
    Bundle::new().push("linux.devices", device).create().fails();
}

fn a_device_in_a_user_namespace() {
    // The node is bound from the machine, where it is under the same name.
    let device = json!({ "path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11 });
    let bundle = Bundle::new().user_namespace().push("linux.devices", device);
    let seen = bundle.look(&["stat /dev/kmsg"])["stat /dev/kmsg"].clone();
    assert_eq!([&seen["type"], &seen["minor"]], [&json!("char"), &json!(11)]);
}

fn a_device_that_the_machine_lacks_in_a_user_namespace() {
    let device = json!({ "path": "/dev/no-such", "type": "c", "major": 1, "minor": 11 });
    let mut bundle = Bundle::new().user_namespace().push("linux.devices", device);
    let failed = bundle.create().fails();
    if runtime().is("orun") {
        failed.fails_with("the host's device of the same path is bound, and there is none");
    }
}

fn default_devices_in_a_user_namespace() {
    let steps = ["open /dev/null rw", "stat /dev/null", "open /dev/urandom r", "open /dev/ptmx rw"];
    let seen = Bundle::new().user_namespace().look(&steps);
    assert_eq!(seen["stat /dev/null"]["minor"], 3);
    for step in ["open /dev/null rw", "open /dev/urandom r", "open /dev/ptmx rw"] {
        assert_eq!(seen[step], "ok", "{step}");
    }
}

fn dev_of_the_image_is_filled() {
    let mut bundle = Bundle::new().without_mounts("/dev").writable();
    bundle = bundle.steps(&["stat /dev/null", "open /dev/null rw"]);
    let seen = bundle.run().seen();
    assert_eq!(seen["stat /dev/null"]["minor"], 3);
    assert_eq!(seen["open /dev/null rw"], "ok");
}

fn a_bound_dev_is_left_alone() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("dev");
    let kind = rustix::fs::FileType::CharacterDevice;
    let (mode, null) = (rustix::fs::Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3));
    rustix::fs::mknodat(rustix::fs::CWD, source.join("null"), kind, mode, null).unwrap();
    let mut bundle = bundle.without_mounts("/dev").bind(&source, "/dev", &[]).steps(&["list /dev"]);
    assert_eq!(bundle.run().seen()["list /dev"], json!(["null"]));
    assert_eq!(fs::read_dir(source).unwrap().count(), 1);
}

fn check(device: Value, expected: Value) {
    let seen = Bundle::new().push("linux.devices", device).look(&["stat /dev/fuse"]);
    let facts = ["type", "mode", "uid", "gid", "major", "minor"];
    assert_eq!(pick(&seen["stat /dev/fuse"], facts), expected);
}

//! Bind mounts.

use std::fs;

use behaviour::{Bundle, host, pick};
use rustix::mount::MountFlags;
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    bind_shows_the_source,
    bind_is_writable,
    bind_read_only,
    bind_of_a_file,
    bind_of_a_device,
    bind_without_submounts,
    rbind_with_submounts,
    bind_is_decided_by_the_options,
    bind_keeps_the_flags_of_the_source,
    bind_source_relative_to_the_bundle,
    bind_source_that_is_a_link,
    bind_in_a_user_namespace,
    bind_that_only_its_mounter_may_look_at,
];

fn bind_shows_the_source() {
    let bundle = Bundle::new();
    let source = bundle.host_folder_with("file");
    let seen = bundle.bind(&source, "/data", &[]).look(&["read /data/file"]);
    assert_eq!(seen["read /data/file"], "file");
}

fn bind_is_writable() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("source");
    let seen = bundle.bind(&source, "/data", &["rw"]).look(&["write /data/new x"]);
    assert_eq!(seen["write /data/new x"], "ok");
}

fn bind_read_only() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("source");
    let seen = bundle.bind(&source, "/data", &["ro"]).look(&["write /data/new x", "mounts"]);
    assert_eq!(seen["write /data/new x"], "EROFS");
    assert!(seen.mount_options("/data").starts_with("ro"));
}

fn bind_of_a_file() {
    let bundle = Bundle::new();
    let source = bundle.host_file("source", "text");
    let bundle = bundle.bind(&source, "/new/file", &[]).bind(&source, "/etc/passwd", &["ro"]);
    let mut bundle =
        bundle.steps(&["read /etc/passwd", "write /etc/passwd x", "write /new/file TEXT"]);
    let seen = bundle.run().seen();
    assert_eq!(seen["read /etc/passwd"], "text");
    assert_eq!(seen["write /etc/passwd x"], "EROFS");
    assert_eq!(fs::read_to_string(&source).unwrap(), "TEXT");
}

fn bind_of_a_device() {
    let bundle = Bundle::new().bind("/dev/zero".as_ref(), "/dev/nil", &["bind"]);
    let seen = bundle.look(&["stat /dev/nil", "open /dev/nil rw"]);
    assert_eq!(pick(&seen["stat /dev/nil"], ["type", "major", "minor"]), json!(["char", 1, 5]));
    assert_eq!(seen["open /dev/nil rw"], "ok");
}

fn bind_without_submounts() {
    let (bundle, _mount) = with_submount();
    let source = bundle.scratch("source");
    let seen = bundle.bind(&source, "/data", &["bind"]).look(&["mounts", "list /data/sub"]);
    assert_eq!(seen.mounts_at("/data"), 1);
    assert_eq!(seen.mounts_at("/data/sub"), 0);
    assert_eq!(seen["list /data/sub"], json!([]));
}

fn rbind_with_submounts() {
    let (bundle, _mount) = with_submount();
    let source = bundle.scratch("source");
    let seen = bundle.bind(&source, "/data", &["rbind"]).look(&["mounts", "list /data/sub"]);
    assert_eq!(seen.mount("/data/sub")["type"], "tmpfs");
    assert_eq!(seen["list /data/sub"], json!(["inner"]));
}

fn bind_is_decided_by_the_options() {
    let bundle = Bundle::new();
    let source = bundle.host_folder_with("file");
    let seen = bundle.mount("none", &source, "/data", &["rbind"]).look(&["read /data/file"]);
    assert_eq!(seen["read /data/file"], "file");
}

fn bind_keeps_the_flags_of_the_source() {
    let bundle = Bundle::new();
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NOATIME;
    let source = host::Mount::tmpfs(bundle.scratch("source"), flags);
    let seen = bundle.bind(source.path(), "/data", &["rbind"]).look(&["mounts"]);
    assert_eq!(seen.mount_options("/data"), "rw,nosuid,noexec,noatime");
}

fn bind_source_relative_to_the_bundle() {
    let bundle = Bundle::new();
    fs::create_dir(bundle.path().join("data")).unwrap();
    fs::write(bundle.path().join("data/file"), "near").unwrap();
    let seen = bundle.bind("data".as_ref(), "/data", &[]).look(&["read /data/file"]);
    assert_eq!(seen["read /data/file"], "near");
}

fn bind_source_that_is_a_link() {
    let bundle = Bundle::new();
    let source = bundle.host_folder_with("file");
    let link = bundle.scratch("link");
    std::os::unix::fs::symlink(source, &link).unwrap();
    let seen = bundle.bind(&link, "/data", &[]).look(&["read /data/file"]);
    assert_eq!(seen["read /data/file"], "file");
}

fn bind_in_a_user_namespace() {
    let bundle = Bundle::new().user_namespace();
    let source = bundle.host_folder_with("file");
    let bundle = bundle.bind(&source, "/data", &["ro"]).folder("/data");
    let seen = bundle.look(&["read /data/file", "write /data/new x", "stat /data"]);
    assert_eq!(seen["read /data/file"], "file");
    assert_eq!(seen["write /data/new x"], "EROFS");
    assert_eq!(seen["stat /data"]["uid"], 65_534);
}

/// A FUSE filesystem tells nobody in a user namespace anything, not even what its top is.
fn bind_that_only_its_mounter_may_look_at() {
    let bundle = Bundle::new().user_namespace();
    let Some(mount) = host::Mount::fuse(bundle.scratch("fuse")) else {
        return eprintln!("skipped: this machine has no FUSE");
    };
    let bundle = bundle.bind(mount.path(), "/data", &["ro"]).folder("/data");
    let seen = bundle.look(&["mounts", "list /data"]);
    assert_eq!(seen.mount("/data")["type"], "fuse");
    assert_eq!(seen["list /data"], "EACCES");
}

/// A bundle whose scratch folder `source` has a tmpfs in `sub`.
fn with_submount() -> (Bundle, host::Mount) {
    let bundle = Bundle::new();
    let mount = host::Mount::tmpfs(bundle.scratch("source/sub"), MountFlags::empty());
    fs::write(mount.path().join("inner"), "").unwrap();
    (bundle, mount)
}

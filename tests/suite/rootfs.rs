//! The root file system: read-only, propagation, masked and read-only paths.

use std::fs;

use behaviour::{Bundle, copy_program, host};
use rustix::mount::MountFlags;
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_read_only_root,
    a_writable_root,
    a_read_only_root_keeps_flags_of_its_filesystem,
    volumes_stay_writable_below_a_read_only_root,
    the_root_may_be_an_absolute_path,
    the_root_may_be_the_bundle_itself,
    a_name_with_spaces,
    the_host_is_out_of_reach,
    propagation_of_the_root_by_default,
    propagation_private,
    propagation_slave,
    propagation_shared,
    propagation_unbindable,
    a_masked_file_is_empty,
    a_masked_folder_is_empty_and_read_only,
    a_masked_path_that_is_missing,
    a_masked_path_given_twice,
    a_masked_path_that_is_a_link,
    a_masked_path_in_a_volume,
    the_default_masked_paths,
    a_mask_stays_when_root_unmounts_without_capability,
    a_read_only_path,
    a_read_only_path_with_submounts,
    a_read_only_path_that_is_missing,
    a_read_only_path_that_is_a_file,
    the_default_read_only_paths,
];

fn a_read_only_root() {
    let seen = Bundle::new().look(&["write /tmp/x y", "mkdir /new", "mounts"]);
    assert_eq!(seen["write /tmp/x y"], "EROFS");
    assert_eq!(seen["mkdir /new"], "EROFS");
    assert!(seen.mount_options("/").starts_with("ro"));
}

fn a_writable_root() {
    let mut bundle = Bundle::new().writable().steps(&["write /tmp/x text"]);
    assert_eq!(bundle.run().seen()["write /tmp/x text"], "ok");
    assert_eq!(bundle.read("/tmp/x"), "text");
}

fn a_read_only_root_keeps_flags_of_its_filesystem() {
    let bundle = Bundle::new();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let mount = host::Mount::tmpfs(bundle.scratch("other"), flags);
    let root = mount.path().join("rootfs");
    copy_tree(&bundle, &root);
    let seen = bundle.set("root.path", root.to_str().unwrap()).look(&["mounts"]);
    assert_eq!(seen.mount_options("/"), "ro,nosuid,nodev,relatime");
}

fn volumes_stay_writable_below_a_read_only_root() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("volume");
    let bundle = bundle.bind(&source, "/data", &[]);
    assert_eq!(bundle.look(&["write /data/x y"])["write /data/x y"], "ok");
}

fn the_root_may_be_an_absolute_path() {
    let bundle = Bundle::new();
    let path = bundle.rootfs();
    let seen = bundle.set("root.path", path.to_str().unwrap()).look(&["self"]);
    assert_eq!(seen["self"]["pid"], 1);
}

fn the_root_may_be_the_bundle_itself() {
    let bundle = Bundle::new().set("root.path", ".");
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::rename(bundle.rootfs().join(name), bundle.path().join(name)).unwrap();
    }
    let seen = bundle.look(&["list /"]);
    let names = seen["list /"].as_array().unwrap();
    assert!(names.contains(&json!("config.json")), "{names:?}");
}

fn a_name_with_spaces() {
    let bundle = Bundle::new().set("root.path", "root fs\twith\\ strange, names");
    fs::rename(bundle.rootfs(), bundle.path().join("root fs\twith\\ strange, names")).unwrap();
    let seen = bundle.tmpfs("/a b", &[]).look(&["mounts"]);
    assert_eq!(seen.mount("/a b")["type"], "tmpfs");
    assert!(seen.mount_options("/").starts_with("ro"));
}

fn the_host_is_out_of_reach() {
    let bundle = Bundle::new();
    let marker = bundle.host_file("marker", "x");
    let open = format!("open {} r", marker.display());
    let above = format!("open /../../../..{} r", marker.display());
    let seen = bundle.look(&[&open, &above, "list /"]);
    assert_eq!(seen[open.as_str()], "ENOENT");
    assert_eq!(seen[above.as_str()], "ENOENT");
    assert_eq!(seen["list /"], json!(["bin", "dev", "etc", "proc", "root", "sys", "tmp"]));
}

fn propagation_of_the_root_by_default() {
    let seen = in_a_shared_folder(Bundle::new());
    assert!(!seen.contains("shared"), "{seen}");
}

fn propagation_private() {
    let bundle = Bundle::new().set("linux.rootfsPropagation", "rprivate");
    assert_eq!(in_a_shared_folder(bundle), "");
}

fn propagation_slave() {
    let bundle = Bundle::new().set("linux.rootfsPropagation", "rslave");
    assert_eq!(in_a_shared_folder(bundle), "master");
}

fn propagation_shared() {
    let bundle = Bundle::new().set("linux.rootfsPropagation", "rshared");
    assert!(in_a_shared_folder(bundle).contains("shared"));
}

fn propagation_unbindable() {
    let bundle = Bundle::new().set("linux.rootfsPropagation", "unbindable");
    assert_eq!(in_a_shared_folder(bundle), "unbindable");
}

fn a_masked_file_is_empty() {
    let bundle = Bundle::new().file("/etc/secret", "text").push("linux.maskedPaths", "/etc/secret");
    let seen = bundle.look(&["read /etc/secret", "stat /etc/secret", "write /etc/secret x"]);
    assert_eq!(seen["read /etc/secret"], "");
    assert_eq!(seen["stat /etc/secret"]["major"], 1);
    assert_eq!(seen["stat /etc/secret"]["minor"], 3);
}

fn a_masked_folder_is_empty_and_read_only() {
    let bundle = Bundle::new().file("/secret/file", "text").push("linux.maskedPaths", "/secret");
    let seen = bundle.look(&["list /secret", "write /secret/new x", "mounts"]);
    assert_eq!(seen["list /secret"], json!([]));
    assert_eq!(seen["write /secret/new x"], "EROFS");
    assert!(seen.mount_options("/secret").starts_with("ro"));
}

fn a_masked_path_that_is_missing() {
    let bundle = Bundle::new().push("linux.maskedPaths", "/no/such/path");
    assert_eq!(bundle.look(&["lstat /no"])["lstat /no"], "ENOENT");
}

fn a_masked_path_given_twice() {
    let bundle = Bundle::new().file("/secret/file", "text");
    let bundle = bundle.push("linux.maskedPaths", "/secret").push("linux.maskedPaths", "/secret");
    assert_eq!(bundle.look(&["list /secret"])["list /secret"], json!([]));
}

fn a_masked_path_that_is_a_link() {
    let bundle = Bundle::new().file("/real/file", "text").link("/secret", "/real");
    let seen = bundle.push("linux.maskedPaths", "/secret").look(&["list /real", "list /secret"]);
    assert_eq!(seen["list /real"], json!([]));
    assert_eq!(seen["list /secret"], json!([]));
}

fn a_masked_path_in_a_volume() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("volume");
    fs::write(source.join("secret"), "text").unwrap();
    let mut bundle = bundle.bind(&source, "/data", &[]).push("linux.maskedPaths", "/data/secret");
    bundle = bundle.steps(&["read /data/secret"]);
    assert_eq!(bundle.run().seen()["read /data/secret"], "");
    assert_eq!(fs::read_to_string(source.join("secret")).unwrap(), "text");
}

fn the_default_masked_paths() {
    let seen = Bundle::new().look(&["read /proc/keys", "list /sys/firmware", "stat /proc/keys"]);
    assert_eq!(seen["read /proc/keys"], "");
    assert_eq!(seen["list /sys/firmware"], json!([]));
    assert_eq!(seen["stat /proc/keys"]["minor"], 3);
}

fn a_mask_stays_when_root_unmounts_without_capability() {
    let bundle = Bundle::new().file("/secret/file", "text").push("linux.maskedPaths", "/secret");
    let seen = bundle.look(&["umount /secret", "list /secret"]);
    assert_eq!(seen["umount /secret"], "EPERM");
    assert_eq!(seen["list /secret"], json!([]));
}

fn a_read_only_path() {
    let bundle = Bundle::new().writable().folder("/data").push("linux.readonlyPaths", "/data");
    let steps = ["write /data/x y", "write /tmp/x y", "writable /data", "mounts"];
    let seen = bundle.look(&steps);
    assert_eq!(seen["write /data/x y"], "EROFS");
    assert_eq!(seen["write /tmp/x y"], "ok");
    assert_eq!(seen["writable /data"], "EPERM");
    assert!(seen.mount_options("/data").starts_with("ro"));
}

fn a_read_only_path_with_submounts() {
    let bundle = Bundle::new().tmpfs("/data", &["nosuid"]).tmpfs("/data/sub", &[]);
    let bundle = bundle.file("/data/x", "").push("linux.readonlyPaths", "/data");
    let seen = bundle.look(&["mounts", "write /data/x y", "list /data"]);
    assert!(seen.mount_options("/data").starts_with("ro,nosuid"));
    assert_eq!(seen["list /data"], json!(["sub"]));
    assert_eq!(seen["write /data/x y"], "EROFS");
}

fn a_read_only_path_that_is_missing() {
    let bundle = Bundle::new().push("linux.readonlyPaths", "/no/such/path");
    assert_eq!(bundle.look(&["lstat /no"])["lstat /no"], "ENOENT");
}

fn a_read_only_path_that_is_a_file() {
    let bundle = Bundle::new().writable().push("linux.readonlyPaths", "/etc/passwd");
    let seen = bundle.look(&["open /etc/passwd w", "open /etc/group w", "open /etc/passwd r"]);
    assert_eq!(seen["open /etc/passwd w"], "EROFS");
    assert_eq!(seen["open /etc/group w"], "ok");
    assert_eq!(seen["open /etc/passwd r"], "ok");
}

fn the_default_read_only_paths() {
    let seen = Bundle::new().look(&["open /proc/sys/kernel/msgmax w", "mounts"]);
    assert_eq!(seen["open /proc/sys/kernel/msgmax w"], "EROFS");
    for path in ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"] {
        assert!(seen.mount_options(path).starts_with("ro,"), "{path}");
    }
}

/// The propagation of the root of a container whose rootfs lies on a shared mount.
fn in_a_shared_folder(bundle: Bundle) -> String {
    let mount = host::Mount::tmpfs(bundle.scratch("shared"), MountFlags::empty()).shared();
    let root = mount.path().join("rootfs");
    copy_tree(&bundle, &root);
    bundle.set("root.path", root.to_str().unwrap()).look(&["mounts"]).propagation("/")
}

fn copy_tree(bundle: &Bundle, root: &std::path::Path) {
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    copy_program(&bundle.probe(), &root.join("bin/probe"));
}

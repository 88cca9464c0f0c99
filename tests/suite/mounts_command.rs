//! `mounts add` and `mounts remove`: mounts of a container that runs.

use std::path::Path;

use behaviour::{Bundle, Finished};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_folder_is_added_with_its_options,
    a_file_is_added,
    a_tmpfs_is_added,
    a_place_is_looked_up_below_the_root,
    what_the_host_mounts_later_stays_away,
    a_mount_is_removed,
    what_is_no_mount_can_not_be_removed,
    a_link_does_not_lead_to_another_mount,
    a_changed_root_does_not_lead_to_another_mount,
    without_a_mount_namespace_it_is_refused,
    a_filesystem_of_a_namespace_is_refused,
    a_bad_document_is_refused,
    a_stopped_container_is_refused,
    the_container_may_have_a_user_namespace,
];

fn a_folder_is_added_with_its_options() {
    let container = Bundle::new().writable().sleeping();
    let source = container.host_folder_with("file");
    add(&container, json!([bind(&source, "/new/place", &["rbind", "ro", "noexec"])])).ok();
    let steps = ["read /new/place/file", "write /new/place/other x", "mounts"];
    let seen = container.exec(&[], &steps).seen();
    assert_eq!(seen["read /new/place/file"], "file");
    assert_eq!(seen["write /new/place/other x"], "EROFS");
    let options = seen.mount("/new/place")["options"].clone();
    assert!(options.as_array().unwrap().contains(&json!("noexec")), "{options}");
}

fn a_file_is_added() {
    let container = Bundle::new().writable().sleeping();
    let source = container.host_file("of-the-host", "words");
    add(&container, json!([bind(&source, "/etc/of-the-host", &["bind"])])).ok();
    assert_eq!(
        container.exec(&[], &["read /etc/of-the-host"]).seen()["read /etc/of-the-host"],
        "words"
    );
}

fn a_tmpfs_is_added() {
    let container = Bundle::new().sleeping();
    let tmpfs = json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "nodev"] });
    add(&container, json!([tmpfs])).ok();
    let seen = container.exec(&[], &["write /tmp/file x", "mounts"]).seen();
    assert_eq!(seen["write /tmp/file x"], "ok");
    assert_eq!(seen.mount("/tmp")["type"], "tmpfs");
}

/// A link in the image leads nowhere but into the image.
fn a_place_is_looked_up_below_the_root() {
    let outside = Bundle::new();
    let folder = outside.host_folder("outside");
    let container = Bundle::new().writable().link("/leave", &folder).sleeping();
    let source = container.host_folder_with("file");
    add(&container, json!([bind(&source, "/leave/new", &["rbind"])])).ok();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let inside = format!("read {}/new/file", folder.display());
    assert_eq!(container.exec(&[], &[&inside]).seen()[&*inside], "file");
}

fn what_the_host_mounts_later_stays_away() {
    let container = Bundle::new().writable().sleeping();
    let source = container.host_folder("source");
    std::fs::create_dir(source.join("below")).unwrap();
    rustix::mount::mount_bind(&source, &source).unwrap();
    rustix::mount::mount_change(&source, rustix::mount::MountPropagationFlags::SHARED).unwrap();
    add(&container, json!([bind(&source, "/new", &["rbind"])])).ok();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", source.join("below"), "tmpfs", flags, None).unwrap();
    std::fs::write(source.join("below/late"), "x").unwrap();
    let seen = container.exec(&[], &["list /new/below"]).seen();
    rustix::mount::unmount(&source, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(seen["list /new/below"], json!([]));
}

fn a_mount_is_removed() {
    let container = Bundle::new().writable().sleeping();
    let source = container.host_folder_with("file");
    let file = container.host_file("of-the-host", "words");
    let mounts = json!([bind(&source, "/new", &["rbind"]), bind(&file, "/new-file", &["bind"])]);
    add(&container, mounts.clone()).ok();
    remove(&container, mounts).ok();
    let seen = container.exec(&[], &["list /new", "read /new-file"]).seen();
    assert_eq!(seen["list /new"], json!([]));
    assert_eq!(seen["read /new-file"], "");
}

fn what_is_no_mount_can_not_be_removed() {
    let container = Bundle::new().sleeping();
    remove(&container, json!([{ "destination": "/etc" }])).fails_with("nothing is mounted there");
    remove(&container, json!([{ "destination": "/no" }])).fails_with("no such file or directory");
}

/// The container moves its folders and puts links in their place, to get rid of what protects the host.
fn a_link_does_not_lead_to_another_mount() {
    let bundle = Bundle::new().writable().folder("/old/new").link("new", "/old/new");
    let container = bundle.link("link", "/proc").link("direct", "/proc/sys").sleeping();
    for destination in ["/link/sys", "/link/keys", "/direct"] {
        remove(&container, json!([{ "destination": destination }])).fails_with("symbolic link");
    }
    let through_a_link = json!([{ "destination": "/new", "type": "tmpfs" }]);
    add(&container, through_a_link.clone()).ok();
    remove(&container, through_a_link).fails_with("symbolic link");
    remove(&container, json!([{ "destination": "/old/new" }])).ok();
    let steps = ["open /proc/sys/kernel/msgmax w", "stat /proc/keys"];
    let seen = container.exec(&[], &steps).seen();
    assert_eq!(seen[steps[0]], "EROFS");
    assert_eq!(seen[steps[1]]["minor"], 3);
}

/// A container with CAP_SYS_CHROOT: its process says what its root is.
fn a_changed_root_does_not_lead_to_another_mount() {
    let mut bundle = Bundle::new().writable();
    for set in ["bounding", "effective", "permitted"] {
        bundle = bundle.push(&format!("process.capabilities.{set}"), "CAP_SYS_CHROOT");
    }
    let container = bundle.steps(&["chroot /proc", "sleep"]).started();
    container.output().wait_for("asleep");
    remove(&container, json!([{ "destination": "/irq" }])).fails_with("no such file or directory");
    let file = "open /proc/irq/default_smp_affinity w";
    assert_eq!(container.exec(&[], &[file]).seen()[file], "EROFS");
}

fn without_a_mount_namespace_it_is_refused() {
    let bundle = Bundle::new().without_namespace("mount").set("mounts", json!([]));
    let bundle = bundle.without("linux.maskedPaths").without("linux.readonlyPaths").writable();
    let container = bundle.sleeping();
    let tmpfs = json!([{ "destination": "/tmp", "type": "tmpfs" }]);
    add(&container, tmpfs.clone()).fails_with("no mount namespace");
    remove(&container, tmpfs).fails_with("no mount namespace");
}

/// Made on the host, it would show the host's processes.
fn a_filesystem_of_a_namespace_is_refused() {
    let container = Bundle::new().sleeping();
    for kind in ["proc", "sysfs", "mqueue", "devpts", "cgroup2"] {
        let mount = json!([{ "destination": "/tmp", "type": kind, "source": kind }]);
        add(&container, mount).fails_with("would show the host's");
    }
    let masked = json!([{ "destination": "/proc/sys", "source": "/", "options": ["bind"] }]);
    add(&container, masked).fails_with("inside /proc");
}

fn a_bad_document_is_refused() {
    let container = Bundle::new().sleeping();
    add(&container, json!({})).fails_with("expected a sequence");
    add(&container, json!([{ "destination": 3 }])).fails_with("mounts[0].destination");
    let nowhere = bind(Path::new("/nowhere/at/all"), "/tmp", &["bind"]);
    add(&container, json!([nowhere])).fails_with("no such file or directory (mounts[0].source)");
}

fn a_stopped_container_is_refused() {
    let container = Bundle::new().steps(&["exit 0"]).started();
    container.wait_for("stopped");
    add(&container, json!([])).fails_with("not running");
}

fn the_container_may_have_a_user_namespace() {
    let container = Bundle::new().user_namespace().writable().sleeping();
    let source = container.host_folder_with("file");
    add(&container, json!([bind(&source, "/new", &["rbind"])])).ok();
    assert_eq!(container.exec(&[], &["read /new/file"]).seen()["read /new/file"], "file");
}

fn bind(source: &Path, destination: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "source": source, "options": options })
}

fn add(container: &Bundle, mounts: Value) -> Finished {
    call(container, "add", mounts)
}

fn remove(container: &Bundle, mounts: Value) -> Finished {
    call(container, "remove", mounts)
}

fn call(container: &Bundle, verb: &str, mounts: Value) -> Finished {
    let file = container.host_file("mounts.json", &mounts.to_string());
    container.call("mounts").arg(verb).arg(&container.id).arg(file).finish()
}

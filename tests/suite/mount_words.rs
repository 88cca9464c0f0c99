//! The rarer option words of mounts, and those that crun has added.

use std::fs;
use std::os::unix::fs::symlink;

use behaviour::{Bundle, Seen, host};
use rustix::mount::MountFlags;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    words_that_undo_another,
    access_control_lists,
    mandatory_locks_are_gone,
    times_of_the_tree_undone,
    following_links_of_the_tree_again,
    remount_is_refused,
    a_link_is_copied,
    a_link_that_is_there_already,
    a_plain_source_is_bound_all_the_same,
    a_link_as_source_is_not_followed,
    a_link_as_destination_is_not_followed,
];

fn words_that_undo_another() {
    let table: &[(&[&str], &str)] = &[
        (&["noatime", "atime"], "rw,relatime"),
        (&["nodiratime", "diratime"], "rw,relatime"),
        (&["noexec", "exec", "nosuid", "suid", "nodev", "dev"], "rw,relatime"),
        (&["strictatime", "nostrictatime"], "rw,relatime"),
        (&["relatime", "norelatime"], "rw,relatime"),
        (&["silent", "loud", "iversion", "noiversion"], "rw,relatime"),
    ];
    for (words, shown) in table {
        let seen = Bundle::new().tmpfs("/data", words).look(&["mounts"]);
        assert_eq!(seen.mount_options("/data"), *shown, "{words:?}");
    }
}

fn access_control_lists() {
    // They are always on in a tmpfs: the words must be taken, and not passed to it.
    for word in ["acl", "noacl"] {
        let seen = Bundle::new().tmpfs("/data", &[word]).look(&["mounts"]);
        assert_eq!(seen.mount("/data")["type"], "tmpfs", "{word}");
    }
}

fn mandatory_locks_are_gone() {
    // Since Linux 5.15 the kernel takes the word and does nothing.
    for word in ["mand", "nomand"] {
        let seen = Bundle::new().tmpfs("/data", &[word]).look(&["mounts"]);
        assert_eq!(seen.mount_options("/data"), "rw,relatime", "{word}");
    }
}

fn times_of_the_tree_undone() {
    for word in ["ratime", "rnorelatime", "rnostrictatime"] {
        let seen = bound_tree(MountFlags::NOATIME, &[word]);
        assert_eq!(seen.mount_options("/data/sub"), "rw,relatime", "{word}");
    }
}

fn following_links_of_the_tree_again() {
    let seen =
        bound_tree(MountFlags::from_bits_retain(libc::MS_NOSYMFOLLOW as u32), &["rsymfollow"]);
    assert_eq!(seen.mount_options("/data/sub"), "rw,relatime");
}

fn remount_is_refused() {
    Bundle::new().tmpfs("/data", &["remount"]).create().fails();
}

fn a_link_is_copied() {
    let bundle = Bundle::new();
    let link = bundle.scratch("link");
    symlink("../somewhere/else", &link).unwrap();
    let seen = bundle.bind(&link, "/etc/link", &["copy-symlink"]).look(&["lstat /etc/link"]);
    assert_eq!(seen["lstat /etc/link"]["link"], "../somewhere/else");
}

fn a_link_that_is_there_already() {
    let bundle = Bundle::new().link("/etc/link", "target");
    let link = bundle.scratch("link");
    symlink("target", &link).unwrap();
    let seen = bundle.bind(&link, "/etc/link", &["copy-symlink"]).look(&["lstat /etc/link"]);
    assert_eq!(seen["lstat /etc/link"]["link"], "target");
}

fn a_plain_source_is_bound_all_the_same() {
    let bundle = Bundle::new();
    let file = bundle.host_file("plain", "text");
    let seen = bundle.bind(&file, "/etc/file", &["copy-symlink"]).look(&["read /etc/file"]);
    assert_eq!(seen["read /etc/file"], "text");
}

fn a_link_as_source_is_not_followed() {
    let bundle = Bundle::new();
    let (target, link) = (bundle.host_file("target", "text"), bundle.scratch("link"));
    symlink(&target, &link).unwrap();
    let bundle = bundle.link("/etc/here", "nowhere");
    let words = ["src-nofollow", "dest-nofollow"];
    let seen = bundle.bind(&link, "/etc/here", &words).look(&["lstat /etc/here"]);
    assert_eq!(seen["lstat /etc/here"]["link"], *target.to_str().unwrap());
}

fn a_link_as_destination_is_not_followed() {
    let bundle = Bundle::new().file("/etc/real", "old").link("/etc/here", "real");
    let link = bundle.scratch("link");
    symlink("new", &link).unwrap();
    let words = ["src-nofollow", "dest-nofollow"];
    let bundle = bundle.bind(&link, "/etc/here", &words);
    let seen = bundle.look(&["lstat /etc/here", "read /etc/real"]);
    assert_eq!(seen["lstat /etc/here"]["link"], "new");
    assert_eq!(seen["read /etc/real"], "old");
}

/// Binds a folder with a tmpfs in `sub` that is mounted with `flags`, and looks at the mounts.
fn bound_tree(flags: MountFlags, words: &[&str]) -> Seen {
    let bundle = Bundle::new();
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::empty());
    fs::create_dir(source.path().join("sub")).unwrap();
    let _sub = host::Mount::tmpfs(source.path().join("sub"), flags);
    bundle.bind(source.path(), "/data", &[&["rbind"], words].concat()).look(&["mounts"])
}

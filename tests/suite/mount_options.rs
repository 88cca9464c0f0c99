//! The option words of mounts, see "Linux mount options" in the specification's config.md.

use std::fs;

use behaviour::{Bundle, Seen, host};
use rustix::mount::MountFlags;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    flags_of_a_new_mount,
    flags_of_a_bind_mount,
    opposite_words_the_last_wins,
    words_of_the_filesystem,
    words_without_visible_effect,
    defaults_is_no_option_of_the_filesystem,
    nosymfollow,
    lazytime,
    propagation_of_a_bind_mount,
    propagation_of_a_new_mount,
    ro_is_for_the_one_mount,
    rro_is_for_all_below,
    recursive_words_set,
    recursive_words_clear,
    recursive_times,
    recursive_nosymfollow,
    recursive_words_on_a_new_mount,
    flags_clear_what_the_source_had,
    locked_flags_are_kept_in_a_user_namespace,
    clearing_a_locked_flag_fails,
];

/// Words, and the options that the kernel then shows.
const FLAGS: &[(&[&str], &str)] = &[
    (&[], "rw,relatime"),
    (&["ro"], "ro,relatime"),
    (&["rw"], "rw,relatime"),
    (&["nosuid"], "rw,nosuid,relatime"),
    (&["nodev"], "rw,nodev,relatime"),
    (&["noexec"], "rw,noexec,relatime"),
    (&["nosuid", "nodev", "noexec", "ro"], "ro,nosuid,nodev,noexec,relatime"),
    (&["noatime"], "rw,noatime"),
    (&["relatime"], "rw,relatime"),
    (&["strictatime"], "rw"),
    (&["nodiratime"], "rw,nodiratime,relatime"),
    (&["noatime", "nodiratime"], "rw,noatime,nodiratime"),
    (&["suid", "dev", "exec", "diratime", "async"], "rw,relatime"),
];

fn flags_of_a_new_mount() {
    check(FLAGS, |bundle, path, words| bundle.tmpfs(path, words));
}

fn flags_of_a_bind_mount() {
    check(FLAGS, |bundle, path, words| {
        let source = bundle.host_folder("source");
        bundle.bind(&source, path, words)
    });
}

fn opposite_words_the_last_wins() {
    let table: &[(&[&str], &str)] = &[
        (&["ro", "rw"], "rw,relatime"),
        (&["rw", "ro"], "ro,relatime"),
        (&["nosuid", "suid"], "rw,relatime"),
        (&["suid", "nosuid"], "rw,nosuid,relatime"),
        (&["nodev", "dev", "noexec", "exec"], "rw,relatime"),
    ];
    check(table, |bundle, path, words| bundle.tmpfs(path, words));
}

fn words_of_the_filesystem() {
    let bundle = Bundle::new().tmpfs("/sync", &["sync"]).tmpfs("/dirsync", &["dirsync"]);
    let seen = bundle.tmpfs("/async", &["sync", "async"]).look(&["mounts"]);
    assert!(seen.filesystem_options("/sync").contains("sync"));
    assert!(seen.filesystem_options("/dirsync").contains("dirsync"));
    assert!(!seen.filesystem_options("/async").contains("sync"));
}

fn words_without_visible_effect() {
    let words =
        ["silent", "loud", "nomand", "norelatime", "nostrictatime", "iversion", "noiversion"];
    let seen = Bundle::new().tmpfs("/data", &words).look(&["mounts"]);
    assert_eq!(seen.mount("/data")["type"], "tmpfs");
}

fn defaults_is_no_option_of_the_filesystem() {
    let bundle = Bundle::new().tmpfs("/data", &["defaults"]);
    assert_eq!(bundle.look(&["mounts"]).mount_options("/data"), "rw,relatime");
}

fn nosymfollow() {
    let bundle = Bundle::new().tmpfs("/on", &["nosymfollow"]);
    let seen = bundle.tmpfs("/off", &["nosymfollow", "symfollow"]).look(&["mounts"]);
    assert!(seen.mount_options("/on").contains("nosymfollow"));
    assert!(!seen.mount_options("/off").contains("nosymfollow"));
}

fn lazytime() {
    let bundle = Bundle::new().tmpfs("/on", &["lazytime"]);
    let seen = bundle.tmpfs("/off", &["lazytime", "nolazytime"]).look(&["mounts"]);
    assert!(seen.filesystem_options("/on").contains("lazytime"));
    assert!(!seen.filesystem_options("/off").contains("lazytime"));
}

fn propagation_of_a_bind_mount() {
    let words = [
        ("private", ""),
        ("rprivate", ""),
        ("slave", "master"),
        ("rslave", "master"),
        ("shared", "shared,master"),
        ("rshared", "shared,master"),
        ("unbindable", "unbindable"),
        ("runbindable", "unbindable"),
    ];
    let bundle = Bundle::new();
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::empty()).shared();
    let bundle = words.iter().fold(bundle, |bundle, (word, _)| {
        bundle.bind(source.path(), &format!("/m/{word}"), &["rbind", word])
    });
    let seen = bundle.look(&["mounts"]);
    for (word, shown) in words {
        assert_eq!(seen.propagation(&format!("/m/{word}")), shown, "{word}");
    }
}

fn propagation_of_a_new_mount() {
    let seen = Bundle::new().tmpfs("/data", &["shared"]).look(&["mounts"]);
    assert_eq!(seen.propagation("/data"), "shared");
}

fn ro_is_for_the_one_mount() {
    let seen = bound_tree(MountFlags::empty(), &["ro"]);
    assert_eq!(seen.mount_options("/data"), "ro,relatime");
    assert_eq!(seen.mount_options("/data/sub"), "rw,relatime");
}

fn rro_is_for_all_below() {
    let seen = bound_tree(MountFlags::empty(), &["rro"]);
    assert_eq!(seen.mount_options("/data"), "ro,relatime");
    assert_eq!(seen.mount_options("/data/sub"), "ro,relatime");
}

fn recursive_words_set() {
    let words = [
        ("rnosuid", "nosuid"),
        ("rnodev", "nodev"),
        ("rnoexec", "noexec"),
        ("rnodiratime", "nodiratime"),
    ];
    for (word, flag) in words {
        let seen = bound_tree(MountFlags::empty(), &[word]);
        for path in ["/data", "/data/sub"] {
            assert_eq!(seen.mount_options(path), format!("rw,{flag},relatime"), "{word} {path}");
        }
    }
}

fn recursive_words_clear() {
    let words = [
        ("rsuid", MountFlags::NOSUID),
        ("rdev", MountFlags::NODEV),
        ("rexec", MountFlags::NOEXEC),
        ("rdiratime", MountFlags::NODIRATIME),
        ("rrw", MountFlags::RDONLY),
    ];
    for (word, flag) in words {
        let seen = bound_tree(flag, &[word]);
        assert_eq!(seen.mount_options("/data/sub"), "rw,relatime", "{word}");
    }
}

fn recursive_times() {
    let words = [("rnoatime", "rw,noatime"), ("rrelatime", "rw,relatime"), ("rstrictatime", "rw")];
    for (word, shown) in words {
        let before = if word == "rrelatime" { MountFlags::NOATIME } else { MountFlags::empty() };
        let seen = bound_tree(before, &[word]);
        assert_eq!(seen.mount_options("/data/sub"), shown, "{word}");
    }
}

fn recursive_nosymfollow() {
    let seen = bound_tree(MountFlags::empty(), &["rnosymfollow"]);
    for path in ["/data", "/data/sub"] {
        assert!(seen.mount_options(path).contains("nosymfollow"), "{path}");
    }
}

fn recursive_words_on_a_new_mount() {
    let seen = Bundle::new().tmpfs("/data", &["rro", "rnosuid"]).look(&["mounts"]);
    assert_eq!(seen.mount_options("/data"), "ro,nosuid,relatime");
}

fn flags_clear_what_the_source_had() {
    let bundle = Bundle::new();
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let source = host::Mount::tmpfs(bundle.scratch("source"), flags);
    let seen = bundle.bind(source.path(), "/data", &["suid", "exec"]).look(&["mounts"]);
    assert_eq!(seen.mount_options("/data"), "rw,relatime");
}

fn locked_flags_are_kept_in_a_user_namespace() {
    let bundle = Bundle::new().user_namespace().folder("/data");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let source = host::Mount::tmpfs(bundle.scratch("source"), flags);
    let seen = bundle.bind(source.path(), "/data", &["ro"]).look(&["mounts"]);
    assert_eq!(seen.mount_options("/data"), "ro,nosuid,nodev,noexec,relatime");
}

fn clearing_a_locked_flag_fails() {
    let bundle = Bundle::new().user_namespace().folder("/data");
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::NOEXEC);
    bundle.bind(source.path(), "/data", &["exec"]).create().fails();
}

/// Binds a folder with a tmpfs in `sub`, both mounted with `flags`, and looks at the mounts.
fn bound_tree(flags: MountFlags, words: &[&str]) -> Seen {
    let bundle = Bundle::new();
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::empty());
    fs::create_dir(source.path().join("sub")).unwrap();
    let _sub = host::Mount::tmpfs(source.path().join("sub"), flags);
    bundle.bind(source.path(), "/data", &[&["rbind"], words].concat()).look(&["mounts"])
}

/// Makes a mount for each row of the table, and compares what the kernel shows.
fn check(table: &[(&[&str], &str)], mount: impl Fn(Bundle, &str, &[&str]) -> Bundle) {
    let path = |index: usize| format!("/m/{index}");
    let rows = table.iter().enumerate();
    let bundle =
        rows.fold(Bundle::new(), |bundle, (index, (words, _))| mount(bundle, &path(index), words));
    let seen = bundle.look(&["mounts"]);
    for (index, (words, shown)) in table.iter().enumerate() {
        assert_eq!(seen.mount_options(&path(index)), *shown, "{words:?}");
    }
}

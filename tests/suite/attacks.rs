//! More of what published holes of runtimes were about: spies, terminals, huge input, images of checkpoints.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use behaviour::{Bundle, ConsoleSocket, Seen, host, runtime};
use rustix::fs::makedev;
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_spy_sees_nothing_of_the_host,
    a_spy_that_may_trace_sees_nothing_of_the_host,
    a_multiplexer_that_is_a_plain_file,
    a_multiplexer_without_devpts,
    a_multiplexer_by_a_descriptor_of_the_runtime,
    seventy_thousand_groups,
    three_hundred_and_forty_mappings,
    a_namespace_path_of_64_kibibytes,
    arguments_of_more_than_a_mebibyte,
    one_argument_that_is_too_long,
    checkpoint_is_refused,
    restore_is_refused,
    state_files_are_the_owners_alone,
    the_callers_environment_is_not_in_a_created_container,
    a_tmpfs_below_a_link,
    the_volume_stays_writable_below_a_read_only_root_without_proc,
    a_static_program_under_a_filter_that_allows_nothing_else,
];

fn a_spy_sees_nothing_of_the_host() {
    spy(&[]);
}

fn a_spy_that_may_trace_sees_nothing_of_the_host() {
    spy(&["CAP_SYS_PTRACE"]);
}

/// CVE-2016-9962: a program of the container looks into every process that comes, while `exec` runs.
fn spy(more: &[&str]) {
    let mut bundle = Bundle::new();
    for set in ["bounding", "effective", "permitted"] {
        for name in more {
            bundle = bundle.push(&format!("process.capabilities.{set}"), *name);
        }
    }
    let marker = bundle.host_file("marker", "of the host");
    let step = format!("spy 2500 {}", marker.display());
    let container = bundle.steps(&[&step, "sleep"]).started();
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_millis(2300) {
        container.exec(&[], &["exit 0"]).ok();
        count += 1;
    }
    container.output().wait_for("asleep");
    let seen = Seen::parse(&container.output().text());
    let report = &seen[step.as_str()];
    assert!(count > 3 && report["looks"].as_u64() > Some(count), "{count} execs: {report}");
    assert_eq!(report["hits"], json!([]), "{report}");
    assert_eq!(report["foreign"], 0, "{report}");
}

/// CVE-2025-52565: files of the image in place of devpts.
fn a_multiplexer_that_is_a_plain_file() {
    let bundle = Bundle::new().without_mounts("/dev").writable().file("/dev/pts/ptmx", "plain");
    let bundle = (0..20).fold(bundle.file("/evil", "evil"), |bundle, number| {
        bundle.link(&format!("dev/pts/{number}"), "/evil")
    });
    let bundle = terminal_of_the_image(bundle.link("dev/ptmx", "pts/ptmx"));
    assert_eq!(bundle.read("/evil"), "evil");
}

fn a_multiplexer_without_devpts() {
    let bundle = Bundle::new().without_mounts("/dev").writable().file("/evil", "evil");
    let bundle = terminal_of_the_image(bundle.folder("/dev/pts").link("dev/pts/ptmx", "/evil"));
    assert_eq!(bundle.read("/evil"), "evil");
}

/// What comes over the socket is a terminal's master, or nothing does.
/// CVE-2024-21626: a path of the image by way of what the runtime has open.
fn a_multiplexer_by_a_descriptor_of_the_runtime() {
    for number in 3..24 {
        let target = format!("/proc/self/fd/{number}/../../../../dev/pts");
        let bundle = Bundle::new().without_mounts("/dev").writable().link("dev/pts", target);
        let mut bundle = bundle.set("process.terminal", true).steps(&["sleep"]);
        let socket = ConsoleSocket::listen(bundle.scratch("tty.sock"));
        let error = bundle.create_with(&["--console-socket", socket.option()]).fails().stderr;
        // That comes after the terminal was made.
        assert!(!error.contains("/dev/console"), "descriptor {number}: {error}");
    }
}

fn terminal_of_the_image(bundle: Bundle) -> Bundle {
    let mut bundle = bundle.set("process.terminal", true).steps(&["sleep"]);
    let socket = ConsoleSocket::listen(bundle.scratch("tty.sock"));
    if bundle.create_with(&["--console-socket", socket.option()]).code() == 0 {
        let facts = socket.receive().metadata();
        assert!(facts.file_type().is_char_device(), "{facts:?}");
        assert_eq!(facts.rdev(), makedev(5, 2));
    }
    bundle
}

/// CVE-2021-43784: lengths that do not fit into 16 bits are not cut.
fn seventy_thousand_groups() {
    let groups: Vec<u32> = (1..=70_000).collect();
    Bundle::new().set("process.user.additionalGids", json!(groups)).create().fails();
    let groups: Vec<u32> = (1..=65_536).collect();
    let seen = Bundle::new().set("process.user.additionalGids", json!(groups)).look(&["self"]);
    assert_eq!(seen["self"]["groups"].as_array().map(Vec::len), Some(65_536));
}

fn three_hundred_and_forty_mappings() {
    let maps: Vec<_> = (0..340)
        .map(|id| json!({ "containerID": id, "hostID": 1000 + 2 * id, "size": 1 }))
        .collect();
    let bundle = Bundle::new().namespace("user").owned_by(1000);
    let bundle = bundle.set("linux.uidMappings", json!(maps)).set("linux.gidMappings", json!(maps));
    let steps = ["read /proc/self/uid_map", "read /proc/self/gid_map"];
    let seen = bundle.look(&steps);
    for step in steps {
        assert_eq!(seen[step].as_str().map(|text| text.lines().count()), Some(340));
    }
}

fn a_namespace_path_of_64_kibibytes() {
    let path = format!("/proc/{}/ns/net", "x".repeat(65_540));
    Bundle::new().join("network", path).create().fails();
}

fn arguments_of_more_than_a_mebibyte() {
    let arguments: Vec<String> =
        (0..150).map(|n| format!("print {n} {}", "a".repeat(10_000))).collect();
    let mut words = vec!["/bin/probe".to_owned(), "sleep".to_owned()];
    words.extend(arguments);
    let container = Bundle::new().set("process.args", json!(words)).started();
    container.output().wait_for("asleep");
    let line = fs::read(format!("/proc/{}/cmdline", container.pid())).unwrap();
    assert_eq!(line, (words.join("\0") + "\0").as_bytes());
}

/// The kernel takes no word of more than 128 KiB: somebody must be told.
fn one_argument_that_is_too_long() {
    let words = json!(["/bin/probe", "x".repeat(200_000)]);
    let mut bundle = Bundle::new().set("process.args", words);
    bundle.run().fails();
}

/// CVE-2026-119101, CVE-2026-115520: there is nothing of CRIU yet that could be confused.
fn checkpoint_is_refused() {
    let container = Bundle::new().folder("/m]:/etc").link("m", "m]:/etc").sleeping();
    let images = container.scratch("images");
    let done =
        container.call_with("checkpoint", &["--image-path", images.to_str().unwrap()]).finish();
    if runtime().is("orun") {
        done.fails_with("checkpoint is not supported");
    }
    assert!(!images.exists() || !runtime().is("orun"));
    container.exec(&[], &["exit 0"]).ok();
}

fn restore_is_refused() {
    let bundle = Bundle::new();
    bundle.create_call(&[]);
    let images = bundle.host_folder("images");
    let call = bundle.call_with("restore", &["--image-path", images.to_str().unwrap()]);
    call.cwd(&bundle.path()).finish().fails();
    assert_eq!(host::names_in(&bundle.root().join(&bundle.id)), [""; 0]);
}

fn state_files_are_the_owners_alone() {
    let mut container = Bundle::new();
    let call = container.create_call(&[]).umask(0);
    container.creates(call).ok();
    let mode = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().permissions().mode();
    let folder = container.root().join(&container.id);
    let open_to_others = |path: &std::path::Path| mode(path) & 0o077 != 0;
    // Whoever may not enter the folder has no way to its files.
    assert!(!open_to_others(&folder) || !open_to_others(&container.root()), "{:o}", mode(&folder));
    if runtime().is("orun") {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let socket = fs::symlink_metadata(&path).unwrap().file_type().is_socket();
            assert!(socket || !open_to_others(&path), "{} {:o}", path.display(), mode(&path));
        }
    }
}

/// What is executed before the start finds the runtime waiting there, started by an engine that has
/// passwords in its environment.
fn the_callers_environment_is_not_in_a_created_container() {
    let mut container = Bundle::new().steps(&["sleep"]);
    let create = container.create_call(&[]).env("PASSWORD", "of-the-engine");
    container.creates(create).ok();
    let seen = container.exec(&[], &["read /proc/1/environ", "open /proc/1/mem r"]).seen();
    let environment = seen["read /proc/1/environ"].to_string();
    assert!(!environment.contains("of-the-engine"), "{environment}");
    container.start().ok();
}

/// CVE-2019-18837, CVE-2021-30465: nothing is made outside, nor mounted, which would be missing inside.
fn a_tmpfs_below_a_link() {
    for there in ["", "sub/dir"] {
        let bundle = Bundle::new();
        let outside = bundle.host_folder("outside");
        fs::create_dir_all(outside.join(there)).unwrap();
        let names = host::names_in(&outside);
        let bundle = bundle.link("link", &outside).tmpfs("/link/sub/dir", &[]);
        let mut bundle = bundle.steps(&["mounts"]);
        let before = host::mounts();
        let done = bundle.run();
        assert_eq!(host::names_in(&outside), names);
        assert_eq!(host::mounts(), before);
        if done.code() == 0 {
            let place = json!(outside.join("sub/dir"));
            let mounts = done.seen()["mounts"].clone();
            let found = mounts.as_array().unwrap().iter().any(|mount| mount["path"] == place);
            assert!(found, "{mounts:#}");
        }
    }
}

/// CVE-2026-115521: it is the root that becomes read-only, not what the image's /proc points at.
fn the_volume_stays_writable_below_a_read_only_root_without_proc() {
    let bundle = Bundle::new().without_mounts("/proc").tmpfs("/vol", &[]);
    let bundle = bundle.without("linux.maskedPaths").without("linux.readonlyPaths");
    let bundle = (0..200).fold(bundle.folder("/proc/self/fd"), |bundle, number| {
        bundle.link(&format!("proc/self/fd/{number}"), "/vol")
    });
    let mut bundle = bundle.steps(&["write /x y", "write /vol/x y"]);
    let done = bundle.run();
    if done.code() == 0 {
        let seen = done.seen();
        assert_eq!([&seen["write /x y"], &seen["write /vol/x y"]], ["EROFS", "ok"]);
    }
}

/// The loader of the filter may need nothing that the filter has just forbidden.
fn a_static_program_under_a_filter_that_allows_nothing_else() {
    for no_new_privileges in [true, false] {
        let names = json!(["execve", "execveat", "exit", "exit_group"]);
        let profile = json!({
            "defaultAction": "SCMP_ACT_KILL_PROCESS",
            "syscalls": [{ "names": names, "action": "SCMP_ACT_ALLOW" }],
        });
        let bundle = Bundle::new().set("linux.seccomp", profile);
        let mut bundle = bundle.set("process.noNewPrivileges", no_new_privileges);
        // The probe's first call of its own ends it: it was started.
        bundle.run().exits(128 + libc::SIGSYS);
    }
}

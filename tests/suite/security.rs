//! A hostile root file system, hostile neighbours, and odd input must not get out.

use std::fs;
use std::path::Path;

use behaviour::{Bundle, Call, ConsoleSocket, Finished, copy_program, host};
use rustix::fs::{CWD, FileType, Mode, makedev};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    dev_is_a_link_without_mount,
    dev_is_a_link_with_a_tmpfs,
    dev_null_is_a_link_to_a_file_of_the_image,
    dev_null_is_a_link_to_a_volume,
    dev_null_is_a_plain_file,
    dev_null_is_another_device,
    dev_null_of_a_volume,
    the_console_is_a_link,
    proc_is_a_link,
    sys_is_a_link,
    a_folder_over_proc,
    a_folder_over_proc_sys,
    a_file_bind_below_a_link,
    a_device_below_a_link,
    a_masked_link_out_of_the_root,
    a_cwd_that_is_a_descriptor,
    an_exec_cwd_that_is_a_descriptor,
    a_cwd_that_is_a_link_to_a_descriptor,
    a_cwd_that_is_anothers_root,
    a_program_that_is_a_descriptor,
    copy_up_of_links_out_of_the_root,
    read_only_without_proc,
];

fn dev_is_a_link_without_mount() {
    let bundle = Bundle::new().without_mounts("/dev").writable();
    dev_is_a_link(bundle);
}

fn dev_is_a_link_with_a_tmpfs() {
    let bundle = Bundle::new().without_mounts("/dev").writable();
    dev_is_a_link(bundle.tmpfs("/dev", &["mode=755"]));
}

fn dev_is_a_link(bundle: Bundle) {
    let outside = bundle.host_folder("outside");
    fs::write(outside.join("ptmx"), "marker").unwrap();
    let mut bundle = bundle.link("dev", &outside);
    let _ = bundle.run();
    assert_eq!(host::names_in(&outside), ["ptmx"]);
    assert_eq!(fs::read_to_string(outside.join("ptmx")).unwrap(), "marker");
}

fn dev_null_is_a_link_to_a_file_of_the_image() {
    let bundle = Bundle::new().file("/evil", "evil").link("dev/null", "/evil");
    let bundle = masking(bundle);
    assert_eq!(bundle.read("/evil"), "evil");
}

fn dev_null_is_a_link_to_a_volume() {
    use std::os::unix::fs::MetadataExt;
    let bundle = Bundle::new().set("process.user.uid", 1000).link("dev/null", "/data");
    let volume = bundle.host_file("volume", "precious");
    let _bundle = masking(bundle.bind(&volume, "/data", &["rw"]));
    assert_eq!(fs::read_to_string(&volume).unwrap(), "precious");
    assert_eq!(fs::metadata(&volume).unwrap().uid(), 0);
}

fn dev_null_is_a_plain_file() {
    masking(Bundle::new().file("/dev/null", "plain"));
}

fn dev_null_is_another_device() {
    let bundle = Bundle::new();
    let (mode, zero) = (Mode::from_raw_mode(0o666), makedev(1, 5));
    let path = bundle.rootfs().join("dev/null");
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, mode, zero).unwrap();
    masking(bundle);
}

/// What it makes, and how, at a path.
type Maker<'m> = (&'m str, &'m dyn Fn(&Path));

/// A volume at /dev gets no devices, so the mask is all that looks at what is there.
fn dev_null_of_a_volume() {
    let mknod = |path: &Path, device| {
        let (kind, mode) = (FileType::CharacterDevice, Mode::from_raw_mode(0o666));
        rustix::fs::mknodat(CWD, path, kind, mode, device).unwrap();
    };
    let makers: [Maker; 4] = [
        ("a link", &|path| std::os::unix::fs::symlink("/evil", path).unwrap()),
        ("a plain file", &|path| fs::write(path, "plain").unwrap()),
        ("another device", &|path| mknod(path, makedev(1, 5))),
        ("nothing", &|_| {}),
    ];
    for (name, make) in makers {
        let bundle = Bundle::new().file("/evil", "evil");
        let volume = bundle.host_folder("volume");
        make(&volume.join("null"));
        let bundle = bundle.without_mounts("/dev").bind(&volume, "/dev", &[]);
        assert_eq!(masked(bundle).read("/evil"), "evil", "{name}");
    }
}

fn masking(bundle: Bundle) -> Bundle {
    masked(bundle.without_mounts("/dev"))
}

/// Runs with a masked file: it fails, or the mask is the null device.
fn masked(bundle: Bundle) -> Bundle {
    let bundle = bundle.writable().file("/etc/masked", "secret");
    let steps = ["stat /etc/masked", "read /etc/masked"];
    let mut bundle = bundle.push("linux.maskedPaths", "/etc/masked").steps(&steps);
    let done = bundle.run();
    if done.code() == 0 {
        let seen = done.seen();
        let mask = &seen["stat /etc/masked"];
        assert_eq!(
            [&mask["type"], &mask["major"], &mask["minor"]],
            [&json!("char"), &json!(1), &json!(3)]
        );
        assert_eq!(seen["read /etc/masked"], "");
    }
    bundle
}

fn the_console_is_a_link() {
    let bundle = Bundle::new().without_mounts("/dev").writable().set("process.terminal", true);
    let outside = bundle.host_folder("outside");
    let bundle = bundle.folder("/dev/pts").link("dev/console", outside.join("new"));
    let options = ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    let mut bundle = bundle.mount("devpts", "devpts".as_ref(), "/dev/pts", &options);
    let socket = ConsoleSocket::listen(bundle.scratch("tty.sock"));
    let _ = bundle.create_with(&["--console-socket", socket.option()]);
    assert_eq!(host::names_in(&outside), [""; 0]);
}

fn proc_is_a_link() {
    let mut bundle = Bundle::new().folder("/fake").link("proc", "/fake");
    bundle.create().fails();
}

fn sys_is_a_link() {
    let mut bundle = Bundle::new().folder("/fake").link("sys", "/fake");
    bundle.create().fails();
}

fn a_folder_over_proc() {
    for path in ["/proc", "/proc/self/attr"] {
        let bundle = Bundle::new();
        let fake = bundle.host_folder("fake");
        bundle.bind(&fake, path, &[]).create().fails();
    }
}

fn a_folder_over_proc_sys() {
    let bundle = Bundle::new().set("linux.sysctl", json!({ "kernel.msgmax": "12345" }));
    let fake = bundle.host_folder("fake/kernel");
    fs::write(fake.join("msgmax"), "FAKE").unwrap();
    let mut bundle = bundle.bind(fake.parent().unwrap(), "/proc/sys", &[]);
    bundle.create().fails();
    assert_eq!(fs::read_to_string(fake.join("msgmax")).unwrap(), "FAKE");
}

fn a_file_bind_below_a_link() {
    let bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let source = bundle.host_file("source", "x");
    let mut bundle = bundle.link("link", outside.join("new")).bind(&source, "/link", &[]);
    let _ = bundle.run();
    assert_eq!(host::names_in(&outside), [""; 0]);
}

fn a_device_below_a_link() {
    let device = json!({ "path": "/link/fuse", "type": "c", "major": 10, "minor": 229 });
    let bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let mut bundle = bundle.link("link", &outside).push("linux.devices", device);
    let _ = bundle.run();
    assert_eq!(host::names_in(&outside), [""; 0]);
}

fn a_masked_link_out_of_the_root() {
    let bundle = Bundle::new();
    let outside = bundle.host_file("outside", "x");
    let mut bundle = bundle.link("link", &outside).push("linux.maskedPaths", "/link");
    let before = host::mounts();
    let _ = bundle.run();
    assert_eq!(host::mounts(), before);
    assert_eq!(fs::read_to_string(outside).unwrap(), "x");
}

fn a_cwd_that_is_a_descriptor() {
    let (bundle, open) = with_marker();
    for number in 3..40 {
        let cwd = format!("/proc/self/fd/{number}");
        let bundle = bundle.beside().set("process.cwd", cwd).steps(&[&open, "self"]);
        let call = leaking_root(bundle.run_call(&[]));
        stays_inside(call.finish(), &open);
    }
}

fn an_exec_cwd_that_is_a_descriptor() {
    let (bundle, open) = with_marker();
    let container = bundle.sleeping();
    for number in 3..40 {
        let cwd = format!("/proc/self/fd/{number}");
        let call = leaking_root(container.exec_call(&["--cwd", &cwd], &[&open, "self"]));
        stays_inside(call.finish(), &open);
    }
}

fn a_cwd_that_is_a_link_to_a_descriptor() {
    let (bundle, open) = with_marker();
    for number in [5, 7, 8, 29] {
        let bundle = bundle.beside().link("work", format!("/proc/self/fd/{number}"));
        let bundle = bundle.set("process.cwd", "/work").steps(&[&open, "self"]);
        stays_inside(leaking_root(bundle.run_call(&[])).finish(), &open);
    }
}

/// Where the host's processes can be seen, the root of one of them is the host's.
fn a_cwd_that_is_anothers_root() {
    let (bundle, open) = with_marker();
    let cwd = format!("/proc/{}/root", std::process::id());
    let running = bundle.beside().without_namespace("pid").set("process.cwd", &*cwd);
    let mut running = running.steps(&[&open, "self"]);
    stays_inside(running.run(), &open);
    let container = bundle.without_namespace("pid").sleeping();
    stays_inside(container.exec(&["--cwd", &cwd], &[&open, "self"]), &open);
}

fn a_program_that_is_a_descriptor() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let outside = bundle.scratch("outside-probe");
    copy_program(&probe, &outside);
    for number in [3, 5, 7, 10, 29] {
        let path = format!("/proc/self/fd/{number}");
        let bundle = bundle.beside().steps(&["print escaped"]).set("process.args.0", path);
        let call = bundle.run_call(&[]).leak(fs::File::open(&outside).unwrap(), number);
        let done = call.finish();
        assert_ne!(done.code(), 0, "{done}");
        assert!(!done.stdout.contains("escaped"), "{done}");
    }
}

fn copy_up_of_links_out_of_the_root() {
    let bundle = Bundle::new();
    let outside = bundle.host_file("outside", "secret of the host");
    let bundle = bundle.folder("/data").link("data/link", &outside).tmpfs("/data", &["tmpcopyup"]);
    let mut bundle = bundle.steps(&["lstat /data/link", "read /data/link"]);
    let done = bundle.run();
    if done.code() == 0 {
        let seen = done.seen();
        assert_eq!(seen["read /data/link"], "ENOENT");
        assert_eq!(seen["lstat /data/link"]["type"], "symlink");
    }
}

fn read_only_without_proc() {
    let bundle = Bundle::new().without_mounts("/proc").tmpfs("/vol", &[]);
    let bundle = bundle.without("linux.maskedPaths").without("linux.readonlyPaths");
    let bundle = (0..60).fold(bundle.folder("/proc/self/fd"), |bundle, number| {
        bundle.link(&format!("proc/self/fd/{number}"), "/vol")
    });
    let mut bundle = bundle.link("proc/thread-self", "self").steps(&["write /tmp/x y"]);
    let done = bundle.run();
    if done.code() == 0 {
        assert_eq!(done.seen()["write /tmp/x y"], "EROFS");
    }
}

/// A bundle, and the step that reads a file of the machine relative to a leaked folder.
fn with_marker() -> (Bundle, String) {
    let bundle = Bundle::new();
    let marker = bundle.host_file("marker", "out here");
    let open = format!("read .{}", marker.display());
    (bundle, open)
}

fn leaking_root(call: Call) -> Call {
    [7, 29].into_iter().fold(call, |call, number| call.leak(fs::File::open("/").unwrap(), number))
}

/// The command failed, or what it started cannot read the file of the machine.
#[track_caller]
fn stays_inside(done: Finished, open: &str) {
    if done.code() == 0 {
        let seen = done.seen();
        assert_ne!(seen[open], "out here");
        let cwd = seen["self"]["cwd"].as_str().unwrap_or_default();
        assert!(cwd.starts_with('/'), "the folder is outside: {cwd:?}");
    }
}

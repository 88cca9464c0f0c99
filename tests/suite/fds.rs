//! File descriptors: what the caller has open must not come into the container.

use std::fs::File;
use std::os::fd::OwnedFd;

use behaviour::old_kernel::Kernel;
use behaviour::{Bundle, Call, ConsoleSocket, Seen, host, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    run_passes_only_the_standard_ones,
    create_passes_only_the_standard_ones,
    exec_passes_only_the_standard_ones,
    a_created_container_holds_nothing_of_the_host,
    one_without_a_process_holds_nothing_of_the_host_either,
    preserved_ones_are_passed,
    preserved_ones_are_passed_to_exec,
    preserved_ones_that_are_closed,
    names_of_sockets_are_passed,
    preserved_ones_come_after_the_sockets,
    sockets_for_another_process_are_not_passed,
    variables_of_the_engine_are_not_passed,
    sockets_of_a_service_are_passed,
    few_descriptors_are_enough_to_create,
    a_program_may_have_no_descriptor_to_spare,
    a_handle_on_the_process_is_sent,
    a_handle_is_sent_to_the_annotated_socket,
    a_handle_on_an_exec_process_is_sent,
    a_handle_needs_somebody_who_listens,
    standard_ones_are_the_callers,
    the_null_device_keeps_its_owner,
];

fn run_passes_only_the_standard_ones() {
    let bundle = Bundle::new().steps(&["fds"]);
    let seen = leaking(bundle.run_call(&[])).finish().seen();
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2"]);
}

fn create_passes_only_the_standard_ones() {
    let mut container = Bundle::new().steps(&["fds"]);
    let call = leaking(container.create_call(&[]));
    container.creates(call).ok();
    leaking(container.call_with("start", &[])).finish().ok();
    container.output().wait_for("\"step\":\"fds\"");
    let seen = behaviour::Seen::parse(&container.output().text());
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2"]);
}

fn exec_passes_only_the_standard_ones() {
    let container = Bundle::new().sleeping();
    let seen = leaking(container.exec_call(&[], &["fds"])).finish().seen();
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2"]);
}

fn a_created_container_holds_nothing_of_the_host() {
    let container = Bundle::new();
    let log = container.scratch("log");
    let mut container = container.global(&["--log", log.to_str().unwrap(), "--log-format", "json"]);
    let call = leaking(container.create_call(&[]));
    container.creates(call).ok();
    let held = host::descriptors(container.pid());
    let foreign: Vec<_> =
        held.iter().filter(|(number, target)| *number > 2 && !may_be_held(target)).collect();
    assert!(foreign.is_empty(), "{foreign:?} of {held:?}");
}

/// Its init never runs a program that would close them. Other runtimes refuse such a container.
fn one_without_a_process_holds_nothing_of_the_host_either() {
    let mut container = Bundle::new().without("process");
    let call = leaking(container.create_call(&[]));
    let created = container.creates(call);
    if runtime().is("orun") {
        created.ok();
        let held = host::descriptors(container.pid());
        let foreign: Vec<_> =
            held.iter().filter(|(number, target)| *number > 2 && !may_be_held(target)).collect();
        assert!(foreign.is_empty(), "{foreign:?} of {held:?}");
    }
}

fn preserved_ones_are_passed() {
    let bundle = Bundle::new().steps(&["fds"]);
    let call = bundle.run_call(&["--preserve-fds", "2"]);
    let seen = with_files(call, &bundle, &[3, 4, 5]).finish().seen();
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "3", "4"]);
    assert!(seen["fds"]["4"].as_str().unwrap().ends_with("/file-4"));
}

fn preserved_ones_are_passed_to_exec() {
    let container = Bundle::new().sleeping();
    let call = container.exec_call(&["--preserve-fds", "1"], &["fds"]);
    let seen = with_files(call, &container, &[3, 4]).finish().seen();
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "3"]);
}

/// Descriptors 3 to 5 are asked for and only 5 is open.
fn preserved_ones_that_are_closed() {
    let bundle = Bundle::new().steps(&["fds"]);
    let call = bundle.run_call(&["--preserve-fds", "3"]);
    let done = with_files(call, &bundle, &[5]).finish();
    done.fails_with("unable to stat preserved-fd 0 (of 3)");
    let container = Bundle::new().sleeping();
    let call = container.exec_call(&["--preserve-fds", "2"], &["fds"]);
    let done = with_files(call, &container, &[3, 5]).finish();
    assert_eq!(done.code(), 255, "{done}");
    done.fails_with("unable to stat preserved-fd 1 (of 2)");
}

fn sockets_of_a_service_are_passed() {
    let seen = as_a_service("LISTEN_PID=$$ LISTEN_FDS=1", &[], &[3, 4]);
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "3"]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("LISTEN_FDS=1")), "{env:?}");
    assert!(env.contains(&json!("LISTEN_PID=1")), "{env:?}");
}

fn names_of_sockets_are_passed() {
    let seen = as_a_service("LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b", &[], &[3, 4]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("LISTEN_FDS=2")), "{env:?}");
    assert!(env.contains(&json!("LISTEN_FDNAMES=a:b")), "{env:?}");
}

fn preserved_ones_come_after_the_sockets() {
    let options = ["--preserve-fds", "1"];
    let seen = as_a_service("LISTEN_PID=$$ LISTEN_FDS=1", &options, &[3, 4, 5]);
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "3", "4"]);
    assert!(seen["fds"]["4"].as_str().unwrap().ends_with("/file-4"));
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("LISTEN_FDS=1")), "{env:?}");
}

fn sockets_for_another_process_are_not_passed() {
    let seen = as_a_service("LISTEN_PID=1 LISTEN_FDS=1", &[], &[3, 4]);
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2"]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(!env.iter().any(|entry| entry.as_str().unwrap().starts_with("LISTEN")), "{env:?}");
}

/// conmon's pipes, with their variables.
fn variables_of_the_engine_are_not_passed() {
    let seen = as_a_service("_OCI_SYNCPIPE=3 _OCI_STARTPIPE=4", &[], &[3, 4]);
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2"]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(!env.iter().any(|entry| entry.as_str().unwrap().contains("PIPE")), "{env:?}");
}

/// What a container sees that is run with these variables and descriptors.
fn as_a_service(variables: &str, options: &[&str], files: &[i32]) -> Seen {
    let bundle = Bundle::new().steps(&["fds", "self"]);
    // Writes config.json.
    let _ = bundle.run_call(&[]);
    let script = format!("{variables} exec \"$@\"");
    let call = Call::new("/bin/sh".as_ref()).args(&["-c", &script, "sh"]).arg(&runtime().program);
    let call = call.arg("--root").arg(bundle.root()).arg("run").arg("--bundle").arg(bundle.path());
    with_files(call.args(options).arg(&bundle.id), &bundle, files).finish().seen()
}

fn a_handle_on_the_process_is_sent() {
    let mut container = Bundle::new().steps(&["sleep"]);
    let socket = ConsoleSocket::listen(container.scratch("pidfd"));
    container.create_with(&["--pidfd-socket", socket.option()]).ok();
    assert_eq!(process_of(&socket.receive_descriptor()), container.pid());
    container.delete_force().ok();
    let call = container.run_call(&["--detach", "--pidfd-socket", socket.option()]);
    container.creates(call).ok();
    assert_eq!(process_of(&socket.receive_descriptor()), container.pid());
}

/// crun has an annotation instead of the option.
fn a_handle_is_sent_to_the_annotated_socket() {
    let bundle = Bundle::new().steps(&["sleep"]);
    let socket = ConsoleSocket::listen(bundle.scratch("pidfd"));
    let annotations = serde_json::json!({ "run.oci.pidfd_receiver": socket.option() });
    let container = bundle.set("annotations", annotations).created();
    assert_eq!(process_of(&socket.receive_descriptor()), container.pid());
}

fn a_handle_on_an_exec_process_is_sent() {
    let container = Bundle::new().sleeping();
    let socket = ConsoleSocket::listen(container.scratch("pidfd"));
    let pid_file = container.scratch("pid");
    let options =
        ["--detach", "--pidfd-socket", socket.option(), "--pid-file", pid_file.to_str().unwrap()];
    container.exec(&options, &["sleep"]).ok();
    let pid: i32 = std::fs::read_to_string(pid_file).unwrap().parse().unwrap();
    assert_eq!(process_of(&socket.receive_descriptor()), pid);
}

fn a_handle_needs_somebody_who_listens() {
    let mut container = Bundle::new();
    let nowhere = container.scratch("nowhere");
    let failed = container.create_with(&["--pidfd-socket", nowhere.to_str().unwrap()]);
    failed.fails_with("nowhere: no such file or directory");
    container.call_with("state", &[]).finish().fails_with("does not exist");
}

/// The process that a pidfd is a handle on (`pidfd_open(2)`).
fn process_of(pidfd: &OwnedFd) -> i32 {
    use std::os::fd::AsRawFd;
    let facts = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()));
    let facts = facts.unwrap();
    let pid = facts.lines().find_map(|line| line.strip_prefix("Pid:"));
    pid.expect("a pidfd").trim().parse().unwrap()
}

fn standard_ones_are_the_callers() {
    let mut bundle = Bundle::new().set("process.user.uid", 1000).steps(&["fds"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let input = File::open("/dev/null").unwrap();
    let error = File::create(bundle.scratch("errors")).unwrap();
    let call = bundle.create_call(&[]).stdio(input.into(), writer.into(), error.into());
    bundle.creates(call).ok();
    bundle.start().ok();
    let seen = behaviour::Seen::parse(&std::io::read_to_string(reader).unwrap());
    assert_eq!(seen["fds"]["0"], "/dev/null");
    assert!(seen["fds"]["1"].as_str().unwrap().starts_with("pipe:["));
    assert!(seen["fds"]["2"].as_str().unwrap().ends_with("/errors"));
}

fn the_null_device_keeps_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let bundle = Bundle::new().set("process.user", json!({ "uid": 1000, "gid": 1000 }));
    // A node of the test's own: one that fails must not leave the machine's to another user.
    let path = bundle.host_folder("dev").join("null");
    let kind = rustix::fs::FileType::CharacterDevice;
    let (mode, device) = (rustix::fs::Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3));
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, device).unwrap();
    let owner = || std::fs::metadata(&path).map(|facts| (facts.uid(), facts.mode())).unwrap();
    let before = owner();
    let null = || -> OwnedFd { File::options().read(true).write(true).open(&path).unwrap().into() };
    bundle.run_call(&[]).stdio(null(), null(), null()).finish().ok();
    assert_eq!(owner(), before);
}

/// Lets a command inherit the machine's root folder several times.
fn leaking(call: Call) -> Call {
    [5, 11, 42, 63]
        .into_iter()
        .fold(call, |call, number| call.leak(File::open("/").unwrap(), number))
}

fn with_files(call: Call, bundle: &Bundle, wanted: &[i32]) -> Call {
    wanted.iter().fold(call, |call, number| {
        let file = bundle.host_file(&format!("file-{number}"), "");
        call.leak(File::open(file).unwrap(), *number)
    })
}

fn numbers(fds: &serde_json::Value) -> Vec<String> {
    let mut numbers: Vec<_> = fds.as_object().unwrap().keys().cloned().collect();
    numbers.sort_unstable();
    numbers
}

/// What a container that waits for its start may hold: the channel to `start`, its own sealed
/// program, and its own root.
fn may_be_held(target: &str) -> bool {
    let kinds = ["pipe:[", "socket:[", "anon_inode:", "/memfd:"];
    kinds.iter().any(|kind| target.starts_with(kind)) || target.ends_with("/exec.fifo")
}

fn few_descriptors_are_enough_to_create() {
    let mut container = Bundle::new().steps(&["sleep"]).set("process.rlimits", json!([]));
    // Before pidfds a handle on a process is a pipe, of two; cgroup v1 takes one for each hierarchy.
    let enough = if Kernel::wanted().is_some() { 20 } else { 16 };
    // Below four, there is none left for the loader of a dynamic program.
    for limit in (4..=20).chain([24, 32, 64]) {
        let call = container.create_call(&[]).descriptors(limit);
        let done = container.creates(call);
        if done.code() == 0 {
            container.call_with("start", &[]).descriptors(limit).finish().ok();
            container.delete_force().ok();
            continue;
        }
        assert!(limit < enough, "{limit} descriptors are not enough: {done}");
        if done.code() != 127 {
            done.exits(1).fails_with("too many open files");
        }
        assert_eq!(host::names_in(&container.root()), Vec::<String>::new());
        assert_eq!(host::cgroups_named(&container.id), Vec::<std::path::PathBuf>::new());
    }
}

fn a_program_may_have_no_descriptor_to_spare() {
    for limit in [0, 1, 2, 3, 5] {
        let limits = json!([{ "type": "RLIMIT_NOFILE", "soft": limit, "hard": limit }]);
        let mut container =
            Bundle::new().steps(&["print started"]).set("process.rlimits", limits).created();
        container.start().ok();
        container.output().wait_for("started");
        container.delete_force().ok();
        assert!(container.run().ok().stdout.contains("started"));
    }
}

//! File descriptors: what the caller has open must not come into the container.

use std::fs::File;
use std::os::fd::OwnedFd;

use behaviour::{Bundle, Call, host, runtime};
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
    sockets_of_a_service_are_passed,
    few_descriptors_are_enough_to_create,
    a_program_may_have_no_descriptor_to_spare,
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

/// Descriptors 3 to 5 are asked for and only 5 is open: an error, or 5 and nothing else.
fn preserved_ones_that_are_closed() {
    let bundle = Bundle::new().steps(&["fds"]);
    let call = bundle.run_call(&["--preserve-fds", "3"]);
    let done = with_files(call, &bundle, &[5]).finish();
    if done.code() == 0 {
        let seen = done.seen();
        assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "5"]);
        assert!(seen["fds"]["5"].as_str().unwrap().ends_with("/file-5"));
    }
}

fn sockets_of_a_service_are_passed() {
    let bundle = Bundle::new().steps(&["fds", "self"]);
    bundle.run_call(&[]);
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
    let call = Call::new("/bin/sh".as_ref()).args(&["-c", script, "sh"]).arg(&runtime().program);
    let call = call.arg("--root").arg(bundle.root()).arg("run").arg("--bundle").arg(bundle.path());
    let seen = with_files(call.arg(&bundle.id), &bundle, &[3, 4]).finish().seen();
    assert_eq!(numbers(&seen["fds"]), ["0", "1", "2", "3"]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("LISTEN_FDS=1")), "{env:?}");
    assert!(env.contains(&json!("LISTEN_PID=1")), "{env:?}");
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
    let owner = || std::fs::metadata("/dev/null").map(|facts| (facts.uid(), facts.mode())).unwrap();
    let before = owner();
    let bundle = Bundle::new().set("process.user", json!({ "uid": 1000, "gid": 1000 }));
    let null =
        || -> OwnedFd { File::options().read(true).write(true).open("/dev/null").unwrap().into() };
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
    // Below, there is none left for the loader of a dynamic program.
    for limit in (4..=20).chain([24, 32, 64]) {
        let call = container.create_call(&[]).descriptors(limit);
        let done = container.creates(call);
        if done.code() == 0 {
            container.call_with("start", &[]).descriptors(limit).finish().ok();
            container.delete_force().ok();
            continue;
        }
        assert!(limit < 16, "{limit} descriptors are not enough: {done}");
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

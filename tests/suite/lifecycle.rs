//! The lifecycle of a container, see the specification's runtime.md.

use std::fs;

use behaviour::{Bundle, host, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    of_several_starts_one_succeeds,
    created_then_started,
    create_runs_nothing_of_the_program,
    edits_after_create_have_no_effect,
    the_bundle_is_the_current_folder_by_default,
    run_leaves_nothing,
    run_keep_leaves_a_stopped_container,
    run_returns_the_exit_code,
    run_returns_128_plus_the_signal,
    run_passes_standard_input,
    run_keeps_output_and_errors_apart,
    run_detached_returns_at_once,
    run_forwards_signals,
    kill_sends_term_by_default,
    kill_takes_names_and_numbers,
    kill_takes_names_in_lower_case,
    kill_ends_a_created_container,
    kill_of_a_stopped_container_fails,
    kill_with_an_unknown_signal_fails,
    start_twice_fails,
    start_of_a_stopped_container_fails,
    delete_of_a_running_container_fails,
    delete_of_a_created_container,
    delete_force_of_a_running_container,
    delete_force_can_be_repeated,
    an_id_is_free_again_after_delete,
    a_used_id_is_refused,
    every_command_refuses_an_unknown_id,
    a_failed_create_leaves_the_id_free,
    two_roots_know_nothing_of_each_other,
    a_link_to_a_state_is_no_container,
    what_an_earlier_version_made_can_be_used,
    pid_file_holds_the_pid,
    pid_file_is_relative_to_the_caller,
    a_killed_init_is_stopped,
    a_created_container_may_be_paused,
];

fn created_then_started() {
    let mut container = Bundle::new().steps(&["print hello", "sleep"]).created();
    assert_eq!(container.status(), "created");
    container.start().ok();
    container.output().wait_for("hello");
    assert_eq!(container.status(), "running");
    container.kill("KILL").ok();
    container.wait_for("stopped");
    container.delete().ok();
}

fn create_runs_nothing_of_the_program() {
    let container = Bundle::new().steps(&["print hello"]).created();
    assert!(host::is_running(container.pid()));
    assert_eq!(container.output().text(), "");
}

fn edits_after_create_have_no_effect() {
    let container = Bundle::new().steps(&["print old", "sleep"]).push("process.env", "WORD=old");
    let container = container.created();
    let config = container.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("print old", "print new").replace("WORD=old", "WORD=new");
    fs::write(config, text).unwrap();
    container.start().ok();
    container.output().wait_for("old");
    let env = container.exec(&[], &["self"]).seen()["self"]["env"].clone();
    assert!(env.as_array().unwrap().contains(&json!("WORD=old")), "{env}");
}

fn the_bundle_is_the_current_folder_by_default() {
    let mut container = Bundle::new().steps(&["print here"]);
    container.create().ok();
    container.delete_force().ok();
    let call = container.call_with("run", &[]).cwd(&container.path());
    assert!(call.finish().ok().stdout.starts_with("here\n"));
}

fn run_leaves_nothing() {
    let mut container = Bundle::new();
    container.run().ok();
    container.call_with("state", &[]).finish().fails();
    assert!(host::cgroups_named(&container.id).is_empty());
}

fn run_keep_leaves_a_stopped_container() {
    let mut container = Bundle::new();
    container.run_with(&["--keep"]).ok();
    assert_eq!(container.status(), "stopped");
    container.delete().ok();
}

fn run_returns_the_exit_code() {
    Bundle::new().steps(&["exit 7"]).run().exits(7);
}

fn run_returns_128_plus_the_signal() {
    let container = Bundle::new().steps(&["sleep"]);
    let running = container.run_call(&[]).spawn();
    running.stdout.wait_for("asleep");
    container.kill("KILL").ok();
    running.wait().exits(128 + 9);
}

fn run_passes_standard_input() {
    let container = Bundle::new().steps(&["stdin"]);
    let seen = container.run_call(&[]).stdin("some text").finish().seen();
    assert_eq!(seen["stdin"], "some text");
}

fn run_keeps_output_and_errors_apart() {
    let done = Bundle::new().steps(&["print out", "complain err"]).run().ok();
    assert!(done.stdout.starts_with("out\n"));
    assert_eq!(done.stderr, "err\n");
}

fn run_detached_returns_at_once() {
    let mut container = Bundle::new().steps(&["sleep"]);
    let call = container.run_call(&["--detach"]);
    container.creates(call).ok();
    assert_eq!(container.status(), "running");
    container.output().wait_for("asleep");
}

fn run_forwards_signals() {
    let container = Bundle::new().steps(&["trap 3", "exit 5"]);
    let running = container.run_call(&[]).spawn();
    running.stdout.wait_for("ready");
    for signal in ["USR1", "TERM", "HUP"] {
        running.signal(signal);
        running.stdout.wait_for(&format!("{{\"result\":\"{signal}\",\"step\":\"signal\"}}"));
    }
    running.wait().exits(5);
}

fn kill_sends_term_by_default() {
    let container = trapping(1);
    container.call_with("kill", &[]).finish().ok();
    container.output().wait_for("\"result\":[\"TERM\"]");
}

fn kill_takes_names_and_numbers() {
    let container = trapping(3);
    for (signal, name) in [("USR1", "USR1"), ("SIGUSR2", "USR2"), ("1", "HUP")] {
        container.kill(signal).ok();
        container.output().wait_for(&format!("{{\"result\":\"{name}\",\"step\":\"signal\"}}"));
    }
}

fn kill_takes_names_in_lower_case() {
    let container = Bundle::new().sleeping();
    container.kill("sigkill").ok();
    container.wait_for("stopped");
}

fn kill_ends_a_created_container() {
    let container = Bundle::new().created();
    container.kill("KILL").ok();
    container.wait_for("stopped");
}

fn kill_of_a_stopped_container_fails() {
    let container = stopped();
    container.kill("TERM").fails();
}

fn kill_with_an_unknown_signal_fails() {
    let container = Bundle::new().sleeping();
    container.kill("FOO").fails();
    container.kill("SIG").fails();
    container.kill("99").fails();
    container.kill("-9").fails();
    assert_eq!(container.status(), "running");
}

fn start_twice_fails() {
    let container = Bundle::new().sleeping();
    container.start().fails();
    assert_eq!(container.status(), "running");
}

fn start_of_a_stopped_container_fails() {
    stopped().start().fails();
}

fn delete_of_a_running_container_fails() {
    let mut container = Bundle::new().sleeping();
    container.delete().fails();
    assert_eq!(container.status(), "running");
}

fn delete_of_a_created_container() {
    let mut container = Bundle::new().created();
    let init = container.pid();
    container.delete().ok();
    assert!(!host::is_running(init));
}

fn delete_force_of_a_running_container() {
    let mut container = Bundle::new().sleeping();
    let init = container.pid();
    container.delete_force().ok();
    assert!(!host::is_running(init));
    container.call_with("state", &[]).finish().fails();
}

fn delete_force_can_be_repeated() {
    let mut container = Bundle::new().sleeping();
    container.delete_force().ok();
    container.delete_force().ok();
    container.delete().fails();
}

fn an_id_is_free_again_after_delete() {
    let mut container = stopped();
    container.delete().ok();
    container.create().ok();
    assert_eq!(container.status(), "created");
}

fn a_used_id_is_refused() {
    let mut container = Bundle::new().sleeping();
    let before = container.state();
    container.create_call(&[]).finish().fails();
    container.run().fails();
    assert_eq!(container.state(), before);
    container.delete_force().ok();
}

fn every_command_refuses_an_unknown_id() {
    let bundle = Bundle::new();
    for command in ["start", "state", "delete", "kill", "ps"] {
        bundle.call_with(command, &[]).finish().fails();
    }
    bundle.exec(&[], &[]).fails();
}

fn a_failed_create_leaves_the_id_free() {
    let mut container = Bundle::new().set("process.args.0", "/bin/nothing");
    container.create().fails();
    container.call_with("state", &[]).finish().fails();
    container = container.set("process.args.0", "/bin/probe");
    container.create().ok();
}

fn two_roots_know_nothing_of_each_other() {
    let container = Bundle::new().created();
    let other = Bundle::new();
    std::fs::create_dir(other.root()).unwrap();
    other.call("state").arg(&container.id).finish().fails();
    assert_eq!(other.call("list").arg("-q").finish().ok().stdout, "");
}

fn a_link_to_a_state_is_no_container() {
    let container = Bundle::new().created();
    let alias = format!("{}-alias", container.id);
    std::os::unix::fs::symlink(&container.id, container.root().join(&alias)).unwrap();
    container.call("state").arg(&alias).finish().fails_with("does not exist");
    let listed = container.call("list").arg("--format=json").finish().json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    fs::remove_file(container.root().join(alias)).unwrap();
}

/// It kept the configuration in a file of its own.
fn what_an_earlier_version_made_can_be_used() {
    let mut container = Bundle::new().sleeping();
    if runtime().is("orun") {
        let folder = container.root().join(&container.id);
        let text = fs::read_to_string(folder.join("state.json")).unwrap();
        let (state, config) = text.split_once('\n').unwrap();
        fs::write(folder.join("state.json"), state).unwrap();
        fs::write(folder.join("config.json"), config).unwrap();
    }
    container.exec(&[], &["exit 3"]).exits(3);
    container.delete_force().ok();
}

fn pid_file_holds_the_pid() {
    let mut container = Bundle::new();
    let file = container.scratch("pid");
    container.create_with(&["--pid-file", file.to_str().unwrap()]).ok();
    assert_eq!(fs::read_to_string(file).unwrap(), container.pid().to_string());
}

fn pid_file_is_relative_to_the_caller() {
    let mut container = Bundle::new();
    let folder = container.host_folder("caller");
    let call = container.create_call(&["--pid-file", "here"]).cwd(&folder);
    container.creates(call).ok();
    assert_eq!(fs::read_to_string(folder.join("here")).unwrap(), container.pid().to_string());
}

fn a_killed_init_is_stopped() {
    let mut container = Bundle::new().sleeping();
    let init = rustix::process::Pid::from_raw(container.pid()).unwrap();
    rustix::process::kill_process(init, rustix::process::Signal::KILL).unwrap();
    container.wait_for("stopped");
    container.delete().ok();
}

fn trapping(count: u32) -> Bundle {
    let container = Bundle::new().steps(&[&format!("trap {count}"), "sleep"]).started();
    container.output().wait_for("ready");
    container
}

fn stopped() -> Bundle {
    let container = Bundle::new().steps(&["exit 0"]).started();
    container.wait_for("stopped");
    container
}

/// The poststart hook of a start that was not heard would run for nothing.
fn of_several_starts_one_succeeds() {
    if !runtime().is("orun") {
        return; // they race for the fifo, which tells nobody who won
    }
    for _ in 0..10 {
        let container = Bundle::new().steps(&["sleep"]).created();
        let starts: Vec<_> = (0..6).map(|_| container.call_with("start", &[]).spawn()).collect();
        let ended: Vec<_> = starts.into_iter().map(behaviour::Running::wait).collect();
        let good = ended.iter().filter(|start| start.code() == 0).count();
        assert_eq!(good, 1, "{good} of 6 starts say that they did it");
    }
}

/// Frozen, it does not die of a signal.
fn a_created_container_may_be_paused() {
    let mut container = Bundle::new().steps(&["exit 0"]).created();
    container.call_with("pause", &[]).finish().ok();
    assert_eq!(container.status(), "paused");
    let start = container.start();
    if runtime().is("crun") {
        assert_ne!(start.code(), 0, "{start}");
    } else {
        start.fails_with("cannot start a container in the paused state");
    }
    container.call_with("resume", &[]).finish().ok();
    assert_eq!(container.status(), "created");
    container.call_with("pause", &[]).finish().ok();
    container.delete_force().ok();
}

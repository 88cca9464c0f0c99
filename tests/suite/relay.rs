//! The terminal of a foreground `run`: nobody who does not read or went away holds up the others.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use behaviour::{Bundle, Call, Pty, Seen, host, runtime};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::termios::{LocalModes, tcgetattr};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_program_that_reads_nothing,
    a_reader_that_went_away,
    a_reader_that_does_not_read,
    all_output_arrives,
    an_input_that_ends,
    a_job_in_the_background_leaves_the_terminal_alone,
];

fn with_terminal(steps: &[&str]) -> Bundle {
    Bundle::new().set("process.terminal", true).steps(steps)
}

/// More than all buffers on the way hold, then the exit code 5.
fn much_output() -> Bundle {
    let line = format!("print {}", "x".repeat(1000));
    let mut steps = vec![line.as_str(); 600];
    steps.push("exit 5");
    with_terminal(&steps)
}

fn nothing() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

fn a_program_that_reads_nothing() {
    let bundle = with_terminal(&["print ready", "sleep"]);
    let running = bundle.run_call(&[]).stdin(&"pasted\n".repeat(300_000)).spawn();
    running.stdout.wait_for("asleep");
    bundle.kill("KILL").ok();
    running.wait().exits(137);
}

fn a_reader_that_went_away() {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(reader);
    let bundle = much_output();
    bundle.run_call(&[]).stdio(nothing(), writer, nothing()).finish().exits(5);
}

fn a_reader_that_does_not_read() {
    let bundle = much_output().without_namespace("pid");
    let (_reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let running = bundle.run_call(&[]).stdio(nothing(), writer, nothing()).spawn();
    host::eventually("the container", || bundle.call_with("state", &[]).finish().code() == 0);
    bundle.wait_for("running");
    running.signal("TERM");
    running.wait().exits(143);
}

fn all_output_arrives() {
    let (mut outer, other) = Pty::open(24, 80);
    let bundle = much_output();
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    drop(other);
    let count = outer.read_to_end().matches('x').count();
    running.wait().exits(5);
    // The words of each answer have the text again.
    assert_eq!(count, 600 * 2000);
}

fn an_input_that_ends() {
    for input in ["one\ntwo\n", "one\ntwo", ""] {
        let done = with_terminal(&["stdin"]).run_call(&[]).stdin(input).finish();
        let seen = Seen::parse(&done.ok().stdout.replace('\r', ""));
        assert_eq!(seen["stdin"], input);
    }
}

fn a_job_in_the_background_leaves_the_terminal_alone() {
    let mut bundle = with_terminal(&["sleep"]);
    // Writes the configuration.
    drop(bundle.run_call(&[]));
    let script = "set -m; \"$@\" & sleep 1; jobs; kill -KILL %1";
    let (mut outer, other) = Pty::open(24, 80);
    let shell = Call::new(Path::new("/bin/bash")).args(&["-c", script, "bash"]);
    let shell = shell.arg(&runtime().program).arg("--root").arg(bundle.root());
    let shell = shell.arg("run").arg("--bundle").arg(bundle.path()).arg(&bundle.id);
    let running = shell.on_terminal(&other).spawn();
    outer.wait_for("Stopped");
    assert!(tcgetattr(&other).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    running.wait().ok();
    bundle.delete_force().ok();
}

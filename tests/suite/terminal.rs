//! Terminals: `process.terminal` with a console socket, and in the foreground.

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use behaviour::{Bundle, ConsoleSocket, Pty, Seen};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_master_comes_over_the_socket,
    standard_descriptors_are_the_terminal,
    the_console_is_the_terminal,
    the_terminal_is_the_controlling_one,
    the_terminal_belongs_to_the_user,
    console_size_is_set,
    the_container_reads_what_is_typed,
    run_in_the_foreground_relays_both_ways,
    run_in_the_foreground_passes_the_size_on,
    run_in_the_foreground_follows_a_resize,
    run_in_the_foreground_adds_no_carriage_returns,
    exec_in_the_foreground_adds_no_carriage_returns,
    who_takes_the_master_gets_carriage_returns,
    run_in_the_foreground_restores_the_terminal,
    run_in_the_foreground_returns_the_exit_code,
    exec_with_a_terminal,
    exec_in_the_foreground_with_a_terminal,
    a_container_without_terminal_has_none,
    a_socket_that_nobody_listens_at_is_an_error,
];

fn the_master_comes_over_the_socket() {
    let (_container, terminal) = with_terminal(Bundle::new(), &["sleep"]);
    let master = terminal.metadata();
    assert!(master.file_type().is_char_device());
    assert_eq!((rustix::fs::major(master.rdev()), rustix::fs::minor(master.rdev())), (5, 2));
}

fn standard_descriptors_are_the_terminal() {
    let seen = seen_on_terminal(Bundle::new(), &["tty", "fds"]);
    assert_eq!(seen["tty"]["terminals"], json!([true, true, true]));
    assert_eq!(seen["fds"], json!({ "0": "/dev/pts/0", "1": "/dev/pts/0", "2": "/dev/pts/0" }));
}

fn the_console_is_the_terminal() {
    let seen = seen_on_terminal(Bundle::new(), &["stat /dev/console", "stat /dev/pts/0"]);
    let [console, terminal] = [&seen["stat /dev/console"], &seen["stat /dev/pts/0"]];
    assert_eq!(console["major"], 136);
    assert_eq!(console["minor"], terminal["minor"]);
    assert_eq!(console["inode"], terminal["inode"]);
}

fn the_terminal_is_the_controlling_one() {
    let seen = seen_on_terminal(Bundle::new(), &["tty", "self"]);
    assert_eq!(seen["tty"]["controlling"], "ok");
    assert_eq!(seen["self"]["sid"], 1);
}

fn the_terminal_belongs_to_the_user() {
    let bundle = Bundle::new().set("process.user.uid", 1000);
    let seen = seen_on_terminal(bundle, &["stat /dev/pts/0"]);
    assert_eq!(seen["stat /dev/pts/0"]["uid"], 1000);
    assert_eq!(seen["stat /dev/pts/0"]["gid"], 5);
    assert_eq!(seen["stat /dev/pts/0"]["mode"], "0620");
}

fn console_size_is_set() {
    let size = json!({ "height": 33, "width": 101 });
    let seen = seen_on_terminal(Bundle::new().set("process.consoleSize", size), &["tty"]);
    assert_eq!(seen["tty"]["rows"], 33);
    assert_eq!(seen["tty"]["columns"], 101);
}

fn the_container_reads_what_is_typed() {
    let (container, mut terminal) = with_terminal(Bundle::new(), &["print ready", "stdin"]);
    container.start().ok();
    terminal.wait_for("ready");
    terminal.type_in("hello\n\u{4}");
    terminal.wait_for("{\"result\":\"hello\\n\",\"step\":\"stdin\"}");
}

fn run_in_the_foreground_relays_both_ways() {
    let bundle = Bundle::new().set("process.terminal", true).steps(&["print ready", "stdin"]);
    let (mut outer, other) = Pty::open(24, 80);
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    outer.wait_for("ready");
    outer.type_in("hello\n\u{4}");
    outer.wait_for("{\"result\":\"hello\\n\",\"step\":\"stdin\"}");
    running.wait().ok();
}

fn run_in_the_foreground_passes_the_size_on() {
    let bundle = Bundle::new().set("process.terminal", true).steps(&["sleep 300", "tty"]);
    let (mut outer, other) = Pty::open(44, 122);
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    let seen = Seen::parse(outer.wait_for("\"step\":\"tty\"}"));
    running.wait().ok();
    assert_eq!(seen["tty"]["rows"], 44);
    assert_eq!(seen["tty"]["columns"], 122);
}

fn run_in_the_foreground_follows_a_resize() {
    let steps = ["print ready", "sleep 500", "tty"];
    let bundle = Bundle::new().set("process.terminal", true).steps(&steps);
    let (mut outer, other) = Pty::open(24, 80);
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    outer.wait_for("ready");
    outer.resize(50, 150);
    let seen = Seen::parse(outer.wait_for("\"step\":\"tty\"}"));
    running.wait().ok();
    assert_eq!(seen["tty"]["rows"], 50);
}

fn run_in_the_foreground_adds_no_carriage_returns() {
    let bundle = Bundle::new().set("process.terminal", true).steps(&["sleep 300", "tty"]);
    let (mut outer, other) = Pty::open(24, 80);
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    let seen = Seen::parse(outer.wait_for("\"step\":\"tty\"}"));
    running.wait().ok();
    assert_eq!(seen["tty"]["adds_carriage_returns"], false);
}

fn exec_in_the_foreground_adds_no_carriage_returns() {
    let container = Bundle::new().sleeping();
    let (mut outer, other) = Pty::open(24, 80);
    let running = container.exec_call(&["--tty"], &["tty"]).on_terminal(&other).spawn();
    let seen = Seen::parse(outer.wait_for("\"step\":\"tty\"}"));
    running.wait().ok();
    assert_eq!(seen["tty"]["adds_carriage_returns"], false);
}

/// The terminal in front of an engine's client is raw altogether, so that lines would become stairs.
fn who_takes_the_master_gets_carriage_returns() {
    let seen = seen_on_terminal(Bundle::new(), &["tty"]);
    assert_eq!(seen["tty"]["adds_carriage_returns"], true);
    let container = Bundle::new().sleeping();
    let socket = ConsoleSocket::listen(container.scratch("tty.sock"));
    let options = ["--tty", "--detach", "--console-socket", socket.option()];
    container.exec(&options, &["tty"]).ok();
    let seen = Seen::parse(socket.receive().wait_for("\"step\":\"tty\"}"));
    assert_eq!(seen["tty"]["adds_carriage_returns"], true);
}

fn run_in_the_foreground_restores_the_terminal() {
    use rustix::termios::{LocalModes, tcgetattr};
    let bundle = Bundle::new().set("process.terminal", true).steps(&["print ready", "stdin"]);
    let (mut outer, other) = Pty::open(24, 80);
    let cooked = tcgetattr(&other).unwrap().local_modes;
    let running = bundle.run_call(&[]).on_terminal(&other).spawn();
    outer.wait_for("ready");
    let raw = tcgetattr(&other).unwrap().local_modes;
    assert!(!raw.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    outer.type_in("\u{4}");
    running.wait().ok();
    assert_eq!(tcgetattr(&other).unwrap().local_modes, cooked);
}

fn run_in_the_foreground_returns_the_exit_code() {
    let bundle = Bundle::new().set("process.terminal", true).steps(&["exit 9"]);
    let (_outer, other) = Pty::open(24, 80);
    bundle.run_call(&[]).on_terminal(&other).finish().exits(9);
}

fn exec_with_a_terminal() {
    let container = Bundle::new().sleeping();
    let socket = ConsoleSocket::listen(container.scratch("tty.sock"));
    let options = ["--tty", "--detach", "--console-socket", socket.option()];
    container.exec(&options, &["tty", "fds"]).ok();
    let mut terminal = socket.receive();
    let seen = Seen::parse(terminal.wait_for("\"step\":\"fds\"}"));
    assert_eq!(seen["tty"]["terminals"], json!([true, true, true]));
    assert_eq!(seen["tty"]["controlling"], "ok");
    assert_eq!(seen["fds"], json!({ "0": "/dev/pts/0", "1": "/dev/pts/0", "2": "/dev/pts/0" }));
}

fn exec_in_the_foreground_with_a_terminal() {
    let container = Bundle::new().sleeping();
    let (mut outer, other) = Pty::open(24, 80);
    let call = container.exec_call(&["--tty"], &["tty", "exit 6"]);
    let running = call.on_terminal(&other).spawn();
    let seen = Seen::parse(outer.wait_for("\"step\":\"tty\"}"));
    assert_eq!(seen["tty"]["name"], "/dev/pts/0");
    running.wait().exits(6);
}

fn a_container_without_terminal_has_none() {
    let seen = Bundle::new().look(&["tty", "list /dev/pts", "self"]);
    assert_eq!(seen["tty"]["terminals"], json!([false, false, false]));
    assert_eq!(seen["tty"]["controlling"], "ENXIO");
    assert_eq!(seen["tty"]["console"], "ENOENT");
    assert_eq!(seen["list /dev/pts"], json!(["ptmx"]));
    assert_eq!(seen["self"]["sid"], 1);
}

fn a_socket_that_nobody_listens_at_is_an_error() {
    let mut container = Bundle::new().set("process.terminal", true);
    let path = container.host_file("no.sock", "");
    container.create_with(&["--console-socket", path.to_str().unwrap()]).fails();
}

/// Creates a container with a terminal and receives that.
fn with_terminal(bundle: Bundle, steps: &[&str]) -> (Bundle, Pty) {
    let mut container = bundle.set("process.terminal", true).steps(steps);
    let socket = ConsoleSocket::listen(container.scratch("tty.sock"));
    container.create_with(&["--console-socket", socket.option()]).ok();
    let terminal = socket.receive();
    (container, terminal)
}

fn seen_on_terminal(bundle: Bundle, steps: &[&str]) -> Seen {
    let (container, mut terminal) = with_terminal(bundle, steps);
    container.start().ok();
    Seen::parse(terminal.read_to_end())
}

//! `kill -9` at each system call of a command.

use behaviour::sys::trace::{Blow, Strike};
use behaviour::{Bundle, Call};

use crate::{nothing_is_left, points};

pub const CASES: &[(&str, fn())] = &[
    ("kills::create", create),
    ("kills::create_without_a_pid_namespace", create_without_a_pid_namespace),
    ("kills::run", run),
    ("kills::start", start),
    ("kills::exec", exec),
    ("kills::delete", delete),
    ("kills::delete_by_force", delete_by_force),
    ("kills::update", update),
];

fn create() {
    each(&mut Bundle::new().steps(&["sleep"]), &|_| {}, &|container| container.create_call(&[]));
}

fn create_without_a_pid_namespace() {
    let mut container = Bundle::new().steps(&["sleep"]).without_namespace("pid");
    each(&mut container, &|_| {}, &|container| container.create_call(&[]));
}

fn run() {
    each(&mut Bundle::new().steps(&["exit 0"]), &|_| {}, &|container| container.run_call(&[]));
}

fn start() {
    let prepare = |container: &mut Bundle| drop(container.create().ok());
    each(&mut Bundle::new().steps(&["sleep"]), &prepare, &|container| {
        container.call_with("start", &[])
    });
}

fn running(container: &mut Bundle) {
    container.create().ok();
    container.start().ok();
}

fn exec() {
    each(&mut Bundle::new().steps(&["sleep"]), &running, &|container| {
        assert_eq!(container.status(), "running");
        container.exec(&[], &["exit 7"]).exits(7);
        container.exec_call(&[], &["exit 7"])
    });
}

fn delete() {
    let prepare = |container: &mut Bundle| drop(container.create().ok());
    each(&mut Bundle::new().steps(&["sleep"]), &prepare, &|container| {
        container.call_with("delete", &[])
    });
}

fn delete_by_force() {
    each(&mut Bundle::new().steps(&["sleep"]), &running, &|container| {
        container.call_with("delete", &["--force"])
    });
}

fn update() {
    each(&mut Bundle::new().steps(&["sleep"]), &running, &|container| {
        assert_eq!(container.status(), "running");
        container.call_with("update", &["--pids-limit", "100", "--memory", "100000000"])
    });
}

/// Kills the command at each of its calls, each time with a container that was prepared anew.
fn each(container: &mut Bundle, prepare: &dyn Fn(&mut Bundle), call: &dyn Fn(&Bundle) -> Call) {
    // The first create makes the state root, too.
    container.create().ok();
    clean_up(container, "a create");
    prepare(container);
    let spare = Strike { process: 0, call: 0, blow: Blow::Spare };
    let (done, report) = call(container).struck(spare);
    assert!(done.code() < 128, "{done}");
    clean_up(container, "no kill at all");
    for point in points(report.calls[0].len()) {
        prepare(container);
        let (done, _) =
            call(container).struck(Strike { process: 0, call: point, blow: Blow::Kill });
        // Another time the command may take less calls.
        assert!(done.killed_by(9) || point * 10 > report.calls[0].len() * 8, "no kill: {done}");
        container.call("list").finish().ok();
        clean_up(container, &format!("call {point}: {done}"));
        container.create().ok();
        clean_up(container, &format!("a create after a kill at call {point}"));
    }
}

fn clean_up(container: &mut Bundle, when: &str) {
    container.delete_force().ok();
    nothing_is_left(container, when);
    container.delete_force().ok();
}

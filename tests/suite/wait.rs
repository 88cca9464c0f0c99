//! `wait`: how a container ended that somebody else is the parent of.

use std::path::Path;

use behaviour::{Bundle, Finished, Running, host};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    it_tells_the_exit_status,
    it_tells_the_signal,
    it_returns_no_sooner_than_the_container_ends,
    it_waits_for_a_container_that_is_not_started_yet,
    several_may_wait,
    of_a_container_that_has_ended_nothing_is_known,
    one_that_is_not_there_is_an_error,
];

fn it_tells_the_exit_status() {
    let container = ends_on_signal(7);
    let waiting = waiting(&container);
    container.kill("USR1").ok();
    let waited = waiting.wait();
    assert_told(&waited, 7);
    assert_eq!(container.status(), "stopped");
}

fn it_tells_the_signal() {
    let container = Bundle::new().sleeping();
    let waiting = waiting(&container);
    container.kill("KILL").ok();
    let waited = waiting.wait();
    assert_told(&waited, 137);
}

fn it_returns_no_sooner_than_the_container_ends() {
    let container = Bundle::new().steps(&["sleep 500", "exit 0"]).started();
    // Who is the parent, and takes the status away first, is not known here.
    let waited = container.call_with("wait", &[]).finish();
    assert_eq!(container.status(), "stopped", "{waited}");
}

fn it_waits_for_a_container_that_is_not_started_yet() {
    let container = Bundle::new().steps(&["exit 0"]).created();
    let waiting = waiting(&container);
    container.start().ok();
    let waited = waiting.wait();
    assert_told(&waited, 0);
}

fn several_may_wait() {
    let container = ends_on_signal(4);
    let waiting = [(); 3].map(|()| waiting(&container));
    container.kill("USR1").ok();
    for waited in waiting.map(Running::wait) {
        assert_told(&waited, 4);
    }
}

fn of_a_container_that_has_ended_nothing_is_known() {
    let container = Bundle::new().steps(&["sleep 200", "exit 7"]).started();
    // Until its parent has asked for it, the kernel tells the status.
    let process = Path::new("/proc").join(container.pid().to_string());
    host::eventually("the end of the process", || !process.exists());
    let waited = container.call_with("wait", &[]).finish();
    assert_eq!((waited.code(), waited.stdout.as_str()), (125, ""), "{waited}");
    assert!(waited.stderr.contains("its exit status is not known"), "{waited}");
}

fn one_that_is_not_there_is_an_error() {
    let waited = Bundle::new().call_with("wait", &[]).finish();
    assert_eq!(waited.code(), 1, "{waited}");
    waited.fails_with("container does not exist");
}

/// The status was told; or, before Linux 6.15, that it is not known: the parent may have taken it.
#[track_caller]
fn assert_told(waited: &Finished, status: i32) {
    let told = (waited.code(), waited.stdout.as_str());
    let unknown = !host::kernel_is_at_least(6, 15) && told == (125, "");
    assert!(unknown || told == (status, format!("{status}\n").as_str()), "{status}: {waited}");
}

fn ends_on_signal(status: i32) -> Bundle {
    let container = Bundle::new().steps(&["trap 1", &format!("exit {status}")]).started();
    container.output().wait_for("ready");
    container
}

/// A `wait` that holds the process already, and so can't miss its end.
fn waiting(container: &Bundle) -> Running {
    let waiting = container.call_with("wait", &[]).spawn();
    host::eventually("a handle on the process", || {
        host::descriptors(waiting.pid()).iter().any(|(_, target)| target.contains("pidfd"))
    });
    waiting
}

//! Several commands on one container at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use behaviour::{Bundle, Running, host};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    one_of_many_creates_succeeds,
    kills_and_deletes_at_once,
    deletes_beside_creates,
    exec_beside_delete,
    pause_beside_delete,
    state_and_list_tell_the_truth_throughout,
    what_a_killed_command_left_without_a_state_is_no_container,
];

fn one_of_many_creates_succeeds() {
    for _ in 0..3 {
        let mut container = Bundle::new().steps(&["sleep"]);
        let creates: Vec<Running> = (0..20).map(|_| container.create_call(&[]).spawn()).collect();
        let ended: Vec<_> = creates.into_iter().map(Running::wait).collect();
        let (good, bad): (Vec<_>, Vec<_>) = ended.into_iter().partition(|done| done.code() == 0);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(|done| drop(done.exits(1).fails_with("already exists")));
        assert_eq!(container.status(), "created");
        container.start().ok();
        container.delete_force().ok();
    }
}

fn kills_and_deletes_at_once() {
    for _ in 0..5 {
        let container = Bundle::new().sleeping();
        let kill = || container.call("kill").arg(&container.id).arg("KILL").spawn();
        let delete = || container.call_with("delete", &["--force"]).spawn();
        let pairs: Vec<(Running, Running)> = (0..8).map(|_| (kill(), delete())).collect();
        for (kill, delete) in pairs {
            assert!(kill.wait().code() <= 1);
            delete.wait().ok();
        }
        container.call_with("state", &[]).finish().fails_with("does not exist");
    }
}

/// The frozen of cgroup v1 do not die: a pause that comes after the kill must not hold up the removal.
fn pause_beside_delete() {
    let mut container = Bundle::new().sleeping();
    for _ in 0..40 {
        let delete = container.call_with("delete", &["--force"]).spawn();
        let pause = container.call_with("pause", &[]).spawn();
        delete.wait().ok();
        assert!(pause.wait().code() <= 1);
        container.create().ok();
        container.start().ok();
    }
}

fn deletes_beside_creates() {
    let mut container = Bundle::new().steps(&["sleep"]);
    for _ in 0..15 {
        let create = container.create_call(&[]).spawn();
        let deletes: Vec<Running> =
            (0..3).map(|_| container.call_with("delete", &["--force"]).spawn()).collect();
        deletes.into_iter().for_each(|delete| drop(delete.wait().ok()));
        // It was deleted before, meanwhile, or not at all.
        assert!(create.wait().code() <= 1);
        container.delete_force().ok();
        assert_eq!(host::names_in(&container.root()), Vec::<String>::new());
    }
}

fn exec_beside_delete() {
    for namespace in ["pid", "ipc"] {
        for _ in 0..8 {
            let mut container = Bundle::new().without_namespace(namespace).sleeping();
            let execs: Vec<Running> =
                (0..3).map(|_| container.exec_call(&[], &["sleep 3000"]).spawn()).collect();
            container.delete_force().ok();
            for exec in execs {
                let done = exec.wait();
                // Killed with the container, or too late for it.
                assert!(done.code() == 137 || !done.stderr.is_empty(), "{done}");
            }
        }
    }
}

fn state_and_list_tell_the_truth_throughout() {
    static OVER: AtomicBool = AtomicBool::new(false);
    OVER.store(false, Ordering::Relaxed);
    let mut container = Bundle::new().steps(&["sleep"]);
    container.delete_force().ok();
    std::fs::create_dir_all(container.root()).unwrap();
    std::thread::scope(|scope| {
        let watchers: Vec<_> = ["state", "list"]
            .into_iter()
            .map(|command| {
                let call = || match command {
                    "list" => container.call("list").args(&["--format", "json"]),
                    _ => container.call_with("state", &[]),
                };
                // A call is made here, as a bundle is of one thread.
                let mut calls: Vec<_> = (0..400).map(|_| call()).collect();
                scope.spawn(move || {
                    while !OVER.load(Ordering::Relaxed)
                        && let Some(call) = calls.pop()
                    {
                        let done = call.finish();
                        let said = format!("{}{}", done.stdout, done.stderr);
                        if command == "list" {
                            assert_eq!(done.code(), 0, "{said}");
                            assert!(!said.contains("unknown"), "{said}");
                        } else if done.code() != 0 {
                            assert!(said.contains("does not exist"), "{said}");
                        }
                    }
                })
            })
            .collect();
        for _ in 0..12 {
            container.create().ok();
            container.start().ok();
            container.delete_force().ok();
        }
        OVER.store(true, Ordering::Relaxed);
        watchers.into_iter().for_each(|watcher| watcher.join().unwrap());
    });
}

fn what_a_killed_command_left_without_a_state_is_no_container() {
    let mut container = Bundle::new().steps(&["sleep"]);
    let left = container.root().join(&container.id);
    let leave = || {
        std::fs::create_dir_all(&left).unwrap();
        std::fs::write(left.join("intent.json"), "").unwrap();
    };
    leave();
    container.call_with("state", &[]).finish().fails_with("does not exist");
    container.delete().fails_with("does not exist");
    assert_eq!(
        container.call("list").args(&["--format", "json"]).finish().ok().stdout.trim(),
        "null"
    );
    container.delete_force().ok();
    assert!(!left.exists());
    leave();
    container.create().ok();
    container.delete_force().ok();
    assert!(host::within(Duration::from_secs(1), || !left.exists()));
}

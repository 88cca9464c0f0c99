//! What a container must not leave behind: mounts, cgroups, processes, state.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::{host, sandbox, sys};

thread_local! {
    static LEAKS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs a test in a mount namespace of its own; panics when something is left after it.
pub fn watch(test: impl FnOnce()) {
    sys::unshare(libc::CLONE_NEWNS).expect("make a mount namespace");
    sandbox::make_private();
    LEAKS.take();
    let before = host::mounts();
    test();
    let mut leaks = LEAKS.take();
    let mounts = host::mounts().into_iter().filter(|mount| !before.contains(mount));
    leaks.extend(mounts.map(|mount| format!("mount {mount}")));
    assert!(leaks.is_empty(), "left behind:\n{}", leaks.join("\n"));
}

/// Notes what is left of container `id`, whose bundle is gone, and removes it.
pub(crate) fn check(id: &str, root: &Path) {
    if host::within(Duration::from_secs(3), || left_of(id, root).is_empty()) {
        return;
    }
    let left = left_of(id, root);
    remove(id, root);
    LEAKS.with_borrow_mut(|leaks| leaks.extend(left));
}

/// What is left of container `id`: processes, cgroups, state.
pub fn left_of(id: &str, root: &Path) -> Vec<String> {
    let processes = host::processes_with(id).into_iter().map(|pid| format!("process {pid}"));
    let cgroups = host::cgroups_named(id).into_iter().map(|path| format!("{}", path.display()));
    let states = fs::read_dir(root).into_iter().flatten().flatten();
    let states = states
        .filter(|entry| entry.file_name().to_string_lossy().contains(id))
        .map(|entry| format!("state {}", entry.path().display()));
    processes.chain(cgroups).chain(states).collect()
}

/// Keeps one bad test from failing the next ones.
fn remove(id: &str, root: &Path) {
    let in_cgroups = host::cgroups_named(id).into_iter().flat_map(|folder| {
        let pids = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        pids.lines().filter_map(|line| line.parse().ok()).collect::<Vec<i32>>()
    });
    for pid in host::processes_with(id).into_iter().chain(in_cgroups).filter_map(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    host::within(Duration::from_secs(2), || {
        let folders = host::cgroups_named(id);
        folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
        folders.is_empty()
    });
    let _ = fs::remove_dir_all(root.join(id));
}

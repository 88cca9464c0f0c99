//! Hundreds of containers leave the machine as it was.

use std::fs;
use std::path::Path;
use std::time::Duration;

use behaviour::{Bundle, Call, host, runtime};

use crate::case::{Case, cases};

pub const CASES: &[Case] =
    cases![; alone: three_hundred_cycles, two_hundred_failed_creates, one_hundred_execs];

fn three_hundred_cycles() {
    let mut container = Bundle::new().steps(&["sleep"]);
    unchanged(&container.id.clone(), &container.root(), 300, || {
        for _ in 0..300 {
            container.create().ok();
            container.start().ok();
            container.kill("KILL").ok();
            container.wait_for("stopped");
            container.delete().ok();
        }
    });
}

fn two_hundred_failed_creates() {
    let container = Bundle::new();
    let source = container.scratch("missing");
    let mut container = container.bind(&source, "/data", &[]);
    unchanged(&container.id.clone(), &container.root(), 200, || {
        for _ in 0..200 {
            container.create().fails();
        }
    });
}

fn one_hundred_execs() {
    let container = Bundle::new().sleeping();
    unchanged(&container.id, &container.root(), 100, || {
        for _ in 0..100 {
            container.exec(&[], &["exit 0"]).ok();
        }
    });
    let pids = container.call_with("ps", &["--format", "json"]).finish().json();
    assert_eq!(pids.as_array().unwrap().len(), 1);
}

/// Compares mounts, cgroups, processes, the state root and the number of open files.
fn unchanged(id: &str, root: &Path, cycles: u64, work: impl FnOnce()) {
    Call::new(&runtime().program).arg("--version").finish().ok();
    let before = Machine::now(id, root);
    work();
    let same =
        host::within(Duration::from_secs(20), || Machine::now(id, root).is_like(&before, cycles));
    assert!(same, "before {before:?}, after {:?}", Machine::now(id, root));
}

#[derive(Debug)]
struct Machine {
    mounts: usize,
    cgroups: usize,
    processes: usize,
    states: usize,
    open_files: u64,
}

impl Machine {
    fn now(id: &str, root: &Path) -> Machine {
        let numbers = fs::read_dir("/proc").unwrap().flatten();
        let processes = numbers
            .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
            .count();
        Machine {
            mounts: host::mounts().len(),
            cgroups: host::cgroups_named(id).len(),
            processes,
            states: fs::read_dir(root).map_or(0, Iterator::count),
            open_files: open_files(),
        }
    }

    /// Open files are those of the whole machine, where others come and go; one for each cycle
    /// would show.
    fn is_like(&self, before: &Machine, cycles: u64) -> bool {
        self.mounts == before.mounts
            && self.cgroups == before.cgroups
            && self.processes <= before.processes
            && self.states == before.states
            && self.open_files < before.open_files + cycles * 9 / 10
    }
}

fn open_files() -> u64 {
    let text = fs::read_to_string("/proc/sys/fs/file-nr").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

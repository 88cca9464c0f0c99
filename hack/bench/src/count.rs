//! What does not depend on the speed of the machine, for each command: system calls, instructions,
//! memory, page faults.

use crate::bundle::Bundle;
use crate::cgroup_view;
use crate::config::Config;
use crate::field::{Field, Setup};
use crate::lifecycle::{Container, reap_orphans};
use crate::runtime::Runtime;
use crate::scenario::Outcome;
use crate::tools::{self, Sampler};
use rustix::process::Pid;
use std::collections::BTreeMap;
use std::fs;

/// The figures of one command; `None` where they could not be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// System calls of all its processes.
    pub syscalls: Option<u64>,
    /// Processes and threads that it made.
    pub clones: Option<u64>,
    /// Instructions in user space.
    pub instructions: Option<u64>,
    /// The most memory of any one process, in KiB.
    pub peak_kib: Option<u64>,
    /// Page faults of all processes that were waited for.
    pub faults: Option<u64>,
}

/// The figures of one runtime.
#[derive(Debug, Default)]
pub struct Counted {
    /// Whose.
    pub runtime: String,
    /// By command.
    pub commands: BTreeMap<&'static str, Counts>,
    /// What the container's cgroup uses when `create` has returned, in KiB.
    pub in_use_kib: Option<u64>,
    /// The size of the program's file, in KiB: without the libraries that it loads.
    pub binary_kib: Option<u64>,
}

/// What is counted: the start and end of the program alone, and the commands.
pub const COUNTED: [&str; 9] =
    ["--version", "run", "create", "start", "state", "exec", "list", "kill", "delete"];
/// Runtimes with threads do not make the same calls each time: the middle of these runs counts.
const STRACE_RUNS: usize = 3;
/// On v2 the kernel charges memory in batches for each processor that a process runs on, so that
/// chance has a part in it: the middle of these runs counts.
const MEMORY_RUNS: usize = 9;

/// Counts for every runtime; what cannot be counted is left out with a note.
pub fn measure(setup: &Setup) -> Result<Outcome, String> {
    let field = Field::with_floor(setup);
    let mut outcome = Outcome::default();
    for runtime in &field.runtimes {
        let counted = count(runtime, setup.bundle, &mut outcome.notes);
        reap_orphans();
        outcome.counts.push(counted);
    }
    outcome.notes.sort();
    outcome.notes.dedup();
    Ok(outcome)
}

fn count(runtime: &Runtime, bundle: &Bundle, notes: &mut Vec<String>) -> Counted {
    let mut counted = Counted { runtime: runtime.name.clone(), ..Counted::default() };
    let mut in_use = Vec::new();
    counted.binary_kib = fs::metadata(&runtime.program).ok().map(|file| file.len() / 1024);
    for sampler in tools::samplers(notes) {
        let mut samples = Vec::new();
        let runs = match (sampler.varies(), sampler.is_light()) {
            (true, _) => STRACE_RUNS,
            (_, true) => MEMORY_RUNS,
            _ => 1,
        };
        for _ in 0..runs {
            match life(runtime, bundle, &sampler, &mut in_use) {
                Ok(sample) => samples.push(sample),
                Err(why) => notes.push(format!("{}, {}: {why}", runtime.name, sampler.name())),
            }
        }
        for command in COUNTED {
            let sample = middle(samples.iter().filter_map(|sample| sample.get(command)));
            let counts = counted.commands.entry(command).or_default();
            *counts = counts.or(sample);
        }
    }
    in_use.sort_unstable();
    counted.in_use_kib = in_use.get(in_use.len() / 2).copied();
    counted
}

/// One life of a container with one tool around each command.
fn life(
    runtime: &Runtime,
    bundle: &Bundle,
    sampler: &Sampler,
    in_use: &mut Vec<u64>,
) -> Result<BTreeMap<&'static str, Counts>, String> {
    let mut sample = BTreeMap::new();
    let container = Container { runtime, bundle, config: Config::Default, id: "bench" };
    let created = || container.pid().is_ok();
    if runtime.keeps_state() {
        let words = "--version";
        sample.insert(words, sampler.run(runtime, bundle, words, words, created)?);
    }
    container.live(|command, words| {
        sample.insert(command, sampler.run(runtime, bundle, command, words, created)?);
        if command == "create" && sampler.is_light() {
            in_use.extend(in_use_kib(container.pid()?));
        }
        Ok(())
    })?;
    Ok(sample)
}

impl Counts {
    /// These figures, and those of `other` that are not there.
    fn or(self, other: Counts) -> Counts {
        Counts {
            syscalls: self.syscalls.or(other.syscalls),
            clones: self.clones.or(other.clones),
            instructions: self.instructions.or(other.instructions),
            peak_kib: self.peak_kib.or(other.peak_kib),
            faults: self.faults.or(other.faults),
        }
    }
}

/// The sample in the middle by system calls.
fn middle<'a>(samples: impl Iterator<Item = &'a Counts>) -> Counts {
    let mut samples: Vec<&Counts> = samples.collect();
    samples.sort_by_key(|counts| counts.syscalls);
    samples.get(samples.len() / 2).map_or_else(Counts::default, |counts| **counts)
}

/// What the container's cgroup uses, in KiB. On v1, what the kernel charges in advance is given back
/// first, and with it what could be reclaimed.
fn in_use_kib(pid: Pid) -> Option<u64> {
    let files = ["memory.usage_in_bytes", "memory.current"];
    let directories = cgroup_view::directories_of(pid);
    for file in directories.iter().map(|dir| dir.join("memory.force_empty")) {
        if file.exists() {
            fs::write(file, "0").ok()?;
        }
    }
    let mut paths = directories.iter().flat_map(|dir| files.map(|file| dir.join(file)));
    let text = paths.find_map(|path| fs::read_to_string(path).ok())?;
    Some(text.trim().parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_sample() {
        let counts = |syscalls| Counts { syscalls: Some(syscalls), ..Counts::default() };
        let samples = [counts(9), counts(2), counts(5)];
        assert_eq!(middle(samples.iter()), counts(5));
        assert_eq!(middle([].iter()), Counts::default());
    }

    #[test]
    fn figures_of_several_tools_come_together() {
        let strace = Counts { syscalls: Some(1), ..Counts::default() };
        let peak = Counts { peak_kib: Some(2), ..Counts::default() };
        let both = Counts { syscalls: Some(1), peak_kib: Some(2), ..Counts::default() };
        assert_eq!(strace.or(peak), both);
    }
}

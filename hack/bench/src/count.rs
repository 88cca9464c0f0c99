//! What does not depend on the speed of the machine: system calls and memory.

use crate::bundle::{self, Bundle};
use crate::lifecycle::{Container, complaints, quiet};
use crate::runtime::Runtime;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The figures of one runtime; `None` where they could not be taken.
pub struct Counts {
    /// System calls of `run` and of the container's process, from start to end.
    pub syscalls: Option<u64>,
    /// Processes and threads that `run` made.
    pub clones: Option<u64>,
    /// The most memory of any one process of `create`, in KiB.
    pub peak_kib: Option<u64>,
    /// What the container's cgroup was charged for until `create` returned, in KiB.
    pub charged_kib: Option<u64>,
}

const CLONES: [&str; 4] = ["clone", "clone3", "fork", "vfork"];
/// Runtimes with threads do not make the same calls each time: the middle of these runs counts.
const STRACE_RUNS: usize = 3;

/// Counts for one runtime; what is missing (strace) is left out with a word.
pub fn measure(runtime: &Runtime, bundle: &Bundle) -> Result<Counts, String> {
    let mut traces = Vec::new();
    match bundle::find("STRACE", "strace") {
        None => println!("strace: not found: {} is not counted", runtime.name),
        Some(strace) => {
            for _ in 0..STRACE_RUNS {
                traces.push(trace(&strace, runtime, bundle)?);
            }
        }
    }
    traces.sort_unstable();
    let middle = traces.get(STRACE_RUNS / 2);
    let (peak_kib, charged_kib) = match runtime.keeps_state() {
        true => memory(runtime, bundle)?,
        false => (None, None),
    };
    let (syscalls, clones) = (middle.map(|t| t.0), middle.map(|t| t.1));
    Ok(Counts { syscalls, clones, peak_kib, charged_kib })
}

/// The calls and clones of one `run`.
fn trace(strace: &PathBuf, runtime: &Runtime, bundle: &Bundle) -> Result<(u64, u64), String> {
    let file = bundle.path("strace");
    let mut command = Command::new(strace);
    command.args(["-f", "-c", "-o"]).arg(&file).arg(&runtime.program);
    command.args(runtime.args(&runtime.run_words(&bundle.path("true"))));
    run(command, bundle)?;
    let table = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let calls = calls(&table);
    let total = calls.iter().map(|(_, n)| n).sum();
    let clones = calls.iter().filter(|(name, _)| CLONES.contains(name)).map(|(_, n)| n).sum();
    Ok((total, clones))
}

/// The rows of `strace -c`: name and number of calls, without the total.
fn calls(table: &str) -> Vec<(&str, u64)> {
    let rows = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // % time, seconds, usecs/call, calls, [errors,] syscall
        let (name, number) = (words.last()?, words.get(3)?.parse().ok()?);
        (*name != "total").then_some((*name, number))
    });
    rows.collect()
}

/// The memory of `create`: of the runtime's processes, and as charged to the container.
///
/// `create` and not `run`: a runtime that waits for its container counts the container's memory
/// as that of its children.
fn memory(runtime: &Runtime, bundle: &Bundle) -> Result<(Option<u64>, Option<u64>), String> {
    let Some(peak) = bundle::find("PEAK", "peak") else {
        println!("peak: not found beside this program: memory is not measured");
        return Ok((None, None));
    };
    let container = Container { runtime, bundle };
    let file = bundle.path("peak");
    let mut command = Command::new(peak);
    command.arg(&file).arg(&runtime.program).args(runtime.args(&container.create_words()));
    run(command, bundle)?;
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok((text.parse().ok(), charged(&container)))
}

/// The most memory that was charged to the container's cgroup so far, in KiB.
fn charged(container: &Container) -> Option<u64> {
    let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", container.pid().ok()?)).ok()?;
    let path = |key: &str| cgroups.lines().find_map(|line| line.split_once(key)).map(|l| l.1);
    let file = match path(":memory:") {
        Some(path) => format!("/sys/fs/cgroup/memory{path}/memory.max_usage_in_bytes"),
        None => format!("/sys/fs/cgroup{}/memory.peak", path("0::")?),
    };
    Some(fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()? / 1024)
}

fn run(mut command: Command, bundle: &Bundle) -> Result<(), String> {
    quiet(&mut command, bundle)?;
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}: {}", complaints(bundle))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strace_table() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 62.31    0.002800        2800         1           wait4
 18.98    0.000853          21        40         9 mount
  0.00    0.000000           0         1           clone3
------ ----------- ----------- --------- --------- ----------------
100.00    0.004494          18        42         9 total
";
        assert_eq!(calls(table), [("wait4", 1), ("mount", 40), ("clone3", 1)]);
    }
}

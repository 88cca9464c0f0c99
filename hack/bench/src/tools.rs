//! The programs that count: each runs a command of a runtime and leaves a file with figures.

use crate::bundle::{self, Bundle};
use crate::count::Counts;
use crate::lifecycle::{complaints, end_of, quiet, timed};
use crate::runtime::Runtime;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const CLONES: [&str; 4] = ["clone", "clone3", "fork", "vfork"];
/// Commands that end in the process that they start in: callgrind follows no other.
const ONE_PROCESS: [&str; 6] = ["--version", "start", "state", "list", "kill", "delete"];
/// When to give up on a `create` below strace.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tool that is there.
pub struct Sampler {
    kind: Kind,
    program: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Strace,
    Peak,
    Perf,
    Callgrind,
}

/// The tools that are there; notes what the missing ones would have told.
pub fn samplers(notes: &mut Vec<String>) -> Vec<Sampler> {
    let mut found = Vec::new();
    for (variable, name, kind, what) in [
        ("PEAK", "peak", Kind::Peak, "memory and page faults"),
        ("STRACE", "strace", Kind::Strace, "system calls"),
    ] {
        match bundle::find(variable, name) {
            Some(program) => found.push(Sampler { kind, program }),
            None => notes.push(format!("no {name}: {what} are not counted")),
        }
    }
    let perf = bundle::find("PERF", "perf").filter(|program| counts_instructions(program));
    let perf = perf.map(|program| Sampler { kind: Kind::Perf, program });
    let callgrind = || {
        let program = bundle::find("VALGRIND", "valgrind")?;
        let why = "no counter for perf: instructions by callgrind, of what it can run";
        notes.push(why.into());
        Some(Sampler { kind: Kind::Callgrind, program })
    };
    match perf.or_else(callgrind) {
        Some(sampler) => found.push(sampler),
        None => notes.push("neither perf nor valgrind: instructions are not counted".into()),
    }
    found
}

/// Virtual machines often have no counters.
fn counts_instructions(perf: &Path) -> bool {
    let args = ["stat", "-x", ",", "-e", "instructions:u", "true"];
    let output = Command::new(perf).args(args).output();
    output.is_ok_and(|o| perf_figure(&String::from_utf8_lossy(&o.stderr)).is_some())
}

impl Sampler {
    /// For messages.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Strace => "strace",
            Kind::Peak => "peak",
            Kind::Perf => "perf",
            Kind::Callgrind => "callgrind",
        }
    }

    /// Whether its figures are not the same each time.
    pub fn varies(&self) -> bool {
        self.kind == Kind::Strace
    }

    /// Whether the command and its children behave as without it.
    pub fn is_light(&self) -> bool {
        self.kind == Kind::Peak
    }

    /// Runs one command of the runtime; `created` tells whether there is a container yet.
    pub fn run(
        &self,
        runtime: &Runtime,
        bundle: &Bundle,
        name: &str,
        words: &str,
        created: impl Fn() -> bool,
    ) -> Result<Counts, String> {
        if self.kind == Kind::Callgrind && !ONE_PROCESS.contains(&name) {
            return timed(runtime, bundle, words).map(|_| Counts::default());
        }
        let file = bundle.path("figures");
        let _ = fs::remove_file(&file);
        let mut command = self.command(&file);
        command.arg(&runtime.program).args(runtime.args(words));
        quiet(&mut command, bundle)?;
        let done = match (self.kind, name) {
            (Kind::Strace, "create") => until_created(&mut command, created),
            _ => command
                .spawn()
                .and_then(|mut c| end_of(&mut c))
                .map(|s| s.success())
                .map_err(|e| e.to_string()),
        };
        // It goes on, differently, after a system call that it does not know, and tells.
        let puzzled = self.kind == Kind::Callgrind && !complaints(bundle).is_empty();
        match done {
            Ok(true) if puzzled => return Ok(Counts::default()),
            Ok(true) => {}
            // The next commands need this one: once more without the tool.
            Ok(false) if self.kind == Kind::Callgrind => {
                return timed(runtime, bundle, words).map(|_| Counts::default());
            }
            Ok(false) => return Err(format!("{words}: {}", complaints(bundle))),
            Err(why) => return Err(format!("{}: {why}", self.program.display())),
        }
        Ok(self.figures(&fs::read_to_string(&file).unwrap_or_default()))
    }

    fn command(&self, file: &Path) -> Command {
        let mut command = Command::new(&self.program);
        match self.kind {
            // With a file it would block signals until all that it runs has ended.
            Kind::Strace => command.args(["-I", "2", "-f", "-c", "-o"]).arg(file),
            Kind::Peak => command.arg(file),
            Kind::Perf => command.args(["stat", "-x", ",", "-e", "instructions:u", "-o"]).arg(file),
            Kind::Callgrind => {
                let mut out = std::ffi::OsString::from("--callgrind-out-file=");
                out.push(file);
                command.args(["--tool=callgrind", "--quiet"]).arg(out)
            }
        };
        command
    }

    fn figures(&self, text: &str) -> Counts {
        let mut counts = Counts::default();
        match self.kind {
            Kind::Strace => {
                let calls = calls(text);
                let clones = calls.iter().filter(|(name, _)| CLONES.contains(name));
                counts.syscalls = Some(calls.iter().map(|(_, n)| n).sum());
                counts.clones = Some(clones.map(|(_, n)| n).sum());
            }
            Kind::Peak => {
                let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
                counts.peak_kib = numbers.next().flatten();
                counts.faults = numbers.next().flatten();
            }
            Kind::Perf => counts.instructions = perf_figure(text),
            Kind::Callgrind => counts.instructions = callgrind_figure(text),
        }
        counts
    }
}

/// Runs `strace ... create`, which would go on as long as the container: it is told to let go once
/// the runtime, its only child, has ended.
fn until_created(command: &mut Command, created: impl Fn() -> bool) -> Result<bool, String> {
    let mut strace = command.spawn().map_err(|e| e.to_string())?;
    let pid = strace.id();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let start = Instant::now();
    loop {
        if let Some(status) = strace.try_wait().map_err(|e| e.to_string())? {
            return Ok(status.success());
        }
        let alone = fs::read_to_string(&children).map_err(|e| format!("{children}: {e}"));
        let give_up = alone.is_err() || start.elapsed() > PATIENCE;
        if give_up || (created() && alone.as_ref().is_ok_and(|list| list.trim().is_empty())) {
            if let Some(pid) = Pid::from_raw(pid as i32) {
                let _ = kill_process(pid, Signal::TERM);
            }
            // It ends by the signal, after it has written its table.
            strace.wait().map_err(|e| e.to_string())?;
            return alone.map(|_| !give_up);
        }
        sleep(Duration::from_millis(1));
    }
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

/// The number before `instructions` in the output of `perf stat -x ,`.
fn perf_figure(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("instructions"))?;
    line.split(',').next()?.parse().ok()
}

/// The number behind `totals:` in a file of callgrind.
fn callgrind_figure(text: &str) -> Option<u64> {
    let total = |line: &str| line.strip_prefix("totals:")?.trim().parse().ok();
    text.lines().find_map(total)
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

    #[test]
    fn instructions() {
        assert_eq!(perf_figure("# started\n\n1234,,instructions:u,99,100.00,,\n"), Some(1234));
        assert_eq!(perf_figure("<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(callgrind_figure("version: 1\nsummary: 7\n\ntotals: 77\n"), Some(77));
        assert_eq!(callgrind_figure(""), None);
    }

    #[test]
    fn memory_and_faults() {
        let sampler = Sampler { kind: Kind::Peak, program: PathBuf::new() };
        let expected = Counts { peak_kib: Some(2500), faults: Some(31), ..Counts::default() };
        assert_eq!(sampler.figures("2500 31\n"), expected);
        assert_eq!(sampler.figures(""), Counts::default());
    }
}

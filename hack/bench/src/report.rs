//! The figures as a table and as JSON.

use crate::count::Counts;
use crate::lifecycle::COMMANDS;
use crate::runtime::Runtime;
use crate::stats::{Summary, Times};
use serde_json::{Value, json};
use std::fmt::Write;
use std::thread::available_parallelism;

/// Everything that was measured.
pub struct Report {
    /// How many rounds the times are from.
    pub rounds: usize,
    /// In the order of the report; the others are compared with the first.
    pub runtimes: Vec<Runtime>,
    /// Of every command.
    pub times: Times,
    /// One for each of `runtimes`.
    pub counts: Vec<Counts>,
}

/// Kernel, processors and cgroup layout, in a few words.
pub fn machine() -> String {
    let kernel = rustix::system::uname();
    let kernel = kernel.release().to_string_lossy();
    let cpus = available_parallelism().map_or(1, usize::from);
    let cgroup = if crate::cgroup_view::is_v1() { "v1" } else { "v2" };
    format!("Linux {kernel}, {cpus} processors, cgroup {cgroup}")
}

impl Report {
    /// For people: medians with the middle half of the figures in brackets.
    pub fn text(&self) -> String {
        let base = self.base();
        let mut out = String::new();
        for runtime in self.runtimes.iter().filter(|r| !r.version.is_empty()) {
            let _ = writeln!(out, "{}: {}", runtime.program.display(), runtime.version);
        }
        let heads = (format!("times {base}"), "times floor");
        let _ = writeln!(out, "\n{:18}{:>8}  {:17}{:20}{}", "", "ms", "", heads.0, heads.1);
        for command in COMMANDS {
            let mut label = command;
            for runtime in &self.runtimes {
                let Some(time) = self.times.summary(&runtime.name, command) else { continue };
                let _ = write!(out, "{label:9}{:9}{:8.2}  ", runtime.name, time.median);
                let spread = format!("[{:.2} {:.2}]", time.q1, time.q3);
                let ratio = self.ratio_text(&runtime.name, base, command);
                let floor = self.ratio_text(&runtime.name, "floor", command);
                let line = format!("{spread:17}{ratio:20}{floor}");
                let _ = writeln!(out, "{}", line.trim_end());
                label = "";
            }
        }
        self.write_counts(&mut out);
        out
    }

    fn write_counts(&self, out: &mut String) {
        let heads = ["syscalls", "clones", "peak KiB", "charged KiB"];
        let [a, b, c, d] = heads;
        let _ = writeln!(out, "\n{:18}{a:>8}{b:>8}{c:>10}{d:>13}", "");
        for (runtime, counts) in self.runtimes.iter().zip(&self.counts) {
            let cell = |n: Option<u64>| n.map_or("-".into(), |n| n.to_string());
            let _ = writeln!(
                out,
                "{:9}{:9}{:>8}{:>8}{:>10}{:>13}",
                "",
                runtime.name,
                cell(counts.syscalls),
                cell(counts.clones),
                cell(counts.peak_kib),
                cell(counts.charged_kib)
            );
        }
        out.push_str(
            "\nsyscalls, clones: of run. peak: of the runtime in create. charged: to the\n",
        );
        out.push_str("container's memory cgroup until create returned.\n");
    }

    fn ratio_text(&self, runtime: &str, base: &str, command: &'static str) -> String {
        match self.times.ratio(runtime, base, command) {
            Some(r) if runtime != base => format!("{:5.2} [{:.2} {:.2}]", r.median, r.q1, r.q3),
            _ => String::new(),
        }
    }

    /// For programs: the same figures.
    pub fn json(&self) -> String {
        let summary = |s: Option<Summary>| match s {
            Some(s) => json!({"median": s.median, "q1": s.q1, "q3": s.q3}),
            None => Value::Null,
        };
        let mut runtimes = Vec::new();
        for (runtime, counts) in self.runtimes.iter().zip(&self.counts) {
            let mut commands = serde_json::Map::new();
            for command in COMMANDS {
                let time = self.times.summary(&runtime.name, command);
                let ratio = |base| summary(self.times.ratio(&runtime.name, base, command));
                let (base, floor) = (ratio(self.base()), ratio("floor"));
                let entry = json!({"ms": summary(time), "times_base": base, "times_floor": floor});
                commands.insert(command.into(), entry);
            }
            runtimes.push(json!({
                "name": runtime.name,
                "program": runtime.program,
                "version": runtime.version,
                "commands": commands,
                "syscalls": counts.syscalls,
                "clones": counts.clones,
                "peak_kib": counts.peak_kib,
                "charged_kib": counts.charged_kib,
            }));
        }
        let report = json!({
            "machine": machine(),
            "rounds": self.rounds,
            "base": self.base(),
            "runtimes": runtimes,
        });
        format!("{report:#}\n")
    }

    fn base(&self) -> &str {
        self.runtimes.first().map_or("", |r| &r.name)
    }
}

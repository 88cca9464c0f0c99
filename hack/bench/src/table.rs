//! The figures for people, at a terminal.

use crate::count::{COUNTED, Counted, Counts};
use crate::report::{base, cells};
use crate::runtime::Runtime;
use crate::scenario::{Outcome, Scenario};
use crate::stats::Summary;
use std::fmt::Write;

/// Which programs are compared.
pub fn programs(runtimes: &[Runtime]) -> String {
    let named = runtimes.iter().filter(|r| !r.version.is_empty());
    named.map(|r| format!("{}: {}\n", r.program.display(), r.version)).collect()
}

/// One scenario: medians with the middle half of the figures in brackets.
pub fn scenario(scenario: &Scenario, outcome: &Outcome, runtimes: &[Runtime]) -> String {
    let mut out = format!("\n{}: {}\n", scenario.name, scenario.about);
    if !outcome.rows.is_empty() {
        write_times(&mut out, outcome, runtimes);
    }
    if !outcome.counts.is_empty() {
        write_counts(&mut out, &outcome.counts);
    }
    for note in &outcome.notes {
        let _ = writeln!(out, "  {note}");
    }
    out
}

fn write_times(out: &mut String, outcome: &Outcome, runtimes: &[Runtime]) {
    let plain = outcome.rows.iter().any(|row| row.than.is_some());
    let floor = runtimes
        .iter()
        .any(|r| outcome.times.summary(&r.name, "run").is_some() && !r.keeps_state());
    let last = match (plain, floor) {
        (true, _) => "times plain",
        (_, true) => "times floor",
        _ => "",
    };
    let head = format!("times {}", base(runtimes));
    let _ = writeln!(out, "{}", format!("{:35}ms  {:18}{head:21}{last}", "", "").trim_end());
    for row in &outcome.rows {
        let mut label = row.name;
        for cell in cells(runtimes, outcome, row) {
            let time = cell.time;
            let spread = format!("[{:.2} {:.2}]", time.q1, time.q3);
            let ratio = bracketed(cell.times_base);
            let last = bracketed(if plain { cell.times_plain } else { cell.times_floor });
            let name = cell.runtime;
            let line =
                format!("{label:23}{name:6}{:8.2}  {spread:18}{ratio:21}{last}", time.median);
            let _ = writeln!(out, "{}", line.trim_end());
            label = "";
        }
    }
    if plain {
        let rows = outcome.rows.iter().find_map(|row| Some((row.name, row.than?)));
        let (row, than) = rows.unwrap_or_default();
        let _ = writeln!(out, "  times plain: of the same runtime, as \"{row}\" to \"{than}\"");
    }
}

fn bracketed(ratio: Option<Summary>) -> String {
    ratio.map_or_else(String::new, |r| format!("{:5.2} [{:.2} {:.2}]", r.median, r.q1, r.q3))
}

fn write_counts(out: &mut String, counted: &[Counted]) {
    let cell = |figure: Option<u64>| figure.map_or("-".into(), |n| n.to_string());
    let heads = ["syscalls", "clones", "instructions", "peak KiB", "faults"];
    let widths = [9, 8, 14, 10, 9];
    let line = |out: &mut String, label: &str, name: &str, cells: [String; 5]| {
        let _ = write!(out, "{label:10}{name:6}");
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(out, "{cell:>width$}");
        }
        out.push('\n');
    };
    line(out, "", "", heads.map(String::from));
    for command in COUNTED {
        let mut label = command;
        for runtime in counted {
            let counts = runtime.commands.get(command).copied().unwrap_or_default();
            if counts == Counts::default() {
                continue;
            }
            let Counts { syscalls, clones, instructions, peak_kib, faults } = counts;
            let figures = [syscalls, clones, instructions, peak_kib, faults].map(cell);
            line(out, label, &runtime.runtime, figures);
            label = "";
        }
    }
    let _ = writeln!(out, "\n{:16}{:>14}{:>16}", "", "in use KiB", "program KiB");
    for runtime in counted {
        let (in_use, size) = (cell(runtime.in_use_kib), cell(runtime.binary_kib));
        let _ = writeln!(out, "{:10}{:6}{in_use:>14}{size:>16}", "", runtime.runtime);
    }
    out.push_str(
        "  instructions: in user space. peak: of the largest process; run and exec include the\n  \
         container's. in use: of the container's cgroup when create has returned. program: without\n  \
         the libraries that it loads.\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn rows_are_aligned() {
        let runtimes = example::runtimes();
        let report = example::report(&runtimes);
        let (about, outcome) = &report.results[0];
        let text = scenario(about, outcome, &runtimes);
        let crun = text.lines().find(|line| line.trim_start().starts_with("crun")).unwrap();
        let expected = "                       crun      4.00  [4.00 4.00]        2.00 [2.00 2.00]";
        assert_eq!(crun, expected);
        let crowded = text.lines().find(|line| line.starts_with("run, crowded")).unwrap();
        assert!(crowded.ends_with(" 1.50 [1.50 1.50]"), "{crowded}");
        assert!(
            text.contains("\nrun       orun        440       1             -         -        -\n"),
            "{text}"
        );
        assert!(text.ends_with("  a <note>\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 96), "{text}");
    }
}

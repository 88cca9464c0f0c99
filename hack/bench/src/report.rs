//! Everything that was measured, for those who write it down.

use crate::cgroup_view;
use crate::field::Row;
use crate::runtime::Runtime;
use crate::scenario::{Outcome, Scenario};
use crate::stats::Summary;
use std::fs;
use std::thread::available_parallelism;

/// A run of the benchmark.
pub struct Report<'a> {
    /// Kernel, processors and cgroup layout, in a few words.
    pub machine: String,
    /// How often each command was measured.
    pub rounds: usize,
    /// In the order of the report; the others are compared with the first.
    pub runtimes: &'a [Runtime],
    /// In the order they were asked for.
    pub results: Vec<(&'static Scenario, Outcome)>,
}

/// One runtime in one row.
pub struct Cell<'a> {
    /// Whose.
    pub runtime: &'a str,
    /// In milliseconds.
    pub time: Summary,
    /// Times the first runtime; `None` for that one.
    pub times_base: Option<Summary>,
    /// Times the floor, where that was measured.
    pub times_floor: Option<Summary>,
    /// Times the same runtime in the row that this one is compared with.
    pub times_plain: Option<Summary>,
}

/// The machine, without anything that tells which one.
pub fn machine() -> String {
    let kernel = rustix::system::uname();
    let kernel = kernel.release().to_string_lossy();
    // What follows the numbers names a builder.
    let kernel = kernel.split('-').next().unwrap_or_default();
    let cpus = available_parallelism().map_or(1, usize::from);
    let processors = match fs::read_to_string("/proc/cpuinfo") {
        Ok(text) if text.contains("QEMU TCG") => "processors in software",
        _ => "processors",
    };
    format!("Linux {kernel}, {cpus} {processors}, cgroup {}", cgroup_view::layout())
}

/// Who the others are compared with.
pub fn base(runtimes: &[Runtime]) -> &str {
    runtimes.first().map_or("", |runtime| &runtime.name)
}

/// The figures of a row, of the runtimes that have some.
pub fn cells<'a>(runtimes: &'a [Runtime], outcome: &Outcome, row: &Row) -> Vec<Cell<'a>> {
    let (times, base) = (&outcome.times, base(runtimes));
    let others = |name: &str, than: &str| match name == than {
        true => None,
        false => times.ratio(name, than, row.name),
    };
    let cell = |runtime: &'a Runtime| {
        let name = runtime.name.as_str();
        Some(Cell {
            runtime: name,
            time: times.summary(name, row.name)?,
            times_base: others(name, base),
            times_floor: others(name, "floor"),
            times_plain: row.than.and_then(|than| times.growth(name, row.name, than)),
        })
    };
    runtimes.iter().filter_map(cell).collect()
}

#[cfg(test)]
pub mod example {
    //! A small run for the tests of those who write it down.

    use super::*;
    use crate::count::{Counted, Counts};
    use std::time::Duration;

    pub fn runtimes() -> Vec<Runtime> {
        ["orun", "crun"].map(Runtime::example).into()
    }

    pub fn report(runtimes: &[Runtime]) -> Report<'_> {
        let rows = vec![
            Row { name: "run", than: None, charted: true },
            Row { name: "run, crowded", than: Some("run"), charted: false },
        ];
        let mut outcome = Outcome { rows, notes: vec!["a <note>".into()], ..Outcome::default() };
        for (runtime, millis) in [("orun", [2, 3]), ("crun", [4, 9])] {
            let [plain, crowded] = millis.map(Duration::from_millis);
            outcome.times.add(runtime, vec![("run", plain), ("run, crowded", crowded)]);
        }
        let counts = Counts { syscalls: Some(440), clones: Some(1), ..Counts::default() };
        let counted = Counted {
            runtime: "orun".into(),
            commands: [("run", counts)].into(),
            in_use_kib: Some(512),
            binary_kib: None,
        };
        outcome.counts.push(counted);
        let scenario = &crate::scenario::SCENARIOS[0];
        let machine = "a machine".into();
        Report { machine, rounds: 1, runtimes, results: vec![(scenario, outcome)] }
    }

    #[test]
    fn the_cells_of_a_row() {
        let runtimes = runtimes();
        let report = report(&runtimes);
        let outcome = &report.results[0].1;
        let cells = cells(&runtimes, outcome, &outcome.rows[1]);
        assert!(cells[0].times_base.is_none());
        assert_eq!(cells[0].times_plain.map(|ratio| ratio.median), Some(1.5));
        assert_eq!(cells[1].times_base.map(|ratio| ratio.median), Some(3.0));
        assert!(cells[1].times_floor.is_none());
    }
}

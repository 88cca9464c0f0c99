//! The figures for programs.

use crate::count::Counted;
use crate::report::{Report, base, cells};
use crate::scenario::{Outcome, Scenario};
use crate::stats::Summary;
use serde_json::{Map, Value, json};

/// The whole report; without paths and names of the machine, so that it can be shown to others.
pub fn write(report: &Report) -> String {
    let versions = report.runtimes.iter().filter(|runtime| runtime.keeps_state());
    let versions: Map<String, Value> =
        versions.map(|r| (r.name.clone(), json!(r.version))).collect();
    let scenarios: Vec<Value> =
        report.results.iter().map(|(s, outcome)| scenario(report, s, outcome)).collect();
    let report = json!({
        "machine": report.machine,
        "rounds": report.rounds,
        "base": base(report.runtimes),
        "versions": versions,
        "scenarios": scenarios,
    });
    format!("{report:#}\n")
}

fn scenario(report: &Report, scenario: &Scenario, outcome: &Outcome) -> Value {
    let mut rows = Map::new();
    for row in &outcome.rows {
        let mut runtimes = Map::new();
        for cell in cells(report.runtimes, outcome, row) {
            let mut figures = Map::new();
            let ratios = [
                ("ms", Some(cell.time)),
                ("times_base", cell.times_base),
                ("times_floor", cell.times_floor),
                ("times_plain", cell.times_plain),
            ];
            for (name, figure) in ratios {
                if let Some(figure) = figure {
                    figures.insert(name.into(), summary(figure));
                }
            }
            runtimes.insert(cell.runtime.into(), figures.into());
        }
        let row_json = json!({"plain": row.than, "runtimes": runtimes});
        rows.insert(row.name.into(), row_json);
    }
    let counts: Map<String, Value> =
        outcome.counts.iter().map(|c| (c.runtime.clone(), counted(c))).collect();
    json!({
        "name": scenario.name,
        "about": scenario.about,
        "rows": rows,
        "counts": counts,
        "notes": outcome.notes,
    })
}

/// With four digits: more would be noise.
fn summary(figure: Summary) -> Value {
    let short = |number: f64| (number * 10_000.0).round() / 10_000.0;
    json!({"median": short(figure.median), "q1": short(figure.q1), "q3": short(figure.q3)})
}

fn counted(counted: &Counted) -> Value {
    let commands = counted.commands.iter().map(|(name, c)| {
        let figures = json!({
            "syscalls": c.syscalls,
            "clones": c.clones,
            "instructions": c.instructions,
            "peak_kib": c.peak_kib,
            "faults": c.faults,
        });
        (name.to_string(), figures)
    });
    json!({
        "commands": commands.collect::<Map<String, Value>>(),
        "in_use_kib": counted.in_use_kib,
        "program_kib": counted.binary_kib,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn has_all_and_no_path() {
        let runtimes = example::runtimes();
        let text = write(&example::report(&runtimes));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["base"], "orun");
        assert_eq!(value["versions"]["crun"], "crun version 1");
        let scenario = &value["scenarios"][0];
        let run = &scenario["rows"]["run"];
        assert_eq!(run["runtimes"]["crun"]["times_base"]["median"], 2.0);
        assert!(run["runtimes"]["orun"].get("times_base").is_none());
        assert_eq!(scenario["rows"]["run, crowded"]["plain"], "run");
        assert_eq!(scenario["counts"]["orun"]["commands"]["run"]["syscalls"], 440);
        assert_eq!(scenario["notes"][0], "a <note>");
        assert!(!text.contains("/programs"), "{text}");
    }
}

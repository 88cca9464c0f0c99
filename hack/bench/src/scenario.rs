//! What can be measured, by name.

use crate::config::Config;
use crate::count;
use crate::crowd;
use crate::field::{Field, Row, Setup};
use crate::lifecycle::{COMMANDS, Container};
use crate::many;
use crate::pairs;
use crate::stats::Times;
use crate::terminal::ConsoleSocket;

/// A name for `--scenario`, and what it does.
pub struct Scenario {
    /// As on the command line and in the report.
    pub name: &'static str,
    /// In a few words.
    pub about: &'static str,
    measure: fn(&Setup) -> Result<Outcome, String>,
}

/// What a scenario found out.
#[derive(Default)]
pub struct Outcome {
    /// What there is in `times`, in the order of the report.
    pub rows: Vec<Row>,
    /// By row and runtime.
    pub times: Times,
    /// By command and runtime, of the scenario that counts.
    pub counts: Vec<count::Counted>,
    /// What was left out or cut short.
    pub notes: Vec<String>,
}

/// All of them; `all` on the command line.
pub const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "base", about: "the default bundle of `spec`", measure: base },
    Scenario {
        name: "counts",
        about: "system calls, instructions, memory and faults of the same",
        measure: count::measure,
    },
    Scenario {
        name: "docker",
        about: "Docker's defaults: 14 capabilities, a seccomp profile, 10 bind mounts",
        measure: docker,
    },
    Scenario { name: "userns", about: "a new user namespace", measure: user_namespace },
    Scenario { name: "terminal", about: "a terminal, through a console socket", measure: terminal },
    Scenario {
        name: "crowd",
        about: "1000 other mounts, or 1000 other processes, on the host",
        measure: crowd::measure,
    },
    Scenario { name: "parallel", about: "two callers at once", measure: pairs::measure },
    Scenario {
        name: "many",
        about: "1, 100 and 1000 containers of each runtime alive",
        measure: many::measure,
    },
];
/// What is measured when nothing is asked for.
pub const QUICK: [&str; 2] = ["base", "counts"];

impl Scenario {
    /// Finds one by name.
    pub fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Measures it.
    pub fn run(&self, setup: &Setup) -> Result<Outcome, String> {
        (self.measure)(setup).map_err(|e| format!("{}: {e}", self.name))
    }
}

impl Outcome {
    /// Of a field whose rows these are.
    pub fn of(field: Field, rows: Vec<Row>) -> Outcome {
        Outcome { rows, times: field.times, notes: field.notes, counts: Vec::new() }
    }
}

fn base(setup: &Setup) -> Result<Outcome, String> {
    lives(setup, Field::with_floor(setup), Config::Default, &COMMANDS, &COMMANDS)
}

fn docker(setup: &Setup) -> Result<Outcome, String> {
    let commands = ["run", "create", "start", "exec", "delete"];
    lives(setup, Field::of(setup), Config::Docker, &commands, &["run", "exec"])
}

fn user_namespace(setup: &Setup) -> Result<Outcome, String> {
    let commands = ["run", "create", "start", "exec", "delete"];
    lives(setup, Field::of(setup), Config::UserNamespace, &commands, &["run"])
}

/// Whole lives of containers; the report has some of the commands, the chart some of these.
fn lives(
    setup: &Setup,
    mut field: Field,
    config: Config,
    commands: &[&'static str],
    charted: &[&str],
) -> Result<Outcome, String> {
    field.rounds(setup, |field, round| {
        field.turn(round, |runtime| {
            Container { runtime, bundle: setup.bundle, config, id: "bench" }.timed()
        })
    })?;
    let row = |name: &'static str| Row { name, than: None, charted: charted.contains(&name) };
    Ok(Outcome::of(field, commands.iter().map(|name| row(name)).collect()))
}

fn terminal(setup: &Setup) -> Result<Outcome, String> {
    let socket = ConsoleSocket::listen(setup.bundle)?;
    let mut field = Field::of(setup);
    field.rounds(setup, |field, round| {
        field.turn(round, |runtime| {
            let mut terminals = Vec::new();
            let (bundle, config) = (setup.bundle, Config::Terminal);
            let container = Container { runtime, bundle, config, id: "bench" };
            let mut turn = Vec::new();
            container.live(|name, words| {
                turn.push((name, crate::lifecycle::timed(runtime, bundle, words)?));
                if name == "create" || name == "exec" {
                    terminals.push(socket.take()?);
                }
                Ok(())
            })?;
            crate::lifecycle::reap_orphans();
            Ok(turn)
        })
    })?;
    let rows = [("create", true), ("exec", false), ("delete", false)];
    let row = |(name, charted)| Row { name, than: None, charted };
    Ok(Outcome::of(field, rows.into_iter().map(row).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_ones_exist() {
        assert!(QUICK.iter().all(|name| Scenario::named(name).is_some()));
        assert!(Scenario::named("all").is_none());
    }
}

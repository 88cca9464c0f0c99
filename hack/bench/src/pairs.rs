//! Two callers at once, beside the same two calls in turn.

use crate::config::Config;
use crate::field::{Field, Row, Setup};
use crate::lifecycle::{Container, Turn, complaints, end_of, quiet};
use crate::runtime::Runtime;
use crate::scenario::Outcome;
use rustix::process::{Signal, kill_process};
use std::process::Child;
use std::time::{Duration, Instant};

const IDS: [&str; 2] = ["bench-a", "bench-b"];
/// A command, and its rows: two in turn, two at once.
const ROWS: [[&str; 2]; 3] = [
    ["2 run in turn", "2 run at once"],
    ["2 create in turn", "2 create at once"],
    ["2 delete in turn", "2 delete at once"],
];

/// The ratio of "at once" to "in turn" would be 0.5 if nothing were shared, and is 1 when one
/// waits for the other.
pub fn measure(setup: &Setup) -> Result<Outcome, String> {
    let mut field = Field::of(setup);
    field.rounds(setup, |field, round| {
        for at_once in [false, true] {
            field.turn(round, |runtime| lives(setup, runtime, at_once))?;
        }
        Ok(())
    })?;
    let rows = ROWS.iter().flat_map(|&[in_turn, at_once]| {
        [
            Row { name: in_turn, than: None, charted: false },
            Row { name: at_once, than: Some(in_turn), charted: at_once == ROWS[0][1] },
        ]
    });
    Ok(Outcome::of(field, rows.collect()))
}

fn lives(setup: &Setup, runtime: &Runtime, at_once: bool) -> Result<Turn, String> {
    let (bundle, config) = (setup.bundle, Config::Default);
    let row = |of: usize| ROWS[of][usize::from(at_once)];
    let program = bundle.config(config, "true");
    let runs = IDS.map(|id| format!("run --bundle {} {id}", program.display()));
    let mut turn = vec![(row(0), pair(setup, runtime, &runs, at_once)?)];
    let containers = IDS.map(|id| Container { runtime, bundle, config, id });
    let creates = containers.each_ref().map(Container::create_words);
    turn.push((row(1), pair(setup, runtime, &creates, at_once)?));
    for container in &containers {
        let pid = container.pid()?;
        kill_process(pid, Signal::KILL).map_err(|e| format!("kill {pid}: {e}"))?;
        container.wait()?;
    }
    let deletes = IDS.map(|id| format!("delete {id}"));
    turn.push((row(2), pair(setup, runtime, &deletes, at_once)?));
    Ok(turn)
}

/// From the start of the first call to the end of the last one.
fn pair(
    setup: &Setup,
    runtime: &Runtime,
    words: &[String; 2],
    at_once: bool,
) -> Result<Duration, String> {
    let mut commands = words.each_ref().map(|words| runtime.command(words));
    for command in &mut commands {
        quiet(command, setup.bundle)?;
    }
    let failed = |e: std::io::Error| format!("{}: {e}", words[0]);
    let ended = |mut child: Child| match end_of(&mut child) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: {status}: {}", words[0], complaints(setup.bundle))),
        Err(error) => Err(failed(error)),
    };
    let start = Instant::now();
    let [first, second] = &mut commands;
    let first = first.spawn().map_err(failed)?;
    let results = if at_once {
        let second = second.spawn().map_err(failed)?;
        [ended(first), ended(second)]
    } else {
        [ended(first), second.spawn().map_err(failed).and_then(ended)]
    };
    let time = start.elapsed();
    results.into_iter().collect::<Result<Vec<()>, String>>().map(|_| time)
}

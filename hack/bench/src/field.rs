//! The field of runtimes of one scenario, and its rounds.
//!
//! Every round lets every runtime have its turn, in an order that moves on from round to round, so
//! that what slows the machine down for a while slows all of them down.

use crate::bundle::Bundle;
use crate::lifecycle::{Turn, clean_up};
use crate::runtime::Runtime;
use crate::stats::Times;
use std::time::{Duration, Instant};

/// Rounds that are run and not counted, to fill the caches.
const WARM_UP: usize = 2;
/// Rounds that are run even if there is no time left.
const LEAST: usize = 3;

/// What all scenarios are given.
pub struct Setup<'a> {
    /// The bundles.
    pub bundle: &'a Bundle,
    /// In the order of the report; the others are compared with the first.
    pub runtimes: Vec<Runtime>,
    /// How often to measure.
    pub rounds: usize,
    /// When to stop before, and how long a runtime may take to make many containers.
    pub cap: Duration,
}

/// One line of a report for each runtime.
#[derive(Clone, Copy)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// The row of the same runtime that it is compared with.
    pub than: Option<&'static str>,
    /// Whether the chart shows it.
    pub charted: bool,
}

/// Those who take part, and what was measured.
pub struct Field<'a> {
    bundle: &'a Bundle,
    /// Who is still in.
    pub runtimes: Vec<&'a Runtime>,
    /// In the order of the rounds.
    pub times: Times,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

impl<'a> Field<'a> {
    /// All runtimes that have commands besides `run`.
    pub fn of(setup: &'a Setup<'a>) -> Field<'a> {
        let mut field = Field::with_floor(setup);
        field.runtimes.retain(|runtime| runtime.keeps_state());
        field
    }

    /// The floor too.
    pub fn with_floor(setup: &'a Setup<'a>) -> Field<'a> {
        let runtimes = setup.runtimes.iter().collect();
        Field { bundle: setup.bundle, runtimes, times: Times::default(), notes: Vec::new() }
    }

    /// Runs the rounds, each with one or more [turns](Field::turn); says when time cut them short.
    pub fn rounds(
        &mut self,
        setup: &Setup,
        mut round: impl FnMut(&mut Field<'a>, Round) -> Result<(), String>,
    ) -> Result<(), String> {
        let start = Instant::now();
        for number in 0..WARM_UP + setup.rounds {
            let done = number.saturating_sub(WARM_UP);
            if done >= LEAST && start.elapsed() > setup.cap {
                self.notes.push(format!("{done} of {} rounds: time was over", setup.rounds));
                break;
            }
            round(self, Round { number, counts: number >= WARM_UP })?;
        }
        Ok(())
    }

    /// Lets every runtime do the same. Who fails is left out from there on, with a note; when that
    /// is the one that the others are compared with, everything ends.
    pub fn turn(
        &mut self,
        round: Round,
        mut measure: impl FnMut(&'a Runtime) -> Result<Turn, String>,
    ) -> Result<(), String> {
        let mut order = self.runtimes.clone();
        if !order.is_empty() {
            let first = round.number % order.len();
            order.rotate_left(first);
        }
        for runtime in order {
            match measure(runtime) {
                Ok(turn) if round.counts => self.times.add(&runtime.name, turn),
                Ok(_) => {}
                Err(why) => {
                    for id in ["bench", "bench-a", "bench-b"] {
                        clean_up(runtime, self.bundle, id);
                    }
                    self.leave_out(runtime, &why)?;
                }
            }
        }
        Ok(())
    }

    /// Goes on without a runtime.
    pub fn leave_out(&mut self, runtime: &Runtime, why: &str) -> Result<(), String> {
        if self.runtimes.first().is_some_and(|first| first.name == runtime.name) {
            return Err(format!("{} {why}", runtime.name));
        }
        self.runtimes.retain(|other| other.name != runtime.name);
        self.times.forget(&runtime.name);
        self.notes.push(format!("{}: left out: {why}", runtime.name));
        Ok(())
    }
}

/// Which round it is.
#[derive(Clone, Copy)]
pub struct Round {
    number: usize,
    counts: bool,
}

//! The field of runtimes of one scenario, and its rounds.
//!
//! Every round lets every runtime have its turn, in an order that moves on from round to round, so
//! that what slows the machine down for a while slows all of them down.

use crate::bundle::Bundle;
use crate::lifecycle::{Turn, clean_up};
use crate::runtime::Runtime;
use crate::stats::Times;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rounds that are run and not counted, to fill the caches.
const WARM_UP: usize = 2;
/// How often a runtime may fail before it is left out.
const RETRIES: usize = 3;
/// The names that scenarios give to containers.
const IDS: [&str; 3] = ["bench", "bench-a", "bench-b"];
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
    failures: BTreeMap<&'a str, usize>,
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
        Field {
            bundle: setup.bundle,
            failures: BTreeMap::new(),
            runtimes,
            times: Times::default(),
            notes: Vec::new(),
        }
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

    /// Lets every runtime do the same. Who fails too often is left out from there on, with a note;
    /// when the one that the others are compared with fails, everything ends.
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
            match self.measured(runtime, &mut measure) {
                Ok(turn) if round.counts => self.times.add(&runtime.name, turn),
                Ok(_) => {}
                Err(why) => self.leave_out(runtime, &why)?,
            }
        }
        Ok(())
    }

    /// Some runtimes fail or hang now and then: they may try again, a few times in a scenario.
    fn measured(
        &mut self,
        runtime: &'a Runtime,
        measure: &mut impl FnMut(&'a Runtime) -> Result<Turn, String>,
    ) -> Result<Turn, String> {
        loop {
            let why = match measure(runtime) {
                Ok(turn) => return Ok(turn),
                Err(why) => self.without_paths(&why),
            };
            for id in IDS {
                clean_up(runtime, self.bundle, id);
            }
            let failures = self.failures.entry(&runtime.name).or_default();
            *failures += 1;
            if *failures > RETRIES || self.is_base(runtime) {
                return Err(why);
            }
            let note = format!("{}: tried again: {why}", runtime.name);
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    /// The first line, as it would be on any machine.
    fn without_paths(&self, why: &str) -> String {
        // A path with a slash at its end.
        let bundles = self.bundle.path("").display().to_string();
        why.lines().next().unwrap_or_default().replace(&bundles, "")
    }

    fn is_base(&self, runtime: &Runtime) -> bool {
        self.runtimes.first().is_some_and(|first| first.name == runtime.name)
    }

    /// Goes on without a runtime.
    pub fn leave_out(&mut self, runtime: &Runtime, why: &str) -> Result<(), String> {
        if self.is_base(runtime) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(bundle: &'a Bundle, runtimes: &'a [Runtime]) -> Field<'a> {
        Field {
            bundle,
            failures: BTreeMap::new(),
            runtimes: runtimes.iter().collect(),
            times: Times::default(),
            notes: Vec::new(),
        }
    }

    const ROUND: Round = Round { number: 1, counts: true };

    #[test]
    fn who_fails_once_may_try_again() {
        let bundle = Bundle::example();
        let runtimes = ["orun", "crun"].map(Runtime::example);
        let (mut field, mut turns) = (field(&bundle, &runtimes), 0);
        let measured = field.turn(ROUND, |runtime| {
            turns += 1;
            match (runtime.name.as_str(), turns) {
                ("crun", 1) => Err("hung".into()),
                _ => Ok(vec![("run", Duration::from_millis(1))]),
            }
        });
        assert_eq!(measured, Ok(()));
        assert_eq!(field.notes, ["crun: tried again: hung"]);
        assert!(field.times.summary("crun", "run").is_some());
    }

    #[test]
    fn who_always_fails_is_left_out_without_paths() {
        let bundle = Bundle::example();
        let runtimes = ["orun", "crun"].map(Runtime::example);
        let mut field = field(&bundle, &runtimes);
        let why = format!("run {}: no\nmore", bundle.path("true").display());
        let measured = field.turn(ROUND, |runtime| match runtime.name.as_str() {
            "crun" => Err(why.clone()),
            _ => Ok(vec![]),
        });
        assert_eq!(measured, Ok(()));
        assert_eq!(field.runtimes.len(), 1);
        assert_eq!(field.notes.last().unwrap(), "crun: left out: run true: no");
    }

    #[test]
    fn nothing_goes_on_without_the_base() {
        let bundle = Bundle::example();
        let runtimes = ["orun", "crun"].map(Runtime::example);
        let mut field = field(&bundle, &runtimes);
        let measured = field.turn(ROUND, |_| Err("no".into()));
        assert_eq!(measured, Err("orun no".into()));
    }
}

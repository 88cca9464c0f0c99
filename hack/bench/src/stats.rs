//! Medians and their spread.

use std::collections::BTreeMap;
use std::time::Duration;

/// The middle half of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// A quarter is less than this.
    pub q1: f64,
    /// Half are less than this.
    pub median: f64,
    /// Three quarters are less than this.
    pub q3: f64,
}

/// All times of a run, in milliseconds and in the order of the rounds.
#[derive(Default)]
pub struct Times(BTreeMap<(String, &'static str), Vec<f64>>);

impl Times {
    /// Adds one round of a runtime.
    pub fn add(&mut self, runtime: &str, round: Vec<(&'static str, Duration)>) {
        for (command, time) in round {
            let times = self.0.entry((runtime.to_string(), command)).or_default();
            times.push(time.as_secs_f64() * 1000.0);
        }
    }

    /// Takes a runtime out.
    pub fn forget(&mut self, runtime: &str) {
        self.0.retain(|(name, _), _| name != runtime);
    }

    /// The times of one command, in milliseconds; `None` where it was not measured.
    pub fn summary(&self, runtime: &str, command: &'static str) -> Option<Summary> {
        self.0.get(&(runtime.to_string(), command)).and_then(|times| Summary::of(times))
    }

    /// How many times as long as with `base` it takes.
    pub fn ratio(&self, runtime: &str, base: &str, command: &'static str) -> Option<Summary> {
        self.of((runtime, command), (base, command))
    }

    /// How many times as long as `than` a command takes with the same runtime.
    pub fn growth(
        &self,
        runtime: &str,
        command: &'static str,
        than: &'static str,
    ) -> Option<Summary> {
        self.of((runtime, command), (runtime, than))
    }

    /// The ratio of the medians, and the spread of the ratios of the rounds.
    fn of(&self, a: (&str, &'static str), b: (&str, &'static str)) -> Option<Summary> {
        let times = |(runtime, command): (&str, _)| self.0.get(&(runtime.to_string(), command));
        let (a, b) = (times(a)?, times(b)?);
        let rounds: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / b).collect();
        let median = Summary::of(a)?.median / Summary::of(b)?.median;
        Some(Summary { median, ..Summary::of(&rounds)? })
    }
}

impl Summary {
    /// `None` when there are no figures.
    pub fn of(figures: &[f64]) -> Option<Summary> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (sorted.len().checked_sub(1)?) as f64;
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            Some(low + (high - low) * place.fract())
        };
        Some(Summary { q1: at(0.25)?, median: at(0.5)?, q3: at(0.75)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[3.0]), Some(Summary { q1: 3.0, median: 3.0, q3: 3.0 }));
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(summary, Summary { q1: 1.75, median: 2.5, q3: 3.25 });
    }

    #[test]
    fn ratio_is_of_medians_and_spread_of_rounds() {
        let mut times = Times::default();
        for (a, b) in [(2, 1), (4, 4), (9, 2)] {
            times.add("a", vec![("run", Duration::from_millis(a))]);
            times.add("b", vec![("run", Duration::from_millis(b))]);
        }
        let ratio = times.ratio("a", "b", "run").unwrap();
        assert_eq!(ratio, Summary { q1: 1.5, median: 2.0, q3: 3.25 });
        assert_eq!(times.ratio("a", "missing", "run"), None);
    }

    #[test]
    fn growth_is_of_one_runtime() {
        let mut times = Times::default();
        for (plain, crowded) in [(1, 3), (2, 4)] {
            let millis = Duration::from_millis;
            times.add("a", vec![("run", millis(plain)), ("crowded", millis(crowded))]);
        }
        let growth = times.growth("a", "crowded", "run").unwrap();
        assert_eq!(growth, Summary { q1: 2.25, median: 3.5 / 1.5, q3: 2.75 });
        times.forget("a");
        assert_eq!(times.growth("a", "crowded", "run"), None);
        assert_eq!(times.summary("a", "run"), None);
    }
}

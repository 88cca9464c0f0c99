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

    /// The times of one command, in milliseconds; `None` where it was not measured.
    pub fn summary(&self, runtime: &str, command: &'static str) -> Option<Summary> {
        self.0.get(&(runtime.to_string(), command)).and_then(|times| Summary::of(times))
    }

    /// How many times as long as `base` it takes: the ratio of the medians, and the spread of the
    /// ratios of the rounds.
    pub fn ratio(&self, runtime: &str, base: &str, command: &'static str) -> Option<Summary> {
        let times = self.0.get(&(runtime.to_string(), command))?;
        let base_times = self.0.get(&(base.to_string(), command))?;
        let rounds: Vec<f64> = times.iter().zip(base_times).map(|(a, b)| a / b).collect();
        let median = self.summary(runtime, command)?.median / self.summary(base, command)?.median;
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
}

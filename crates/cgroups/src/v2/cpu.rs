//! `linux.resources.cpu` in version 2, but for the CPU sets.
//!
//! Real-time time has no counterpart and is left alone.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Cpu;
use crate::step::Step;

const QUOTA: &str = "linux.resources.cpu.quota";
const PERIOD: &str = "linux.resources.cpu.period";

pub(crate) fn steps(to: &mut Steps<'_>, cpu: &Cpu<'_>) -> Result<(), PlanError> {
    let mut shares = Vec::new();
    if let Some(weight) = weight(cpu.shares.unwrap_or(0)) {
        let field = "linux.resources.cpu.shares";
        shares.push(to.make("cpu", "cpu.weight", weight.to_string(), field)?);
    }
    if let Some(idle) = cpu.idle {
        let field = "linux.resources.cpu.idle";
        shares.push(to.make("cpu", "cpu.idle", idle.to_string(), field)?);
    }
    // An idle cgroup takes no weight: it goes in before it becomes idle, or after it was.
    to.together(shares);

    let period = cpu.period.filter(|period| *period != 0);
    let mut bandwidth = Vec::new();
    if let Some(burst) = cpu.burst {
        let field = "linux.resources.cpu.burst";
        bandwidth.push(to.make("cpu", "cpu.max.burst", burst.to_string(), field)?);
    }
    match (cpu.quota.filter(|quota| *quota != 0), period) {
        (Some(quota), period) => {
            bandwidth.push(to.make("cpu", "cpu.max", max(quota, period), QUOTA)?);
        }
        (None, Some(period)) => {
            let write = to.make("cpu", "cpu.max", format!("max {period}"), PERIOD)?;
            to.steps.push(Step::KeepQuota(write));
        }
        (None, None) => {}
    }
    // A burst is at most the quota: which one can go first depends on what is there.
    to.together(bandwidth);
    Ok(())
}

/// What to write to `cpu.max`; the kernel keeps its period (100000 at first) if none is given.
fn max(quota: i64, period: Option<u64>) -> String {
    let quota = if quota > 0 { quota.to_string() } else { "max".to_owned() };
    match period {
        Some(period) => format!("{quota} {period}"),
        None => quota,
    }
}

/// The weight (1 to 10000) for a number of shares (2 to 262144); none for 0, which is unset.
///
/// A curve through (2, 1), (1024, 100) and (262144, 10000): the defaults of both versions meet.
pub(crate) fn weight(shares: u64) -> Option<u64> {
    match shares {
        0 => None,
        1 | 2 => Some(1),
        262_144.. => Some(10_000),
        shares => {
            let l = (shares as f64).log2();
            let exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
            Some(10_f64.powf(exponent).ceil() as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        for (shares, expected) in [
            (0, None),
            (1, Some(1)),
            (2, Some(1)),
            (3, Some(2)),
            (102, Some(17)),
            (512, Some(59)),
            (1024, Some(100)),
            (2048, Some(174)),
            (262_143, Some(10_000)),
            (262_144, Some(10_000)),
            (u64::MAX, Some(10_000)),
        ] {
            assert_eq!(weight(shares), expected, "{shares}");
        }
    }

    #[test]
    fn weights_grow() {
        let weights: Vec<_> = (2..=262_144).filter_map(weight).collect();
        assert!(weights.is_sorted());
        assert_eq!((weights[0], weights[weights.len() - 1]), (1, 10_000));
    }

    #[test]
    fn maxima() {
        for (quota, period, expected) in [
            (-1, None, "max"),
            (i64::MIN, Some(50_000), "max 50000"),
            (1, None, "1"),
            (50_000, Some(100_000), "50000 100000"),
        ] {
            assert_eq!(max(quota, period), expected);
        }
    }
}

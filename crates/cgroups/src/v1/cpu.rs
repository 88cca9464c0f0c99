//! `linux.resources.cpu` in version 1, but for the CPU sets.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Cpu;

/// What the kernel takes; it would silently put the nearest in the place of another.
const SHARES: std::ops::RangeInclusive<u64> = 2..=262_144;

pub(crate) fn steps(to: &mut Steps<'_>, cpu: &Cpu<'_>) -> Result<(), PlanError> {
    let mut weight = Vec::new();
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        let field = "linux.resources.cpu.shares";
        if shares < *SHARES.start() {
            let reason = format!("the minimum allowed cpu-shares is {}", SHARES.start());
            return Err(PlanError::new(field, reason));
        }
        if shares > *SHARES.end() {
            let reason = format!("the maximum allowed cpu-shares is {}", SHARES.end());
            return Err(PlanError::new(field, reason));
        }
        weight.push(to.make("cpu", "cpu.shares", shares.to_string(), field)?);
    }
    if let Some(idle) = cpu.idle {
        let field = "linux.resources.cpu.idle";
        weight.push(to.make("cpu", "cpu.idle", idle.to_string(), field)?);
    }
    // An idle cgroup takes no shares: they go in before it becomes idle, or after it was.
    to.together(weight);

    let mut bandwidth = Vec::new();
    if let Some(period) = cpu.period.filter(|period| *period != 0) {
        let field = "linux.resources.cpu.period";
        bandwidth.push(to.make("cpu", "cpu.cfs_period_us", period.to_string(), field)?);
    }
    if let Some(burst) = cpu.burst {
        let field = "linux.resources.cpu.burst";
        bandwidth.push(to.make("cpu", "cpu.cfs_burst_us", burst.to_string(), field)?);
    }
    if let Some(quota) = cpu.quota.filter(|quota| *quota != 0) {
        let field = "linux.resources.cpu.quota";
        bandwidth.push(to.make("cpu", "cpu.cfs_quota_us", quota.max(-1).to_string(), field)?);
    }
    // A burst is at most the quota, and quota by period at most the parent's.
    to.together(bandwidth);

    let mut realtime = Vec::new();
    if let Some(period) = cpu.realtime_period.filter(|period| *period != 0) {
        let field = "linux.resources.cpu.realtimePeriod";
        realtime.push(to.make("cpu", "cpu.rt_period_us", period.to_string(), field)?);
    }
    if let Some(runtime) = cpu.realtime_runtime.filter(|runtime| *runtime != 0) {
        let field = "linux.resources.cpu.realtimeRuntime";
        realtime.push(to.make("cpu", "cpu.rt_runtime_us", runtime.to_string(), field)?);
    }
    to.together(realtime);
    Ok(())
}

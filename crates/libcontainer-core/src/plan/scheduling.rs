//! Where and when a process runs: scheduler, I/O priority, CPUs, memory nodes, execution domain.

use super::SchedulerPlan;
use crate::error::{Error, Result};
use crate::spec::{IoPriority, Linux, MemoryPolicy, Scheduler};

/// Policies and flags of `sched_setattr(2)` (`linux/sched.h`).
const POLICIES: [(&str, u32); 7] = [
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_ISO", 4),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
];
const SCHEDULER_FLAGS: [(&str, u64); 7] = [
    ("SCHED_FLAG_RESET_ON_FORK", 0x01),
    ("SCHED_FLAG_RECLAIM", 0x02),
    ("SCHED_FLAG_DL_OVERRUN", 0x04),
    ("SCHED_FLAG_KEEP_POLICY", 0x08),
    ("SCHED_FLAG_KEEP_PARAMS", 0x10),
    ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20),
    ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
];
/// The kernel counts in units of this many nanoseconds (`DL_SCALE`).
const SHORTEST_RUNTIME: u64 = 1024;

/// Policy and parameters, which belong together (config.md, "scheduler").
pub fn scheduler(scheduler: &Scheduler<'_>) -> Result<SchedulerPlan> {
    let field = |property: &str| format!("process.scheduler.{property}");
    let name = &*scheduler.policy;
    let Some((_, policy)) = POLICIES.iter().find(|(known, _)| *known == name) else {
        return Err(Error::config(field("policy"), format!("invalid scheduler policy {name:?}")));
    };
    let mut flags = 0;
    for (index, flag) in scheduler.flags.iter().flatten().enumerate() {
        match SCHEDULER_FLAGS.iter().find(|(known, _)| *known == &**flag) {
            Some((_, bit)) => flags |= bit,
            None => {
                let reason = format!("invalid scheduler flag {:?}", &**flag);
                return Err(Error::config(field(&format!("flags[{index}]")), reason));
            }
        }
    }
    let realtime = matches!(name, "SCHED_FIFO" | "SCHED_RR");
    let deadline = scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0;
    if !(-20..=19).contains(&scheduler.nice) {
        return Err(Error::config(
            field("nice"),
            format!("{} is not between -20 and 19", scheduler.nice),
        ));
    }
    if !realtime && scheduler.priority != 0 {
        return Err(Error::config(
            field("priority"),
            "scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy",
        ));
    }
    if name != "SCHED_DEADLINE" && deadline {
        return Err(Error::config(
            field("runtime"),
            "scheduler runtime/deadline/period can only be specified for SCHED_DEADLINE policy",
        ));
    }
    if name == "SCHED_DEADLINE" {
        check_times(scheduler)?;
    }
    Ok(SchedulerPlan {
        policy: *policy,
        flags,
        nice: scheduler.nice,
        priority: u32::try_from(scheduler.priority)
            .map_err(|_| Error::config(field("priority"), "must not be negative"))?,
        runtime: scheduler.runtime,
        deadline: scheduler.deadline,
        period: scheduler.period,
    })
}

/// What the kernel would refuse with a mere EINVAL (`sched(7)`, "SCHED_DEADLINE").
fn check_times(scheduler: &Scheduler<'_>) -> Result<()> {
    let Scheduler { runtime, deadline, period, .. } = *scheduler;
    let refused = |property: &str, reason: String| {
        Err(Error::config(format!("process.scheduler.{property}"), reason))
    };
    if deadline == 0 {
        return refused("deadline", "SCHED_DEADLINE needs a deadline, in nanoseconds".to_owned());
    }
    if runtime < SHORTEST_RUNTIME {
        let reason = format!("SCHED_DEADLINE needs at least {SHORTEST_RUNTIME} ns, not {runtime}");
        return refused("runtime", reason);
    }
    if runtime > deadline {
        return refused("runtime", format!("{runtime} ns is above the deadline of {deadline} ns"));
    }
    if period != 0 && period < deadline {
        return refused("period", format!("{period} ns is below the deadline of {deadline} ns"));
    }
    Ok(())
}

/// Class and priority as `ioprio_set(2)` wants them.
pub fn io_priority(priority: &IoPriority<'_>) -> Result<u32> {
    let class = match &*priority.class {
        "IOPRIO_CLASS_RT" => 1,
        "IOPRIO_CLASS_BE" => 2,
        "IOPRIO_CLASS_IDLE" => 3,
        other => {
            return Err(Error::config(
                "process.ioPriority.class",
                format!("invalid ioPriority class {other:?}"),
            ));
        }
    };
    match u32::try_from(priority.priority) {
        Ok(level) if level <= 7 => Ok(class << 13 | level),
        _ => {
            let reason = format!("{} is not between 0 and 7", priority.priority);
            Err(Error::config("process.ioPriority.priority", reason))
        }
    }
}

/// The execution domain (config-linux.md, "Personality").
pub fn personality(linux: Option<&Linux<'_>>) -> Result<Option<u64>> {
    let Some(personality) = linux.and_then(|linux| linux.personality.as_ref()) else {
        return Ok(None);
    };
    if personality.flags.as_ref().is_some_and(|flags| !flags.is_empty()) {
        return Err(Error::config("linux.personality.flags", "no flags are supported"));
    }
    match &*personality.domain {
        "LINUX" => Ok(Some(0)),
        "LINUX32" => Ok(Some(8)),
        other => {
            Err(Error::config("linux.personality.domain", format!("unknown personality {other:?}")))
        }
    }
}

/// Modes and flags of `set_mempolicy(2)` (`linux/mempolicy.h`).
const MEMORY_MODES: [(&str, i32); 7] = [
    ("MPOL_DEFAULT", 0),
    ("MPOL_PREFERRED", 1),
    ("MPOL_BIND", 2),
    ("MPOL_INTERLEAVE", 3),
    ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5),
    ("MPOL_WEIGHTED_INTERLEAVE", 6),
];
const MEMORY_FLAGS: [(&str, i32); 3] = [
    ("MPOL_F_STATIC_NODES", 1 << 15),
    ("MPOL_F_RELATIVE_NODES", 1 << 14),
    ("MPOL_F_NUMA_BALANCING", 1 << 13),
];

/// The names of modes and flags, for `features`.
pub fn memory_policy_names() -> (Vec<&'static str>, Vec<&'static str>) {
    (MEMORY_MODES.map(|(name, _)| name).to_vec(), MEMORY_FLAGS.map(|(name, _)| name).to_vec())
}

/// The NUMA policy: mode with flags, and nodes (config-linux.md, "Memory policy").
pub fn memory_policy(policy: &MemoryPolicy<'_>) -> Result<(i32, Vec<usize>)> {
    let Some((name, mode)) = MEMORY_MODES.iter().find(|(known, _)| *known == &*policy.mode) else {
        let reason = format!("invalid memory policy mode {:?}", &*policy.mode);
        return Err(Error::config("linux.memoryPolicy.mode", reason));
    };
    let mut flags = 0;
    for (index, flag) in policy.flags.iter().flatten().enumerate() {
        match MEMORY_FLAGS.iter().find(|(known, _)| *known == &**flag) {
            Some((_, bit)) => flags |= bit,
            None => {
                let reason = format!("invalid memory policy flag {:?}", &**flag);
                return Err(Error::config(format!("linux.memoryPolicy.flags[{index}]"), reason));
            }
        }
    }
    let nodes = match policy.nodes.as_deref() {
        None | Some("") => Vec::new(),
        Some(list) => number_list(list).ok_or_else(|| {
            Error::config(
                "linux.memoryPolicy.nodes",
                format!("invalid memory policy node list {list:?}"),
            )
        })?,
    };
    let without_nodes = matches!(*name, "MPOL_DEFAULT" | "MPOL_LOCAL");
    if without_nodes && !nodes.is_empty() {
        let reason =
            format!("invalid memory policy: mode requires 0 nodes but got {}", nodes.len());
        return Err(Error::config("linux.memoryPolicy.nodes", reason));
    }
    if !without_nodes && *name != "MPOL_PREFERRED" && nodes.is_empty() {
        let reason = format!("invalid memory policy mode: {name} needs nodes");
        return Err(Error::config("linux.memoryPolicy.nodes", reason));
    }
    Ok((mode | flags, nodes))
}

/// The CPUs of `execCPUAffinity` (config.md).
pub fn cpus(name: &str, list: Option<&str>) -> Result<Option<Vec<usize>>> {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return Ok(None) };
    number_list(list).map(Some).ok_or_else(|| {
        Error::config(
            format!("process.execCPUAffinity.{name}"),
            format!("{list:?} is not a list of CPUs"),
        )
    })
}

/// A list such as `0-3,7` (`cpuset(7)`, "List format"), numbers below 8192.
fn number_list(list: &str) -> Option<Vec<usize>> {
    let number = |text: &str| text.trim().parse().ok().filter(|number: &usize| *number < 8192);
    let mut numbers = Vec::new();
    for part in list.split(',') {
        match part.split_once('-') {
            None => numbers.push(number(part)?),
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return None;
                }
                numbers.extend(first..=last);
            }
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_lists() {
        assert_eq!(number_list("0-3,7"), Some(vec![0, 1, 2, 3, 7]));
        for bad in ["", "a", "3-1", "1-", "-1", "1,,2", "9999"] {
            assert_eq!(number_list(bad), None, "{bad:?}");
        }
    }
}

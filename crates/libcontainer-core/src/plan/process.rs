//! The `process` object becomes the exact arguments of the system calls that make it so.

use std::ffi::CString;

use ::namespaces::{IdMap, Namespace};

use super::{Namespaces, Options, ProcessPlan, SchedulerPlan, c_string};
use crate::capability::{CapabilitySet, CapabilitySets, number};
use crate::error::{Error, Result};
use crate::spec::{
    Capabilities, CpuAffinity, IoPriority, Linux, MemoryPolicy, Process, Rlimit, Scheduler, Str,
};

/// What `exec` is told on the command line; it wins over the process object.
#[derive(Clone, Debug, Default)]
pub struct ExecOverrides {
    /// Program and arguments.
    pub args: Option<Vec<String>>,
    /// More environment.
    pub env: Vec<String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// User, and group if given.
    pub user: Option<(u32, Option<u32>)>,
    /// Supplementary groups.
    pub additional_gids: Vec<u32>,
    /// More capabilities.
    pub caps: Vec<String>,
    /// A terminal.
    pub terminal: bool,
    /// `no_new_privs`
    pub no_new_privs: bool,
    /// AppArmor profile.
    pub apparmor: Option<String>,
    /// SELinux label.
    pub label: Option<String>,
}

/// Plans the container process.
pub fn plan(
    process: &Process<'_>,
    linux: Option<&Linux<'_>>,
    options: &Options,
    namespaces: &Namespaces,
    warnings: &mut Vec<String>,
) -> Result<ProcessPlan> {
    let user = &process.user;
    check_id("process.user.uid", user.uid, &namespaces.uid_map)?;
    check_id("process.user.gid", user.gid, &namespaces.gid_map)?;
    let groups = user.additional_gids.clone().unwrap_or_default();
    for (index, gid) in groups.iter().enumerate() {
        check_id(&format!("process.user.additionalGids[{index}]"), *gid, &namespaces.gid_map)?;
    }
    let (env, fill_home) = environment(process.env.as_deref().unwrap_or_default(), options)?;
    let seccomp = match linux.and_then(|linux| linux.seccomp.as_ref()) {
        Some(profile) => filter(profile)?,
        None => None,
    };
    let affinity = process.exec_cpu_affinity.as_ref();
    cpus("initial", affinity.and_then(|cpus| cpus.initial.as_deref()))?;
    cpus("final", affinity.and_then(|cpus| cpus.last.as_deref()))?;
    Ok(ProcessPlan {
        argv: arguments(process.args.as_deref().unwrap_or_default())?,
        env,
        fill_home,
        cwd: working_directory(process.cwd.as_deref())?,
        uid: user.uid,
        gid: user.gid,
        groups,
        umask: umask(user.umask)?,
        capabilities: capabilities(process.capabilities.as_ref(), warnings),
        rlimits: rlimits(process.rlimits.as_deref().unwrap_or_default())?,
        no_new_privs: process.no_new_privileges,
        oom_score_adj: oom_score_adj(process.oom_score_adj)?,
        labels: labels(process)?,
        scheduler: process.scheduler.as_ref().map(scheduler).transpose()?,
        io_priority: process.io_priority.as_ref().map(io_priority).transpose()?,
        initial_cpus: None,
        final_cpus: None,
        personality: personality(linux)?,
        memory_policy: linux
            .and_then(|linux| linux.memory_policy.as_ref())
            .map(memory_policy)
            .transpose()?,
        own_stdio: user.uid != 0 || namespaces.has(Namespace::User),
        terminal: process.terminal.then_some(process.console_size),
        seccomp,
    })
}

/// Plans a process that is executed in a running container.
///
/// `base` is the container's own configuration; `process` what `--process` gave instead of it.
pub fn plan_exec(
    base: Option<&Linux<'_>>,
    process: &mut Process<'_>,
    overrides: &ExecOverrides,
    options: &Options,
    namespaces: &Namespaces,
    warnings: &mut Vec<String>,
) -> Result<ProcessPlan> {
    apply_overrides(process, overrides);
    let mut plan = plan(process, base, options, namespaces, warnings)?;
    let affinity = process.exec_cpu_affinity.as_ref();
    let list = |name, pick: fn(&CpuAffinity<'_>) -> Option<String>| {
        cpus(name, affinity.and_then(pick).as_deref())
    };
    plan.initial_cpus = list("initial", |cpus| cpus.initial.as_deref().map(str::to_owned))?;
    plan.final_cpus = list("final", |cpus| cpus.last.as_deref().map(str::to_owned))?;
    Ok(plan)
}

fn apply_overrides(process: &mut Process<'_>, overrides: &ExecOverrides) {
    if let Some(args) = &overrides.args {
        process.args = Some(args.iter().cloned().map(Str::from).collect());
    }
    process.env.get_or_insert_default().extend(overrides.env.iter().cloned().map(Str::from));
    if let Some(cwd) = &overrides.cwd {
        process.cwd = Some(cwd.clone().into());
    }
    if let Some((uid, gid)) = overrides.user {
        process.user.uid = uid;
        process.user.gid = gid.unwrap_or(process.user.gid);
    }
    if !overrides.additional_gids.is_empty() {
        process.user.additional_gids.get_or_insert_default().extend(&overrides.additional_gids);
    }
    if !overrides.caps.is_empty() {
        add_capabilities(process.capabilities.get_or_insert_default(), &overrides.caps);
    }
    if let Some(profile) = &overrides.apparmor {
        process.apparmor_profile = Some(profile.clone().into());
    }
    if let Some(label) = &overrides.label {
        process.selinux_label = Some(label.clone().into());
    }
    process.terminal |= overrides.terminal;
    process.no_new_privileges |= overrides.no_new_privs;
}

/// Adds to three sets, and to the ambient one only what is inheritable (CVE-2022-29162).
fn add_capabilities(sets: &mut Capabilities<'_>, names: &[String]) {
    let inherits = |name: &str| {
        sets.inheritable.iter().flatten().any(|known| known.eq_ignore_ascii_case(name))
    };
    let ambient: Vec<Str<'_>> =
        names.iter().filter(|name| inherits(name)).cloned().map(Str::from).collect();
    for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
        set.get_or_insert_default().extend(names.iter().cloned().map(Str::from));
    }
    if !ambient.is_empty() {
        sets.ambient.get_or_insert_default().extend(ambient);
    }
}

fn check_id(field: &str, id: u32, map: &[IdMap]) -> Result<()> {
    if id == u32::MAX {
        return Err(Error::config(field, "4294967295 is not a valid id"));
    }
    if !map.is_empty() && !map.iter().any(|line| line.to_host(id).is_some()) {
        return Err(Error::config(field, format!("{id} is not mapped in the user namespace")));
    }
    Ok(())
}

fn arguments(args: &[Str<'_>]) -> Result<Vec<CString>> {
    if args.first().is_none_or(|first| first.is_empty()) {
        return Err(Error::config("process.args", "args must not be empty"));
    }
    args.iter()
        .enumerate()
        .map(|(index, arg)| c_string(arg, || format!("process.args[{index}]")))
        .collect()
}

/// The environment without doubles (the last one wins), and whether HOME has no value in it.
fn environment(env: &[Str<'_>], options: &Options) -> Result<(Vec<CString>, bool)> {
    let mut unique: Vec<&str> = Vec::with_capacity(env.len());
    let mut seen: std::collections::HashMap<&str, usize> =
        std::collections::HashMap::with_capacity(env.len());
    for (index, entry) in env.iter().enumerate() {
        let name = match entry.split_once('=') {
            Some((name, _)) if !name.is_empty() => name,
            _ => {
                let reason = format!("{:?} is not of the form NAME=value", &**entry);
                return Err(Error::config(format!("process.env[{index}]"), reason));
            }
        };
        match seen.get(name) {
            Some(place) => unique[*place] = &**entry,
            None => {
                seen.insert(name, unique.len());
                unique.push(&**entry);
            }
        }
    }
    let fill_home = !unique.iter().any(|entry| entry.len() > 5 && entry.starts_with("HOME="));
    let mut result = Vec::with_capacity(unique.len() + 4);
    for entry in unique.iter().filter(|entry| !fill_home || !entry.starts_with("HOME=")) {
        result.push(c_string(entry, || "process.env".to_owned())?);
    }
    if options.listen_fds > 0 {
        let names = options.listen_names.iter().map(|names| format!("LISTEN_FDNAMES={names}"));
        let fixed = [format!("LISTEN_FDS={}", options.listen_fds), "LISTEN_PID=1".to_owned()];
        for entry in fixed.into_iter().chain(names) {
            result.push(c_string(&entry, || "LISTEN_FDNAMES".to_owned())?);
        }
    }
    Ok((result, fill_home))
}

fn working_directory(cwd: Option<&str>) -> Result<String> {
    match cwd {
        None | Some("") => Err(Error::config("process.cwd", "Cwd property must not be empty")),
        Some(cwd) if !cwd.starts_with('/') => {
            Err(Error::config("process.cwd", format!("{cwd:?}: Cwd must be an absolute path")))
        }
        Some(cwd) if cwd.contains('\0') => {
            Err(Error::config("process.cwd", "must not contain a NUL character"))
        }
        Some(cwd) => Ok(cwd.to_owned()),
    }
}

fn umask(umask: Option<u32>) -> Result<u32> {
    match umask {
        None => Ok(0o022),
        Some(mask) if mask <= 0o777 => Ok(mask),
        Some(mask) => {
            let reason =
                format!("{mask} has bits outside of the permissions (octal 777, decimal 511)");
            Err(Error::config("process.user.umask", reason))
        }
    }
}

/// Names that the kernel does not know are left out with a warning (config.md, "capabilities").
fn capabilities(sets: Option<&Capabilities<'_>>, warnings: &mut Vec<String>) -> CapabilitySets {
    let Some(sets) = sets else { return CapabilitySets::default() };
    let mut unknown: Vec<String> = Vec::new();
    let mut set = |names: &Option<Vec<Str<'_>>>| {
        let mut bits = CapabilitySet::default();
        for name in names.iter().flatten() {
            match number(name) {
                Some(number) => bits.0 |= 1 << number,
                None if unknown.iter().any(|known| **known == **name) => {}
                None => unknown.push(name.to_string()),
            }
        }
        bits
    };
    let mut result = CapabilitySets {
        bounding: set(&sets.bounding),
        effective: set(&sets.effective),
        inheritable: set(&sets.inheritable),
        permitted: set(&sets.permitted),
        ambient: set(&sets.ambient),
    };
    // The kernel refuses these (`capabilities(7)`); runc goes on with a warning as well.
    let raisable = CapabilitySet(result.inheritable.0 & result.permitted.0);
    for name in CapabilitySet(result.ambient.0 & !raisable.0).names() {
        warnings.push(format!(
            "can't raise ambient capability {name}: it is not both permitted and inheritable"
        ));
    }
    result.ambient.0 &= raisable.0;
    if !unknown.is_empty() {
        warnings.push(format!("process.capabilities: ignoring unknown capabilities {unknown:?}"));
    }
    result
}

/// Names of `RLIMIT_*` at the index of their number (`asm-generic/resource.h`).
const RLIMITS: [&str; 16] = [
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_CORE",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
];

/// The name of a limit by its number.
pub fn rlimit_name(number: u32) -> &'static str {
    RLIMITS.get(number as usize).copied().unwrap_or("RLIMIT_?")
}

fn rlimits(limits: &[Rlimit<'_>]) -> Result<Vec<(u32, u64, u64)>> {
    let mut result: Vec<(u32, u64, u64)> = Vec::with_capacity(limits.len());
    for (index, limit) in limits.iter().enumerate() {
        let field = |property: &str| format!("process.rlimits[{index}].{property}");
        let Some(number) = RLIMITS.iter().position(|name| *name == &*limit.kind) else {
            return Err(Error::config(
                field("type"),
                format!("invalid rlimit type {:?}", &*limit.kind),
            ));
        };
        if limit.soft > limit.hard {
            let reason = format!("{} is above the hard limit {}", limit.soft, limit.hard);
            return Err(Error::config(field("soft"), reason));
        }
        let number = number as u32;
        if result.iter().any(|(known, ..)| *known == number) {
            return Err(Error::config(field("type"), format!("duplicate {}", &*limit.kind)));
        }
        result.push((number, limit.soft, limit.hard));
    }
    Ok(result)
}

fn oom_score_adj(value: Option<i32>) -> Result<Option<i32>> {
    match value {
        Some(value) if !(-1000..=1000).contains(&value) => Err(Error::config(
            "process.oomScoreAdj",
            format!("{value} is not between -1000 and 1000"),
        )),
        value => Ok(value),
    }
}

fn labels(process: &Process<'_>) -> Result<Vec<(&'static str, String, &'static str)>> {
    let mut labels = Vec::new();
    if let Some(profile) = process.apparmor_profile.as_deref().filter(|profile| !profile.is_empty())
    {
        c_string(profile, || "process.apparmorProfile".to_owned())?;
        labels.push(("apparmor/exec", format!("exec {profile}"), "process.apparmorProfile"));
    }
    if let Some(label) = process.selinux_label.as_deref().filter(|label| !label.is_empty()) {
        c_string(label, || "process.selinuxLabel".to_owned())?;
        labels.push(("exec", label.to_owned(), "process.selinuxLabel"));
    }
    Ok(labels)
}

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

fn scheduler(scheduler: &Scheduler<'_>) -> Result<SchedulerPlan> {
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
    let nice = matches!(name, "SCHED_OTHER" | "SCHED_BATCH");
    let deadline = scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0;
    if !nice && scheduler.nice != 0 {
        return Err(Error::config(
            field("nice"),
            "scheduler.nice can only be specified for SCHED_OTHER or SCHED_BATCH policy",
        ));
    }
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

/// Class and priority as `ioprio_set(2)` wants them.
fn io_priority(priority: &IoPriority<'_>) -> Result<u32> {
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

fn personality(linux: Option<&Linux<'_>>) -> Result<Option<u64>> {
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

fn memory_policy(policy: &MemoryPolicy<'_>) -> Result<(i32, Vec<usize>)> {
    let Some((name, mode)) = MEMORY_MODES.iter().find(|(known, _)| *known == &*policy.mode) else {
        let reason = format!("invalid memory policy: unknown mode {:?}", &*policy.mode);
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

fn cpus(name: &str, list: Option<&str>) -> Result<Option<Vec<usize>>> {
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

fn filter(profile: &seccomp::spec::Profile<'_>) -> Result<Option<seccomp::Filter>> {
    let filter = seccomp::compile(profile).map_err(|error| {
        let path = error.path();
        let field = if path.is_empty() {
            "linux.seccomp".to_owned()
        } else {
            format!("linux.seccomp.{path}")
        };
        Error::config(field, error.message())
    })?;
    if filter.notifies() {
        return Err(Error::config("linux.seccomp", "SCMP_ACT_NOTIFY is not supported yet"));
    }
    Ok(Some(filter))
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

    #[test]
    fn the_last_of_equal_variables_wins_in_the_place_of_the_first() {
        let env = ["A=1", "B=2", "A=3", "HOME="].map(Str::from);
        let (env, fill_home) = environment(&env, &Options::default()).unwrap();
        assert_eq!(env, [c"A=3", c"B=2"].map(CString::from));
        assert!(fill_home);
    }

    #[test]
    fn exec_never_makes_a_capability_inheritable() {
        let mut sets = Capabilities::default();
        add_capabilities(&mut sets, &["CAP_NET_RAW".to_owned()]);
        assert!(sets.inheritable.is_none() && sets.ambient.is_none());
        assert_eq!(sets.effective.unwrap().len(), 1);
    }
}

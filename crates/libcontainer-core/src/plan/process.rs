//! The `process` object becomes the exact arguments of the system calls that make it so.

use std::ffi::CString;

use ::namespaces::{IdMap, Namespace};

use super::extensions::{self, Annotations};
use super::{Agent, Namespaces, Options, ProcessPlan, agent, c_string, scheduling};
use crate::capability::{CapabilitySet, CapabilitySets, number};
use crate::error::{Error, Result};
use crate::spec::{Capabilities, Linux, Process, Rlimit, Str};

/// What a process is planned for.
#[derive(Debug)]
pub struct Around<'a> {
    /// The container's own configuration.
    pub linux: Option<&'a Linux<'a>>,
    /// And its annotations.
    pub annotations: &'a Annotations,
    /// What the command line says.
    pub options: &'a Options,
}

/// Plans the container process.
pub fn plan(
    process: &Process<'_>,
    around: &Around<'_>,
    namespaces: &Namespaces,
    warnings: &mut Vec<String>,
) -> Result<ProcessPlan> {
    let Around { linux, annotations, options } = *around;
    let user = &process.user;
    check_id("process.user.uid", user.uid, &namespaces.uid_map)?;
    check_id("process.user.gid", user.gid, &namespaces.gid_map)?;
    let groups = user.additional_gids.clone().unwrap_or_default();
    for (index, gid) in groups.iter().enumerate() {
        check_id(&format!("process.user.additionalGids[{index}]"), *gid, &namespaces.gid_map)?;
    }
    let (env, fill_home) = environment(process.env.as_deref().unwrap_or_default(), options)?;
    extensions::check(annotations)?;
    let profile = agent::profile(linux, annotations, options.seccomp_receiver.as_deref());
    let seccomp = profile.as_deref().map(|profile| filter(profile, annotations)).transpose()?;
    let affinity = process.exec_cpu_affinity.as_ref();
    scheduling::cpus("initial", affinity.and_then(|cpus| cpus.initial.as_deref()))?;
    scheduling::cpus("final", affinity.and_then(|cpus| cpus.last.as_deref()))?;
    Ok(ProcessPlan {
        argv: arguments(process.args.as_deref().unwrap_or_default())?,
        env,
        fill_home,
        cwd: working_directory(process.cwd.as_deref())?,
        uid: user.uid,
        gid: user.gid,
        groups,
        keep_groups: extensions::keeps_groups(annotations),
        umask: umask(user.umask)?,
        capabilities: capabilities(process.capabilities.as_ref(), warnings),
        rlimits: rlimits(process.rlimits.as_deref().unwrap_or_default())?,
        no_new_privs: process.no_new_privileges,
        oom_score_adj: oom_score_adj(process.oom_score_adj)?,
        labels: labels(process)?,
        scheduler: process.scheduler.as_ref().map(scheduling::scheduler).transpose()?,
        io_priority: process.io_priority.as_ref().map(scheduling::io_priority).transpose()?,
        initial_cpus: None,
        final_cpus: None,
        personality: scheduling::personality(linux)?,
        memory_policy: linux
            .and_then(|linux| linux.memory_policy.as_ref())
            .map(scheduling::memory_policy)
            .transpose()?,
        own_stdio: user.uid != 0 || namespaces.has(Namespace::User),
        terminal: process.terminal.then_some(process.console_size),
        seccomp,
        agent: Agent::of(profile.as_deref()),
    })
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
    match args.first() {
        None => return Err(Error::config("process.args", "args must not be empty")),
        // What engines look for, to end with 127.
        Some(first) if first.is_empty() => {
            let reason = "exec: \"\": executable file not found in $PATH";
            return Err(Error::config("process.args[0]", reason));
        }
        Some(_) => {}
    }
    args.iter()
        .enumerate()
        .map(|(index, arg)| c_string(arg, || format!("process.args[{index}]")))
        .collect()
}

/// The environment without doubles (the last one wins), and whether HOME has no value in it.
fn environment(env: &[Str<'_>], options: &Options) -> Result<(Vec<CString>, bool)> {
    let mut unique: Vec<&str> = Vec::with_capacity(env.len());
    let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for (index, entry) in env.iter().enumerate() {
        let name = match entry.split_once('=') {
            Some((name, _)) if !name.is_empty() => name,
            _ => {
                let reason = format!("{:?} is not of the form NAME=value", &**entry);
                return Err(Error::config(format!("process.env[{index}]"), reason));
            }
        };
        if entry.contains('\0') {
            let field = format!("process.env[{index}]");
            return Err(Error::config(field, "must not contain a NUL character"));
        }
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
    let refused: Vec<_> = CapabilitySet(result.ambient.0 & !raisable.0).names().collect();
    if !refused.is_empty() {
        warnings.push(format!(
            "process.capabilities.ambient: can't raise ambient capability {}: not both permitted and inheritable",
            refused.join(", ")
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

fn filter(
    profile: &seccomp::spec::Profile<'_>,
    annotations: &Annotations,
) -> Result<seccomp::Filter> {
    let filter = seccomp::compile(profile).map_err(|error| {
        let path = error.path();
        let field = if path.is_empty() {
            "linux.seccomp".to_owned()
        } else {
            format!("linux.seccomp.{path}")
        };
        Error::config(field, error.message())
    })?;
    extensions::check_syscalls(annotations, filter.ignored())?;
    tracing::debug!("seccomp filter flags: {}", filter.flags());
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_variables_wins_in_the_place_of_the_first() {
        let env = ["A=1", "B=2", "A=3", "HOME="].map(Str::from);
        let (env, fill_home) = environment(&env, &Options::default()).unwrap();
        assert_eq!(env, [c"A=3", c"B=2"].map(CString::from));
        assert!(fill_home);
    }
}

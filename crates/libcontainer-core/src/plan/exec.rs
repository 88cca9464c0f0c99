//! A process beside the container process: the container's own, or one from a file, with what the command line says.

use super::process::Around;
use super::{Namespaces, ProcessPlan, process, scheduling};
use crate::error::Result;
use crate::spec::{Capabilities, CpuAffinity, Process, Str};

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
    /// `no_new_privs`, on or off
    pub no_new_privs: Option<bool>,
    /// AppArmor profile.
    pub apparmor: Option<String>,
    /// SELinux label.
    pub label: Option<String>,
}

/// Plans a process that is executed in a running container.
///
/// `around` has the container's own configuration; `process` is what `--process` gave instead of it.
pub fn plan_exec(
    around: &Around<'_>,
    process: &mut Process<'_>,
    overrides: &ExecOverrides,
    namespaces: &Namespaces,
    warnings: &mut Vec<String>,
) -> Result<ProcessPlan> {
    apply_overrides(process, overrides);
    let mut plan = process::plan(process, around, namespaces, warnings)?;
    let affinity = process.exec_cpu_affinity.as_ref();
    let list = |name, pick: fn(&CpuAffinity<'_>) -> Option<String>| {
        scheduling::cpus(name, affinity.and_then(pick).as_deref())
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
    process.no_new_privileges = overrides.no_new_privs.unwrap_or(process.no_new_privileges);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_never_makes_a_capability_inheritable() {
        let mut sets = Capabilities::default();
        add_capabilities(&mut sets, &["CAP_NET_RAW".to_owned()]);
        assert!(sets.inheritable.is_none() && sets.ambient.is_none());
        assert_eq!(sets.effective.unwrap().len(), 1);
    }
}

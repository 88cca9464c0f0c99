//! Why a filter answers as it does: for one call, which rule decides; for a profile, what it denies.

use crate::action::Action;
use crate::arch::Arch;
use crate::compile::{compile_for, describe};
use crate::conditions::{Conditional, Layout};
use crate::interpret::{Call, run};
use crate::rules::{self, Rules};
use crate::spec::Profile;
use crate::syscalls::{self, Decision};
use crate::{CompileError, names};

/// The answer to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the filter answers.
    pub action: Action,
    /// How many instructions of the filter ran.
    pub executed: usize,
    /// What decided.
    pub reason: Reason,
    /// The rules that are about the call, in the order in which they are asked.
    pub considered: Vec<Considered>,
}

/// What decided a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The profile does not list the architecture.
    Architecture,
    /// The number is above this one, the newest that the profile mentions, and so unknown to it.
    Newer(u32),
    /// The rule with this index in `syscalls`.
    Rule(usize),
    /// No rule holds.
    Default,
}

/// A rule that is about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Considered {
    /// Its index in `syscalls`.
    pub rule: usize,
    /// Whether its conditions hold.
    pub holds: bool,
}

/// What a profile does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The instructions of the whole filter.
    pub length: usize,
    /// What it does to the calls of each architecture that it filters, the native one first.
    pub archs: Vec<ArchSummary>,
    /// What is probably not meant: where, and in one line.
    pub warnings: Vec<(String, String)>,
}

/// What a profile does to the calls of one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchSummary {
    /// The architecture.
    pub arch: Arch,
    /// The instructions of a filter for it alone.
    pub length: usize,
    /// Names, sorted, and the answer to each, where that does not depend on arguments.
    pub always: Vec<(&'static str, Action)>,
    /// The names, sorted, of the calls whose arguments decide.
    pub depends: Vec<&'static str>,
}

/// Tells what decides call `number` of `arch` with `arguments` on a machine that is `native`.
pub fn explain(
    profile: &Profile<'_>,
    native: Arch,
    arch: Arch,
    number: u32,
    arguments: [u64; 6],
) -> Result<Explanation, CompileError> {
    let filter = compile_for(profile, native)?;
    let rules = rules::from_profile(profile, native)?;
    let arch = Arch::of_call(arch.audit(), number).unwrap_or(arch);
    let outcome = run(filter.instructions(), &Call::new(arch, number, arguments));
    // The compiler makes no program that the interpreter refuses; a test keeps it so.
    let outcome = outcome.map_err(|fault| CompileError::new("", fault.to_string()))?;
    let (reason, considered) = decide(&rules, arch, number, &arguments)?;
    Ok(Explanation { action: outcome.action, executed: outcome.executed, reason, considered })
}

/// Compiles `profile` and tells what it does, and what in it is without effect.
pub fn check(profile: &Profile<'_>, native: Arch) -> Result<Summary, CompileError> {
    let filter = compile_for(profile, native)?;
    let rules = rules::from_profile(profile, native)?;
    let alone = Profile { architectures: None, ..profile.clone() };
    let mut archs = Vec::new();
    let mut asked = vec![false; profile.syscalls.as_ref().map_or(0, Vec::len)];
    for &arch in &rules.archs {
        let length = compile_for(&alone, arch)?.instructions().len();
        archs.push(summary(&rules, arch, length, &mut asked)?);
    }
    let warnings = warnings(profile, native, &rules, &archs, &asked);
    Ok(Summary { length: filter.instructions().len(), archs, warnings })
}

fn decide(
    rules: &Rules,
    arch: Arch,
    number: u32,
    arguments: &[u64; 6],
) -> Result<(Reason, Vec<Considered>), CompileError> {
    // A tracer skips a call by making its number -1.
    let skipped = arch == Arch::X86_64 && number == u32::MAX;
    if skipped && !rules.archs.contains(&Arch::X32) {
        return Ok((Reason::Default, Vec::new()));
    }
    let arch = if skipped { Arch::X32 } else { arch };
    if !rules.archs.contains(&arch) {
        return Ok((Reason::Architecture, Vec::new()));
    }
    if is_unknown(rules, arch, number) {
        let newest = syscalls::unknown(rules, arch).map_or(0, |first| first - 1);
        return Ok((Reason::Newer(newest), Vec::new()));
    }
    let layout = Layout::of(arch);
    let decisions = syscalls::decisions(rules, arch, layout);
    let decisions = decisions.map_err(|conflict| describe(conflict, arch))?;
    let found = decisions.into_iter().find(|(decided, _)| *decided == number);
    let asked: Vec<Conditional> = match found {
        None => Vec::new(),
        Some((_, Decision::Always(rule))) => vec![rule],
        Some((_, Decision::Depends(rules))) => rules,
    };
    let holds = |rule: &Conditional| {
        rule.conditions.iter().all(|condition| condition.holds(arguments, layout.kept()))
    };
    let considered: Vec<Considered> =
        asked.iter().map(|rule| Considered { rule: rule.source, holds: holds(rule) }).collect();
    let first = considered.iter().find(|considered| considered.holds);
    Ok((first.map_or(Reason::Default, |first| Reason::Rule(first.rule)), considered))
}

fn is_unknown(rules: &Rules, arch: Arch, number: u32) -> bool {
    let setup = syscalls::has_setup_number(arch) && number == 0;
    syscalls::unknown(rules, arch).is_some_and(|first| number >= first || setup)
}

/// Marks in `asked` the rules that decide some call.
fn summary(
    rules: &Rules,
    arch: Arch,
    length: usize,
    asked: &mut [bool],
) -> Result<ArchSummary, CompileError> {
    let decisions = syscalls::decisions(rules, arch, Layout::of(arch));
    let decisions = decisions.map_err(|conflict| describe(conflict, arch))?;
    let (mut always, mut depends) = (Vec::new(), Vec::new());
    for (name, number) in arch.syscalls() {
        let at = decisions.binary_search_by_key(&number, |(decided, _)| *decided);
        match at.map(|at| &decisions[at].1) {
            _ if is_unknown(rules, arch, number) => always.push((name, Action::ENOSYS)),
            Err(_) => always.push((name, rules.default)),
            Ok(Decision::Always(rule)) => {
                asked[rule.source] = true;
                always.push((name, rule.action));
            }
            Ok(Decision::Depends(rules)) => {
                rules.iter().for_each(|rule| asked[rule.source] = true);
                depends.push(name);
            }
        }
    }
    Ok(ArchSummary { arch, length, always, depends })
}

fn warnings(
    profile: &Profile<'_>,
    native: Arch,
    rules: &Rules,
    archs: &[ArchSummary],
    asked: &[bool],
) -> Vec<(String, String)> {
    let mut warnings = Vec::new();
    for (at, name) in profile.architectures.iter().flatten().enumerate() {
        if Arch::from_name(name).is_some_and(|arch| arch.big_endian() != native.big_endian()) {
            let text = format!("{name} has another byte order than {}: ignored", native.name());
            warnings.push((format!("architectures[{at}]"), text));
        }
    }
    for (source, entry) in profile.syscalls.iter().flatten().enumerate() {
        let unknown = |name: &&std::borrow::Cow<'_, str>| names::position(name).is_none();
        for (at, name) in entry.names.iter().enumerate().filter(|(_, name)| unknown(name)) {
            let path = format!("syscalls[{source}].names[{at}]");
            warnings.push((path, format!("{name:?} is no known system call: ignored")));
        }
        // A rule that says what the default action says is not among them, and does no harm.
        let kept = rules.rules.iter().any(|rule| rule.source == source && !rule.names.is_empty());
        if kept && !asked[source] {
            let text = "decides no call: others do, or the architectures lack it".to_owned();
            warnings.push((format!("syscalls[{source}]"), text));
        }
    }
    let denied = |name: &str| {
        let mut all = archs
            .iter()
            .filter(|summary| summary.arch == native)
            .flat_map(|summary| &summary.always);
        all.any(|(denied, action)| *denied == name && action.denies())
    };
    if denied("execve") {
        warnings.push((String::new(), "execve is denied: no program can be started".to_owned()));
    }
    warnings
}

//! From a profile's words to rules: names, actions, operators, flags, and what is refused.

use std::borrow::Cow;

use crate::CompileError;
use crate::action::{Action, Refused};
use crate::arch::Arch;
use crate::names::position;
use crate::spec::{self, Profile};
use crate::sys;

/// A profile in which every word is known and every rule is worth having.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) default: Action,
    pub(crate) flags: u32,
    /// The native architecture first, without duplicates.
    pub(crate) archs: Vec<Arch>,
    pub(crate) rules: Vec<Rule>,
    /// Positions in the tables of all names, those of rules without effect included.
    pub(crate) mentioned: Vec<usize>,
    pub(crate) ignored: Vec<String>,
}

/// One entry of `syscalls` that does something else than the default action.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The index in `syscalls`.
    pub(crate) source: usize,
    pub(crate) action: Action,
    /// Positions in the tables.
    pub(crate) names: Vec<usize>,
    /// Any of these must hold; all conditions of one, which are on different arguments.
    pub(crate) alternatives: Vec<Vec<Condition>>,
}

/// A condition on one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) argument: u8,
    pub(crate) op: Op,
    pub(crate) value: u64,
    /// All ones but for [`Op::MaskedEqual`].
    pub(crate) mask: u64,
}

impl Condition {
    /// Whether it holds for these arguments, of which only the bits in `kept` count.
    pub(crate) fn holds(&self, arguments: &[u64; 6], kept: u64) -> bool {
        let argument = arguments[usize::from(self.argument)] & kept;
        match self.op {
            Op::NotEqual => argument != self.value,
            Op::Less => argument < self.value,
            Op::LessOrEqual => argument <= self.value,
            Op::Equal => argument == self.value,
            Op::GreaterOrEqual => argument >= self.value,
            Op::Greater => argument > self.value,
            Op::MaskedEqual => argument & self.mask == self.value,
        }
    }
}

/// A comparison of an argument with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    MaskedEqual,
}

/// The operators of the spec.
pub(crate) static OPERATORS: [(&str, Op); 7] = [
    ("SCMP_CMP_NE", Op::NotEqual),
    ("SCMP_CMP_LT", Op::Less),
    ("SCMP_CMP_LE", Op::LessOrEqual),
    ("SCMP_CMP_EQ", Op::Equal),
    ("SCMP_CMP_GE", Op::GreaterOrEqual),
    ("SCMP_CMP_GT", Op::Greater),
    ("SCMP_CMP_MASKED_EQ", Op::MaskedEqual),
];

/// The flags, and their bits for the kernel.
///
/// TSYNC has none, as in runc: a container process has one thread when its filter is loaded.
pub(crate) static FLAGS: [(&str, u32); 4] = [
    ("SECCOMP_FILTER_FLAG_TSYNC", 0),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", sys::SPEC_ALLOW),
    ("SECCOMP_FILTER_FLAG_LOG", sys::LOG),
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", sys::WAIT_KILLABLE_RECV),
];

/// System calls have six arguments.
const ARGUMENTS: u32 = 6;

/// Checks `profile` and translates its words.
pub(crate) fn from_profile(profile: &Profile<'_>, native: Arch) -> Result<Rules, CompileError> {
    let mut rules = Rules {
        default: default_action(profile)?,
        flags: flags(profile.flags.as_deref())?,
        archs: architectures(profile.architectures.as_deref(), native)?,
        rules: Vec::new(),
        mentioned: Vec::new(),
        ignored: Vec::new(),
    };
    for (source, entry) in profile.syscalls.iter().flatten().enumerate() {
        add(&mut rules, source, entry)?;
    }
    check_listener(profile, &rules)?;
    Ok(rules)
}

fn default_action(profile: &Profile<'_>) -> Result<Action, CompileError> {
    let Some(name) = &profile.default_action else {
        return Err(CompileError::new("defaultAction", "is missing"));
    };
    let errno_ret = profile.default_errno_ret;
    let action = action(name, errno_ret, || ("defaultAction".into(), "defaultErrnoRet".into()))?;
    if action == Action::NOTIFY {
        // The agent would have to answer for what sends it the listener.
        return Err(CompileError::new(
            "defaultAction",
            "SCMP_ACT_NOTIFY cannot be used as default action",
        ));
    }
    Ok(action)
}

/// `paths` are those of the action and of its errno, for the error.
fn action(
    name: &str,
    errno_ret: Option<u32>,
    paths: impl FnOnce() -> (String, String),
) -> Result<Action, CompileError> {
    Action::parse(name, errno_ret).map_err(|refused| match refused {
        Refused::Name => CompileError::new(paths().0, format!("unknown action {name:?}")),
        Refused::ErrnoRet(max) => CompileError::new(paths().1, format!("is above {max}")),
    })
}

fn flags(names: Option<&[Cow<'_, str>]>) -> Result<u32, CompileError> {
    let Some(names) = names else {
        return Ok(sys::SPEC_ALLOW);
    };
    names.iter().enumerate().try_fold(0, |bits, (at, name)| {
        match FLAGS.iter().find(|(known, _)| known == name) {
            Some((_, bit)) => Ok(bits | bit),
            None => {
                Err(CompileError::new(format!("flags[{at}]"), format!("unknown flag {name:?}")))
            }
        }
    })
}

fn architectures(names: Option<&[Cow<'_, str>]>, native: Arch) -> Result<Vec<Arch>, CompileError> {
    let mut archs = vec![native];
    for (at, name) in names.unwrap_or_default().iter().enumerate() {
        let arch = Arch::from_name(name).ok_or_else(|| {
            let message = format!("unknown architecture {name:?}");
            CompileError::new(format!("architectures[{at}]"), message)
        })?;
        // A kernel runs programs of its own byte order only.
        if arch.big_endian() == native.big_endian() && !archs.contains(&arch) {
            archs.push(arch);
        }
    }
    Ok(archs)
}

fn add(rules: &mut Rules, source: usize, entry: &spec::Rule<'_>) -> Result<(), CompileError> {
    let action = action(&entry.action, entry.errno_ret, || {
        (format!("syscalls[{source}].action"), format!("syscalls[{source}].errnoRet"))
    })?;
    let alternatives = alternatives(source, entry.args.as_deref().unwrap_or_default())?;
    let mut names = Vec::with_capacity(entry.names.len());
    for (at, name) in entry.names.iter().enumerate() {
        let refuse = |message: &str| {
            Err(CompileError::new(format!("syscalls[{source}].names[{at}]"), message))
        };
        if name.is_empty() {
            return refuse("an empty string is not a system call");
        }
        if action == Action::NOTIFY && name == "write" {
            // As runc: engines and their tests expect this refusal.
            return refuse("SCMP_ACT_NOTIFY cannot be used for the write syscall");
        }
        match position(name) {
            Some(position) => names.push(position),
            None => rules.ignored.push(name.to_string()),
        }
    }
    rules.mentioned.extend_from_slice(&names);
    if action == Action::NOTIFY {
        rules.flags |= sys::NEW_LISTENER;
    }
    if action != rules.default {
        rules.rules.push(Rule { source, action, names, alternatives });
    }
    Ok(())
}

/// All conditions must hold, but if two are on the same argument, any: what runc and crun do,
/// and what profiles therefore expect.
fn alternatives(
    source: usize,
    args: &[spec::Condition<'_>],
) -> Result<Vec<Vec<Condition>>, CompileError> {
    let mut conditions = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let path = |field| format!("syscalls[{source}].args[{at}].{field}");
        if arg.index >= ARGUMENTS {
            let message = format!("{} is above 5, the last argument", arg.index);
            return Err(CompileError::new(path("index"), message));
        }
        let Some((_, op)) = OPERATORS.iter().find(|(name, _)| *name == arg.op) else {
            let message = format!("unknown operator {:?}", arg.op);
            return Err(CompileError::new(path("op"), message));
        };
        let (value, mask) = match op {
            // Like libseccomp, ignore bits of the value that the mask clears.
            Op::MaskedEqual => (arg.value_two & arg.value, arg.value),
            _ => (arg.value, u64::MAX),
        };
        conditions.push(Condition { argument: arg.index as u8, op: *op, value, mask });
    }
    conditions.sort_by_key(|condition| condition.argument);
    if conditions.windows(2).any(|pair| pair[0].argument == pair[1].argument) {
        return Ok(conditions.into_iter().map(|condition| vec![condition]).collect());
    }
    Ok(vec![conditions])
}

fn check_listener(profile: &Profile<'_>, rules: &Rules) -> Result<(), CompileError> {
    let set = |value: &Option<Cow<'_, str>>| value.as_ref().is_some_and(|text| !text.is_empty());
    let path = set(&profile.listener_path);
    if set(&profile.listener_metadata) && !path {
        return Err(CompileError::new("listenerMetadata", "is set without listenerPath"));
    }
    let notifies = rules.flags & sys::NEW_LISTENER != 0;
    if notifies && !path {
        return Err(CompileError::new("listenerPath", "seccomp listenerPath is not set"));
    }
    if rules.flags & sys::WAIT_KILLABLE_RECV != 0 && !notifies {
        return Err(CompileError::new(
            "flags",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY",
        ));
    }
    Ok(())
}

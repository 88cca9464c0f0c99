//! What a filter answers for a system call (seccomp(2), "SECCOMP_RET_*").

use std::fmt;

/// The 32 bits that a filter returns: an action in the upper half, data in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action(pub u32);

/// What the lower half of an action holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    None,
    /// `errnoRet` of the profile, EPERM by default, up to a limit of the kernel.
    ErrnoRet(u32),
}

/// What is wrong with an action of a profile.
pub(crate) enum Refused {
    /// No action has that name.
    Name,
    /// The errno is above this.
    ErrnoRet(u32),
}

/// An action of a profile.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) code: u32,
    pub(crate) data: Data,
    /// How a filter's answer is shown.
    shown: &'static str,
}

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
/// The kernel would silently lower a greater one (`MAX_ERRNO` of `linux/err.h`).
const MAX_ERRNO: u32 = 4095;

/// Every action of the spec, sorted by name.
#[rustfmt::skip]
pub(crate) static KNOWN: [Known; 9] = [
    Known { name: "SCMP_ACT_ALLOW",        code: 0x7fff_0000, data: Data::None,                shown: "allow" },
    Known { name: "SCMP_ACT_ERRNO",        code: 0x0005_0000, data: Data::ErrnoRet(MAX_ERRNO), shown: "errno" },
    Known { name: "SCMP_ACT_KILL",         code: 0x0000_0000, data: Data::None,                shown: "kill_thread" },
    Known { name: "SCMP_ACT_KILL_PROCESS", code: 0x8000_0000, data: Data::None,                shown: "kill_process" },
    Known { name: "SCMP_ACT_KILL_THREAD",  code: 0x0000_0000, data: Data::None,                shown: "kill_thread" },
    Known { name: "SCMP_ACT_LOG",          code: 0x7ffc_0000, data: Data::None,                shown: "log" },
    Known { name: "SCMP_ACT_NOTIFY",       code: 0x7fc0_0000, data: Data::None,                shown: "notify" },
    Known { name: "SCMP_ACT_TRACE",        code: 0x7ff0_0000, data: Data::ErrnoRet(0xffff),    shown: "trace" },
    Known { name: "SCMP_ACT_TRAP",         code: 0x0003_0000, data: Data::None,                shown: "trap" },
];

impl Action {
    /// The answer for an architecture that the profile does not list.
    pub const KILL_THREAD: Action = Action(0);
    /// The answer of a kernel that lacks the system call.
    pub const ENOSYS: Action = Action(0x0005_0000 | ENOSYS);
    pub(crate) const NOTIFY: Action = Action(0x7fc0_0000);

    /// The action that a profile calls `name`, with its `errnoRet` where that has a meaning.
    ///
    /// Like runc, ignores an `errnoRet` that the action has no use for.
    pub(crate) fn parse(name: &str, errno_ret: Option<u32>) -> Result<Action, Refused> {
        let known = KNOWN.iter().find(|known| known.name == name).ok_or(Refused::Name)?;
        match (known.data, errno_ret.unwrap_or(EPERM)) {
            (Data::None, _) => Ok(Action(known.code)),
            (Data::ErrnoRet(max), data) if data <= max => Ok(Action(known.code | data)),
            (Data::ErrnoRet(max), _) => Err(Refused::ErrnoRet(max)),
        }
    }

    /// The name in a profile (`SCMP_ACT_*`); none for an answer that no profile gives.
    pub fn name(self) -> Option<&'static str> {
        let code = self.0 & 0xffff_0000;
        // KILL and KILL_THREAD are one: the clearer name, which is the later one.
        KNOWN.iter().rev().find(|known| known.code == code).map(|known| known.name)
    }

    /// The errno, or the tracer's data, of an action that has it.
    pub fn data(self) -> Option<u32> {
        let code = self.0 & 0xffff_0000;
        let known = KNOWN.iter().find(|known| known.code == code)?;
        matches!(known.data, Data::ErrnoRet(_)).then_some(self.0 & 0xffff)
    }

    /// Whether the call fails or its caller dies; not where a tracer or an agent decides.
    pub fn denies(self) -> bool {
        !self.lets_unknown_pass() && self != Action::NOTIFY
    }

    /// Whether a system call that the profile does not know may pass the default action.
    ///
    /// A tracer is expected to answer ENOSYS by itself.
    pub(crate) fn lets_unknown_pass(self) -> bool {
        matches!(self.0 & 0xffff_0000, 0x7fff_0000 | 0x7ffc_0000 | 0x7ff0_0000)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(known) = KNOWN.iter().find(|known| known.code == self.0 & 0xffff_0000) else {
            return write!(f, "unknown action {:#x}", self.0);
        };
        match known.data {
            Data::None => f.write_str(known.shown),
            Data::ErrnoRet(_) => write!(f, "{} {}", known.shown, self.0 & 0xffff),
        }
    }
}

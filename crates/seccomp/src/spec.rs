//! The `linux.seccomp` object of config.json (runtime-spec config-linux.md, "Seccomp").

use std::borrow::Cow;

use serde::Deserialize;

/// A seccomp profile as the configuration states it; nothing is validated but the JSON types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile<'a> {
    /// The action for a system call that no rule decides; required, so `None` does not compile.
    #[serde(borrow, default)]
    pub default_action: Option<Cow<'a, str>>,
    /// The errno (or trace data) of the default action; EPERM when absent.
    #[serde(default)]
    pub default_errno_ret: Option<u32>,
    /// The architectures to filter beside the native one, as `SCMP_ARCH_*`.
    #[serde(borrow, default)]
    pub architectures: Option<Vec<Cow<'a, str>>>,
    /// The flags of seccomp(2), as `SECCOMP_FILTER_FLAG_*`; absent differs from empty.
    #[serde(borrow, default)]
    pub flags: Option<Vec<Cow<'a, str>>>,
    /// The socket of the agent that gets the listener's file descriptor.
    #[serde(borrow, default)]
    pub listener_path: Option<Cow<'a, str>>,
    /// Opaque data for the agent.
    #[serde(borrow, default)]
    pub listener_metadata: Option<Cow<'a, str>>,
    /// The rules.
    #[serde(borrow, default)]
    pub syscalls: Option<Vec<Rule<'a>>>,
}

/// One entry of `syscalls`: an action for several system calls under the same conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule<'a> {
    /// The names of the system calls.
    #[serde(borrow)]
    pub names: Vec<Cow<'a, str>>,
    /// The action, as `SCMP_ACT_*`.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// The errno of `SCMP_ACT_ERRNO` or the data of `SCMP_ACT_TRACE`; EPERM when absent.
    #[serde(default)]
    pub errno_ret: Option<u32>,
    /// Conditions on the arguments; none means that every call matches.
    #[serde(borrow, default)]
    pub args: Option<Vec<Condition<'a>>>,
}

/// One condition on one argument of a system call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition<'a> {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// The value to compare with; the mask for `SCMP_CMP_MASKED_EQ`.
    pub value: u64,
    /// The value that the masked argument must equal, for `SCMP_CMP_MASKED_EQ` only.
    #[serde(default)]
    pub value_two: u64,
    /// The operator, as `SCMP_CMP_*`.
    #[serde(borrow)]
    pub op: Cow<'a, str>,
}

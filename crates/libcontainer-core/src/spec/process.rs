//! The `process` object (config.md, "Process"); also the format of `exec --process`.

use serde::Deserialize;

use super::Str;

/// The container process, or one that is executed beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process<'a> {
    /// Whether it gets a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// Size of that terminal.
    #[serde(default)]
    pub console_size: Option<ConsoleSize>,
    /// Ids and umask.
    #[serde(default, deserialize_with = "super::or_nothing")]
    pub user: User,
    /// The program and its arguments.
    #[serde(default, borrow)]
    pub args: Option<Vec<Str<'a>>>,
    /// The environment, `NAME=value`.
    #[serde(default, borrow)]
    pub env: Option<Vec<Str<'a>>>,
    /// Working directory, absolute.
    #[serde(default, borrow)]
    pub cwd: Option<Str<'a>>,
    /// The five sets of capabilities.
    #[serde(default, borrow)]
    pub capabilities: Option<Capabilities<'a>>,
    /// Resource limits.
    #[serde(default, borrow)]
    pub rlimits: Option<Vec<Rlimit<'a>>>,
    /// `no_new_privs`.
    #[serde(default)]
    pub no_new_privileges: bool,
    /// AppArmor profile.
    #[serde(default, borrow)]
    pub apparmor_profile: Option<Str<'a>>,
    /// `oom_score_adj`; absent leaves the inherited one.
    #[serde(default)]
    pub oom_score_adj: Option<i32>,
    /// SELinux label.
    #[serde(default, borrow)]
    pub selinux_label: Option<Str<'a>>,
    /// Scheduling policy.
    #[serde(default, borrow)]
    pub scheduler: Option<Scheduler<'a>>,
    /// I/O priority.
    #[serde(default, borrow)]
    pub io_priority: Option<IoPriority<'a>>,
    /// CPU affinity of processes that are executed later.
    #[serde(default, borrow, rename = "execCPUAffinity")]
    pub exec_cpu_affinity: Option<CpuAffinity<'a>>,
}

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct ConsoleSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// The ids of a process.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// User id inside the container.
    #[serde(default)]
    pub uid: u32,
    /// Group id inside the container.
    #[serde(default)]
    pub gid: u32,
    /// File mode creation mask.
    #[serde(default)]
    pub umask: Option<u32>,
    /// Supplementary groups.
    #[serde(default)]
    pub additional_gids: Option<Vec<u32>>,
}

/// Names of capabilities for each set.
#[derive(Debug, Default, Deserialize)]
pub struct Capabilities<'a> {
    /// The bounding set.
    #[serde(default, borrow)]
    pub bounding: Option<Vec<Str<'a>>>,
    /// The effective set.
    #[serde(default, borrow)]
    pub effective: Option<Vec<Str<'a>>>,
    /// The inheritable set.
    #[serde(default, borrow)]
    pub inheritable: Option<Vec<Str<'a>>>,
    /// The permitted set.
    #[serde(default, borrow)]
    pub permitted: Option<Vec<Str<'a>>>,
    /// The ambient set.
    #[serde(default, borrow)]
    pub ambient: Option<Vec<Str<'a>>>,
}

/// One resource limit.
#[derive(Debug, Deserialize)]
pub struct Rlimit<'a> {
    /// `RLIMIT_NOFILE` and its like.
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// Scheduling policy and its parameters, see `sched_setattr(2)`.
#[derive(Debug, Default, Deserialize)]
pub struct Scheduler<'a> {
    /// `SCHED_OTHER` and its like.
    #[serde(borrow)]
    pub policy: Str<'a>,
    /// Nice value of SCHED_OTHER and SCHED_BATCH.
    #[serde(default)]
    pub nice: i32,
    /// Static priority of SCHED_FIFO and SCHED_RR.
    #[serde(default)]
    pub priority: i32,
    /// `SCHED_FLAG_*`.
    #[serde(default, borrow)]
    pub flags: Option<Vec<Str<'a>>>,
    /// Nanoseconds, of SCHED_DEADLINE.
    #[serde(default)]
    pub runtime: u64,
    /// Nanoseconds, of SCHED_DEADLINE.
    #[serde(default)]
    pub deadline: u64,
    /// Nanoseconds, of SCHED_DEADLINE.
    #[serde(default)]
    pub period: u64,
}

/// I/O priority, see `ioprio_set(2)`.
#[derive(Debug, Deserialize)]
pub struct IoPriority<'a> {
    /// `IOPRIO_CLASS_RT`, `IOPRIO_CLASS_BE` or `IOPRIO_CLASS_IDLE`.
    #[serde(borrow)]
    pub class: Str<'a>,
    /// 0 (highest) to 7.
    #[serde(default)]
    pub priority: i32,
}

/// CPU lists before and after an executed process enters the container's cgroup.
#[derive(Debug, Default, Deserialize)]
pub struct CpuAffinity<'a> {
    /// While the runtime prepares it.
    #[serde(default, borrow)]
    pub initial: Option<Str<'a>>,
    /// When the program runs.
    #[serde(default, borrow, rename = "final")]
    pub last: Option<Str<'a>>,
}

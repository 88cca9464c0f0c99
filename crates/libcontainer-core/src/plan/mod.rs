//! What will be done: a configuration, options and facts of the host become a plan, without any system call.
//!
//! Every refusal of a configuration happens here and names the property. The container init only
//! ever sees a plan.

mod agent;
mod check;
mod exec;
pub mod extensions;
mod id_words;
mod intel_rdt;
mod mounts;
mod namespaces;
mod net_devices;
pub mod options;
mod process;
mod rootfs;
mod scheduling;
mod sysctl;
mod text;

use std::collections::BTreeMap;
use std::ffi::CString;

use ::namespaces::{ClockOffset, IdMap, Namespace, NamespaceSet};

use crate::capability::CapabilitySets;
use crate::error::{Error, Result};
use crate::spec::{ConsoleSize, Hooks, Mount, Spec};

pub use self::namespaces::plan as namespaces_of;
pub use agent::Agent;
pub use exec::{ExecOverrides, plan_exec};
pub use intel_rdt::IntelRdtPlan;
pub use mounts::{
    BindMount, CgroupHierarchy, CgroupMount, FilesystemMount, IdMaps, clean as clean_path,
};
pub use net_devices::NetDevice;
pub use process::Around;
pub use process::rlimit_name;
pub use rootfs::{DeviceKind, DeviceNode, FsOp};
pub use scheduling::memory_policy_names;
pub use sysctl::namespace_of as sysctl_namespace;
pub use text::describe;

/// What the caller wants besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the container.
    pub id: String,
    /// Absolute path of the bundle.
    pub bundle: String,
    /// MS_MOVE and chroot instead of pivot_root, for a root on a ramdisk.
    pub no_pivot: bool,
    /// Whether the container joins a session keyring of its own.
    pub new_keyring: bool,
    /// `LISTEN_FDS` of the caller: descriptors that are passed on after the standard ones.
    pub listen_fds: u32,
    /// Open descriptors from 3 on that the caller means to pass: the `LISTEN_FDS` and preserved ones.
    pub inherited: Vec<i32>,
    /// `LISTEN_FDNAMES` of the caller.
    pub listen_names: Option<String>,
    /// The systemd cgroup driver.
    pub systemd_cgroup: bool,
    /// No cgroups at all (`--cgroup-manager disabled`).
    pub no_cgroups: bool,
    /// The agent of a seccomp profile that names none (`RUN_OCI_SECCOMP_RECEIVER`).
    pub seccomp_receiver: Option<String>,
    /// Whether errors of cgroups for lack of permission are ignored.
    pub rootless: bool,
}

/// Facts of the host on which plans depend.
#[derive(Debug)]
pub struct Host {
    /// Mounted cgroup hierarchies; absent when cgroups are disabled.
    pub cgroups: Option<cgroups::Layout>,
    /// The cgroup of the user's own systemd, if that makes the cgroups.
    pub user_manager: Option<String>,
    /// Tells whether SELinux is active; asked only if the configuration has a label for mounts.
    pub selinux: fn() -> bool,
    /// Effective user id of the runtime.
    pub euid: u32,
    /// Effective group id of the runtime.
    pub egid: u32,
}

/// The plan of `create`.
#[derive(Debug)]
pub struct CreatePlan {
    /// Name of the container.
    pub id: String,
    /// Absolute path of the bundle.
    pub bundle: String,
    /// Absolute path of the root filesystem.
    pub rootfs: String,
    /// Namespaces that are created and joined.
    pub namespaces: Namespaces,
    /// Where in the cgroup tree, and with which limits.
    pub cgroup: Option<cgroups::Plan>,
    /// Network devices that are moved into the container.
    pub net_devices: Vec<NetDevice>,
    /// The group of the resctrl filesystem.
    pub intel_rdt: Option<IntelRdtPlan>,
    /// Programs called on the way.
    pub hooks: Hooks,
    /// Words of the caller, for the state.
    pub annotations: BTreeMap<String, String>,
    /// What the container init does.
    pub init: InitPlan,
    /// What was noticed and is not an error.
    pub warnings: Vec<String>,
}

/// Namespaces of a container.
#[derive(Debug, Default)]
pub struct Namespaces {
    /// The new ones.
    pub create: NamespaceSet,
    /// The ones that are joined, with the index in `linux.namespaces`.
    pub join: Vec<JoinPlan>,
    /// User ids of a new user namespace.
    pub uid_map: Vec<IdMap>,
    /// Group ids of a new user namespace.
    pub gid_map: Vec<IdMap>,
    /// Offsets of a new time namespace.
    pub clock_offsets: Vec<ClockOffset>,
}

/// A namespace that is joined.
#[derive(Debug)]
pub struct JoinPlan {
    /// Its kind.
    pub kind: Namespace,
    /// Its file.
    pub path: CString,
    /// Which entry of `linux.namespaces` it is.
    pub index: usize,
}

impl CreatePlan {
    /// Whether the init must wait for what its parent does to it: id maps, network devices (sysctls
    /// may be theirs), the resctrl group (which its hooks inherit), cgroups.
    pub fn needs_outfit(&self) -> bool {
        self.namespaces.create.contains(Namespace::User)
            || !self.net_devices.is_empty()
            || self.intel_rdt.is_some()
            || self.arrives_late()
    }

    /// Whether the init works on its own before it is in its cgroups of version 1: it takes as long to
    /// make these as to make the namespaces (0.4 ms), and the parent does it beside.
    pub fn arrives_late(&self) -> bool {
        self.is_self_reliant() && self.cgroup.as_ref().is_some_and(cgroups::Plan::allows_late)
    }

    /// Whether the init gets along at first without its parent: nobody must map its ids, or move
    /// devices into a namespace of its.
    fn is_self_reliant(&self) -> bool {
        !self.namespaces.has(Namespace::User) && self.net_devices.is_empty()
    }

    /// The namespaces that `clone3` creates. A cgroup namespace is created once inside the cgroup,
    /// and one with clock offsets before its first process.
    pub fn clone_namespaces(&self) -> NamespaceSet {
        let mut set = self.namespaces.create.without(Namespace::Cgroup);
        if !self.namespaces.clock_offsets.is_empty() {
            set = set.without(Namespace::Time);
        }
        self.own_namespaces().iter().fold(set, NamespaceSet::without)
    }

    /// The namespaces that the init makes itself (`unshare(2)`), while the parent makes the cgroup. A
    /// network namespace alone takes 0.4 ms, the clone of a process without it 0.1 ms.
    pub fn own_namespaces(&self) -> NamespaceSet {
        let own = [Namespace::Mount, Namespace::Network, Namespace::Ipc, Namespace::Uts];
        let own = own.into_iter().filter(|kind| self.namespaces.create.contains(*kind));
        if self.is_self_reliant() { NamespaceSet::from_iter(own) } else { NamespaceSet::EMPTY }
    }
}

impl Namespaces {
    /// Whether the container has a namespace of this kind that the runtime's is not.
    pub fn has(&self, kind: Namespace) -> bool {
        self.create.contains(kind) || self.joins(kind)
    }

    /// Whether a namespace of this kind is joined.
    pub fn joins(&self, kind: Namespace) -> bool {
        self.join.iter().any(|join| join.kind == kind)
    }
}

/// What the container init does, in this order.
#[derive(Debug, Default)]
pub struct InitPlan {
    /// Name of the new session keyring.
    pub keyring: Option<String>,
    /// Files below /proc/sys with their values, and the property that asks for them.
    pub sysctls: Vec<(String, String, String)>,
    /// Hostname.
    pub hostname: Option<String>,
    /// NIS domain name.
    pub domainname: Option<String>,
    /// Propagation of all mounts (`MS_*`), before anything is mounted; absent without a new mount namespace.
    pub propagation: Option<u64>,
    /// How the root filesystem becomes the root.
    pub root: RootChange,
    /// Filesystem work in the container's root, seen from the host.
    pub before_pivot: Vec<FsOp>,
    /// Filesystem work from inside.
    pub after_pivot: Vec<FsOp>,
    /// The program; absent means that the container can't be started.
    pub process: Option<ProcessPlan>,
}

/// How the root filesystem becomes the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootChange {
    /// `pivot_root(2)` in the new mount namespace.
    #[default]
    Pivot,
    /// A moved mount and `chroot(2)` in the new mount namespace.
    Move,
    /// `chroot(2)` only: the container has no mount namespace of its own making.
    Chroot,
}

/// A program with everything that it gets; the same for the container process and for `exec`.
#[derive(Debug, Default)]
pub struct ProcessPlan {
    /// Arguments; the first one names the program.
    pub argv: Vec<CString>,
    /// Environment, without doubles.
    pub env: Vec<CString>,
    /// Whether HOME is missing and is looked up in the container.
    pub fill_home: bool,
    /// Working directory.
    pub cwd: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
    /// Capability sets.
    pub capabilities: CapabilitySets,
    /// Resource limits: number, soft, hard.
    pub rlimits: Vec<(u32, u64, u64)>,
    /// `no_new_privs`.
    pub no_new_privs: bool,
    /// Whether the caller's supplementary groups stay, instead of `groups`.
    pub keep_groups: bool,
    /// `oom_score_adj`
    pub oom_score_adj: Option<i32>,
    /// The file below /proc/self/attr, its content, and the property that asks for it.
    pub labels: Vec<(&'static str, String, &'static str)>,
    /// Scheduling policy.
    pub scheduler: Option<SchedulerPlan>,
    /// Class and priority for `ioprio_set(2)`.
    pub io_priority: Option<u32>,
    /// CPUs, as numbers, before and after the cgroup is entered.
    pub initial_cpus: Option<Vec<usize>>,
    /// CPUs when the program runs.
    pub final_cpus: Option<Vec<usize>>,
    /// Argument of `personality(2)`.
    pub personality: Option<u64>,
    /// Mode with flags, and the node mask.
    pub memory_policy: Option<(i32, Vec<usize>)>,
    /// Whether the standard streams become the user's.
    pub own_stdio: bool,
    /// A terminal, with its size if given.
    pub terminal: Option<Option<ConsoleSize>>,
    /// The system call filter.
    pub seccomp: Option<seccomp::Filter>,
    /// Who gets the listener of a filter that notifies.
    pub agent: Option<Agent>,
}

/// Argument of `sched_setattr(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerPlan {
    /// `SCHED_*`
    pub policy: u32,
    /// `SCHED_FLAG_*`
    pub flags: u64,
    /// Nice value.
    pub nice: i32,
    /// Static priority.
    pub priority: u32,
    /// Nanoseconds.
    pub runtime: u64,
    /// Nanoseconds.
    pub deadline: u64,
    /// Nanoseconds.
    pub period: u64,
}

/// Makes the plan of `create`, or says which property of the configuration stands against it.
pub fn plan(spec: &Spec<'_>, options: &Options, host: &Host) -> Result<CreatePlan> {
    check::version(spec)?;
    let linux = spec.linux.as_ref();
    let namespaces = namespaces::plan(linux, host)?;
    check::hooks(spec.hooks.as_ref())?;
    let mut warnings = Vec::new();
    let process = match &spec.process {
        Some(process) => {
            let around = process::Around { linux, annotations: &spec.annotations, options };
            Some(process::plan(process, &around, &namespaces, &mut warnings)?)
        }
        None => None,
    };
    let net_devices = net_devices::plan(linux, &namespaces, host)?;
    let intel_rdt = intel_rdt::plan(linux, options, &mut warnings)?;
    let rootfs = rootfs::path(spec, options)?;
    let cgroup = plan_cgroup(spec, options, host, &namespaces)?;
    let resources = linux.and_then(|linux| linux.resources.as_ref());
    warnings.extend(resources.and_then(|resources| resources.warning()).map(str::to_owned));
    let layout = rootfs::Surroundings { namespaces: &namespaces, cgroup: cgroup.as_ref(), host };
    let work = rootfs::plan(spec, options, &layout, &mut warnings)?;
    let init = InitPlan {
        keyring: options.new_keyring.then(|| format!("_ses.{}", options.id)),
        sysctls: sysctl::plan(linux, &namespaces)?,
        hostname: check::uts_name("hostname", spec.hostname.as_deref(), &namespaces)?,
        domainname: check::uts_name("domainname", spec.domainname.as_deref(), &namespaces)?,
        propagation: work.propagation,
        root: work.root,
        before_pivot: work.before_pivot,
        after_pivot: work.after_pivot,
        process,
    };
    Ok(CreatePlan {
        id: options.id.clone(),
        bundle: options.bundle.clone(),
        rootfs,
        namespaces,
        cgroup,
        net_devices,
        intel_rdt,
        hooks: spec.hooks.clone().unwrap_or_default(),
        annotations: spec.annotations.clone(),
        init,
        warnings,
    })
}

/// Plans the mounts of a configuration and nothing else, for a container that runs already.
pub fn plan_mounts(
    spec: &Spec<'_>,
    options: &Options,
    host: &Host,
    warnings: &mut Vec<String>,
) -> Result<Vec<FsOp>> {
    let namespaces = namespaces::plan(spec.linux.as_ref(), host)?;
    let around = rootfs::Surroundings { namespaces: &namespaces, cgroup: None, host };
    mounts::plan(spec, options, &around, warnings)
}

fn plan_cgroup(
    spec: &Spec<'_>,
    options: &Options,
    host: &Host,
    namespaces: &Namespaces,
) -> Result<Option<cgroups::Plan>> {
    let Some(layout) = &host.cgroups else { return Ok(None) };
    let linux = spec.linux.as_ref();
    let annotations: Vec<(&str, &str)> = match options.systemd_cgroup {
        true => spec.annotations.iter().map(|(key, value)| (&**key, &**value)).collect(),
        false => Vec::new(),
    };
    let request = cgroups::Request {
        path: linux.and_then(|linux| linux.cgroups_path.as_deref()),
        id: &options.id,
        resources: linux.and_then(|linux| linux.resources.as_ref()),
        rootless: options.rootless,
        owner: cgroup_owner(spec, namespaces),
        systemd: options.systemd_cgroup.then_some(cgroups::Systemd {
            user: options.rootless.then(|| host.user_manager.as_deref().unwrap_or_default()),
            annotations: &annotations,
        }),
    };
    cgroups::plan(layout, &request)
        .map(Some)
        .map_err(|error| Error::config(error.path, error.message))
}

/// The user outside who is root inside, if the container can write to its cgroups (config-linux.md,
/// "Cgroup ownership").
fn cgroup_owner(spec: &Spec<'_>, namespaces: &Namespaces) -> Option<u32> {
    let is_writable = |mount: &Mount<'_>| {
        matches!(mount.kind.as_deref(), Some("cgroup" | "cgroup2"))
            && mount.destination.trim_end_matches('/') == "/sys/fs/cgroup"
            && !mount.options.iter().flatten().any(|option| &**option == "ro")
    };
    if !namespaces.create.contains(Namespace::Cgroup) || !spec.mounts.iter().any(is_writable) {
        return None;
    }
    let root = namespaces.uid_map.iter().find(|map| map.container == 0 && map.size > 0);
    root.map(|map| map.host)
}

/// A C string for the kernel, or the property that has a NUL in it.
pub(crate) fn c_string(text: &str, field: impl FnOnce() -> String) -> Result<CString> {
    CString::new(text).map_err(|_| Error::config(field(), "must not contain a NUL character"))
}

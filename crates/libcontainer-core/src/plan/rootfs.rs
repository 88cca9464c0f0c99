//! The filesystem work of a container as a list of operations, before and after the change of root.

use ::namespaces::Namespace;

use super::options::ms;
use super::{BindMount, CgroupMount, FilesystemMount};
use super::{Host, Namespaces, Options, RootChange, mounts};
use crate::error::{Error, Result};
use crate::spec::{Device, Linux, Spec};

/// One operation; the container init runs them in order.
#[derive(Debug)]
pub enum FsOp {
    /// A new filesystem.
    Filesystem(FilesystemMount),
    /// A part of the host's tree.
    Bind(BindMount),
    /// The cgroup filesystems.
    Cgroup(CgroupMount),
    /// The working directory of the process, if it is missing.
    WorkingDirectory(String),
    /// A device file.
    Device(DeviceNode),
    /// A symlink at `path`; `wanted` names a file without which there is none.
    Link {
        /// What it points to.
        target: &'static str,
        /// Where it is.
        path: &'static str,
        /// A file whose absence makes the link useless.
        wanted: Option<&'static str>,
        /// Whether something else at its place is removed first.
        replace: bool,
    },
    /// Files read as empty, directories are empty and read-only (config-linux.md, "Masked Paths").
    Mask(Vec<String>),
    /// Paths that can't be written (config-linux.md, "Readonly Paths"), with the property.
    Readonly(Vec<String>),
    /// A mount that was left writable until now.
    ReadonlyMount(String),
    /// The root becomes read-only.
    ReadonlyRoot,
    /// Propagation of the root mount (`MS_*`).
    RootPropagation(u64),
}

/// A device file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNode {
    /// `linux.devices[N]`; empty for the default ones.
    pub field: String,
    /// Path in the container, cleaned.
    pub path: String,
    /// Kind.
    pub kind: DeviceKind,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Whether the host's file is bound in its place, as mknod is refused in a user namespace.
    pub bind: bool,
}

/// Kinds of device files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// `c` and `u`
    Character,
    /// `b`
    Block,
    /// `p`
    Fifo,
}

/// What the filesystem work depends on besides the configuration.
pub struct Surroundings<'a> {
    /// The container's namespaces.
    pub namespaces: &'a Namespaces,
    /// The container's cgroup.
    pub cgroup: Option<&'a cgroups::Plan>,
    /// The host.
    pub host: &'a Host,
}

/// The filesystem work of a container.
pub struct Work {
    /// Propagation of all mounts at first.
    pub propagation: Option<u64>,
    /// How the root is changed.
    pub root: RootChange,
    /// Before that.
    pub before_pivot: Vec<FsOp>,
    /// After it.
    pub after_pivot: Vec<FsOp>,
}

/// The default devices: path, major, minor (config-linux.md, "Default Devices").
const DEVICES: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// The default links: target, path, and what must exist (runtime-linux.md, "Dev symbolic links").
const LINKS: [(&str, &str, Option<&str>); 5] = [
    ("/proc/self/fd", "/dev/fd", None),
    ("/proc/self/fd/0", "/dev/stdin", None),
    ("/proc/self/fd/1", "/dev/stdout", None),
    ("/proc/self/fd/2", "/dev/stderr", None),
    ("/proc/kcore", "/dev/core", Some("/proc/kcore")),
];

/// The absolute path of the root filesystem.
pub fn path(spec: &Spec<'_>, options: &Options) -> Result<String> {
    let Some(root) = &spec.root else {
        return Err(Error::config("root", "is missing"));
    };
    match &*root.path {
        "" => Err(Error::config("root.path", "must not be empty")),
        path if path.contains('\0') => {
            Err(Error::config("root.path", "must not contain a NUL character"))
        }
        path if path.starts_with('/') => Ok(path.to_owned()),
        path => Ok(format!("{}/{path}", options.bundle)),
    }
}

/// Plans the filesystem work.
pub fn plan(
    spec: &Spec<'_>,
    options: &Options,
    around: &Surroundings<'_>,
    warnings: &mut Vec<String>,
) -> Result<Work> {
    let default = Linux::default();
    let linux = spec.linux.as_ref().unwrap_or(&default);
    if !around.namespaces.create.contains(Namespace::Mount) {
        return without_mounts(spec, linux, warnings);
    }
    let mut before = mounts::plan(spec, options, around, warnings)?;
    let mut after = Vec::new();
    delay_readonly(&mut before, &mut after);
    if !before.iter().any(|op| matches!(op, FsOp::Bind(bind) if bind.destination == "/dev")) {
        let in_userns = around.namespaces.has(Namespace::User);
        devices(linux, in_userns, &mut before)?;
    }
    if let Some(cwd) = spec.process.as_ref().and_then(|process| process.cwd.as_deref()) {
        let cwd = mounts::clean(cwd);
        if cwd != "/" && !cwd.starts_with("/proc/") {
            before.push(FsOp::WorkingDirectory(cwd));
        }
    }
    paths("linux.readonlyPaths", linux.readonly_paths.as_deref(), FsOp::Readonly, &mut after)?;
    paths("linux.maskedPaths", linux.masked_paths.as_deref(), FsOp::Mask, &mut after)?;
    if spec.root.as_ref().is_some_and(|root| root.readonly) {
        after.push(FsOp::ReadonlyRoot);
    }
    let propagation = propagation(linux)?;
    if let Some(flags) = propagation {
        after.push(FsOp::RootPropagation(flags));
    }
    Ok(Work {
        propagation: Some(propagation.unwrap_or(ms::SLAVE | ms::REC)),
        root: if options.no_pivot { RootChange::Move } else { RootChange::Pivot },
        before_pivot: before,
        after_pivot: after,
    })
}

/// Without a mount namespace of its own, nothing is mounted: it would stay on the host.
///
/// Mounts are left out with a warning, as runc does; what protects the host is refused.
fn without_mounts(spec: &Spec<'_>, linux: &Linux<'_>, warnings: &mut Vec<String>) -> Result<Work> {
    let need = |field: &str| {
        let reason = "needs a new mount namespace (linux.namespaces with type mount and no path)";
        Err(Error::config(field, reason))
    };
    let readonly = spec.root.as_ref().is_some_and(|root| root.readonly);
    for (field, given) in [("mounts", !spec.mounts.is_empty()), ("root.readonly", readonly)] {
        if given {
            warnings.push(format!(
                "{field}: ignored, as the container has no mount namespace of its own"
            ));
        }
    }
    let lists = [
        ("linux.maskedPaths", linux.masked_paths.as_ref().is_some_and(|list| !list.is_empty())),
        ("linux.readonlyPaths", linux.readonly_paths.as_ref().is_some_and(|list| !list.is_empty())),
        ("linux.devices", linux.devices.as_ref().is_some_and(|list| !list.is_empty())),
        ("linux.rootfsPropagation", linux.rootfs_propagation.is_some()),
    ];
    if let Some((field, _)) = lists.into_iter().find(|(_, given)| *given) {
        return need(field);
    }
    Ok(Work {
        propagation: None,
        root: RootChange::Chroot,
        before_pivot: Vec::new(),
        after_pivot: Vec::new(),
    })
}

/// A read-only tmpfs is filled first (devices, mount points), and made read-only at the end.
fn delay_readonly(before: &mut [FsOp], after: &mut Vec<FsOp>) {
    for op in before {
        if let FsOp::Filesystem(mount) = op
            && mount.options.set & ms::RDONLY != 0
            && (mount.kind == "tmpfs" || mount.destination == "/dev")
        {
            mount.options.set &= !ms::RDONLY;
            after.push(FsOp::ReadonlyMount(mount.destination.clone()));
        }
    }
}

fn devices(linux: &Linux<'_>, in_userns: bool, ops: &mut Vec<FsOp>) -> Result<()> {
    let mut nodes: Vec<DeviceNode> = DEVICES
        .iter()
        .map(|(path, major, minor)| DeviceNode {
            field: String::new(),
            path: (*path).to_owned(),
            kind: DeviceKind::Character,
            major: *major,
            minor: *minor,
            mode: 0o666,
            uid: 0,
            gid: 0,
            bind: in_userns,
        })
        .collect();
    for (index, device) in linux.devices.iter().flatten().enumerate() {
        let node = device_node(device, format!("linux.devices[{index}]"), in_userns)?;
        if node.path == "/dev/ptmx" {
            continue; // always a link into the container's own devpts
        }
        nodes.retain(|known| known.path != node.path);
        nodes.push(node);
    }
    ops.extend(nodes.into_iter().map(FsOp::Device));
    for (target, path, wanted) in LINKS {
        ops.push(FsOp::Link { target, path, wanted, replace: false });
    }
    ops.push(FsOp::Link { target: "pts/ptmx", path: "/dev/ptmx", wanted: None, replace: true });
    Ok(())
}

fn device_node(device: &Device<'_>, field: String, in_userns: bool) -> Result<DeviceNode> {
    let kind = match &*device.kind {
        "c" | "u" => DeviceKind::Character,
        "b" => DeviceKind::Block,
        "p" => DeviceKind::Fifo,
        other => {
            let reason = format!("{other:?} is not a type of device; it is one of c, b, u, p");
            return Err(Error::config(format!("{field}.type"), reason));
        }
    };
    if !device.path.starts_with('/') || device.path.contains('\0') {
        return Err(Error::config(
            format!("{field}.path"),
            format!("{:?} is not an absolute path", &*device.path),
        ));
    }
    let number = |name: &str, value: i64, limit: i64| {
        if kind == DeviceKind::Fifo {
            return Ok(0);
        }
        u32::try_from(value).ok().filter(|value| i64::from(*value) < limit).ok_or_else(|| {
            Error::config(format!("{field}.{name}"), format!("{value} is not a device number"))
        })
    };
    let id = |name: &str, value: Option<u32>| match value {
        Some(u32::MAX) => {
            Err(Error::config(format!("{field}.{name}"), "4294967295 is not a valid id"))
        }
        value => Ok(value.unwrap_or(0)),
    };
    let mode = device.file_mode.unwrap_or(0o666);
    Ok(DeviceNode {
        path: mounts::clean(&device.path),
        kind,
        major: number("major", device.major, 1 << 12)?,
        minor: number("minor", device.minor, 1 << 20)?,
        // Engines pass the whole st_mode; the type is told by `type`.
        mode: mode & 0o7777,
        uid: id("uid", device.uid)?,
        gid: id("gid", device.gid)?,
        bind: in_userns && kind != DeviceKind::Fifo,
        field,
    })
}

fn paths(
    field: &str,
    list: Option<&[crate::spec::Str<'_>]>,
    op: fn(Vec<String>) -> FsOp,
    ops: &mut Vec<FsOp>,
) -> Result<()> {
    let mut clean: Vec<String> = Vec::new();
    for (index, path) in list.unwrap_or_default().iter().enumerate() {
        if !path.starts_with('/') || path.contains('\0') {
            let reason = format!("{:?} is not an absolute path", &**path);
            return Err(Error::config(format!("{field}[{index}]"), reason));
        }
        let path = mounts::clean(path);
        if !clean.contains(&path) {
            clean.push(path);
        }
    }
    if !clean.is_empty() {
        ops.push(op(clean));
    }
    Ok(())
}

fn propagation(linux: &Linux<'_>) -> Result<Option<u64>> {
    Ok(match linux.rootfs_propagation.as_deref() {
        None | Some("") => None,
        Some("shared") => Some(ms::SHARED),
        Some("slave") => Some(ms::SLAVE),
        Some("private") => Some(ms::PRIVATE),
        Some("unbindable") => Some(ms::UNBINDABLE),
        Some("rshared") => Some(ms::SHARED | ms::REC),
        Some("rslave") => Some(ms::SLAVE | ms::REC),
        Some("rprivate") => Some(ms::PRIVATE | ms::REC),
        Some("runbindable") => Some(ms::UNBINDABLE | ms::REC),
        Some(other) => {
            let reason = format!(
                "{other:?} is not a propagation; it is one of shared, slave, private, unbindable"
            );
            return Err(Error::config("linux.rootfsPropagation", reason));
        }
    })
}

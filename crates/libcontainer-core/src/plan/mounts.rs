//! `mounts[]` becomes mount operations (config.md, "Mounts").

use ::namespaces::{IdMap, Namespace};

use super::namespaces::id_map;
use super::options::{MountOptions, ms};
use super::rootfs::{FsOp, Surroundings};
use super::{Namespaces, Options};
use super::{extensions, id_words};
use crate::error::{Error, Result};
use crate::spec::{Mount, Spec};

/// A new filesystem.
#[derive(Debug)]
pub struct FilesystemMount {
    /// `mounts[N]`, for messages.
    pub field: String,
    /// Path in the container, cleaned.
    pub destination: String,
    /// Filesystem type.
    pub kind: String,
    /// Device, or any word.
    pub source: String,
    /// Its options.
    pub options: MountOptions,
    /// Option with the SELinux context (`linux.mountLabel`).
    pub label: Option<String>,
}

/// A part of the host's tree, or of another mount's.
#[derive(Debug)]
pub struct BindMount {
    /// `mounts[N]`, for messages.
    pub field: String,
    /// Path in the container, cleaned.
    pub destination: String,
    /// Absolute path on the host.
    pub source: String,
    /// Its options.
    pub options: MountOptions,
    /// Whether it must turn out to be a procfs, as it goes over /proc.
    pub only_procfs: bool,
    /// The maps of an id-mapped mount.
    pub id_maps: Option<IdMaps>,
}

/// How the ids of an id-mapped mount are changed.
#[derive(Debug)]
pub enum IdMaps {
    /// As in the container's user namespace.
    Container,
    /// By maps of its own: user ids, group ids.
    Own(Vec<IdMap>, Vec<IdMap>),
}

/// The cgroup filesystems, as far as the container may see them.
#[derive(Debug)]
pub struct CgroupMount {
    /// `mounts[N]`, for messages.
    pub field: String,
    /// Path in the container, cleaned.
    pub destination: String,
    /// Its options.
    pub options: MountOptions,
    /// A hierarchy each: name of the folder, options for a new mount of it, the container's folder on the host.
    pub hierarchies: Vec<CgroupHierarchy>,
    /// Whether there is one v2 hierarchy and nothing else.
    pub unified: bool,
    /// Whether the container has a cgroup namespace, so that fresh mounts show only its part.
    pub namespaced: bool,
}

/// One cgroup hierarchy in the container.
#[derive(Debug)]
pub struct CgroupHierarchy {
    /// Name of the folder below the mount, such as `cpu,cpuacct`.
    pub name: String,
    /// Mount data that names the hierarchy, such as `cpu,cpuacct` or `none,name=systemd`.
    pub data: String,
    /// The folder on the host that is shown: the container's, or of version 2 without a cgroup namespace
    /// all of the hierarchy.
    pub path: String,
    /// The runtime's own, in which a container stays that may not have one.
    pub own: String,
}

/// Files in procfs that may be mounted over, by programs that show a container its own limits.
const PROC_FILES: [&str; 10] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

/// Plans all mounts in their order.
pub fn plan(
    spec: &Spec<'_>,
    options: &Options,
    around: &Surroundings<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<FsOp>> {
    let label = spec.linux.as_ref().and_then(|linux| linux.mount_label.as_deref());
    let mut label = label.filter(|label| !label.is_empty());
    if label.is_some() && !(around.host.selinux)() {
        warnings
            .push("linux.mountLabel: ignored, as SELinux is not active on this host".to_owned());
        label = None;
    }
    let context = extensions::context_option(&spec.annotations)?;
    let label = label.map(|label| format!("{context}=\"{label}\""));
    let rootfs = clean(&super::rootfs::path(spec, options)?);
    let mut ops = Vec::with_capacity(spec.mounts.len() + 12);
    for (index, mount) in spec.mounts.iter().enumerate() {
        let field = format!("mounts[{index}]");
        let destination = destination(mount, &rootfs, &field, warnings)?;
        let words = mount.options.iter().flatten().map(|word| &**word);
        let words = MountOptions::parse(words);
        let kind = mount.kind.as_deref().unwrap_or_default();
        let source = mount.source.as_deref().unwrap_or_default();
        for (name, text) in [("type", kind), ("source", source), ("options", &words.data)] {
            if text.contains('\0') {
                let field = format!("{field}.{name}");
                return Err(Error::config(field, "must not contain a NUL character"));
            }
        }
        refuse_remount(&words, &field)?;
        if words.bind.is_some() || kind == "bind" {
            let bind =
                bind_mount(mount, field, destination, words, options, around.namespaces, warnings)?;
            if !bind.only_procfs {
                refuse_over_proc(&bind.destination, &bind.field)?;
            }
            ops.push(FsOp::Bind(bind));
            continue;
        }
        if mount.uid_mappings.is_some() || mount.gid_mappings.is_some() || words.idmap.is_some() {
            return Err(Error::config(field, "id mappings are only possible for bind mounts"));
        }
        if words.copy_up && kind != "tmpfs" {
            return Err(Error::config(
                format!("{field}.options"),
                "tmpcopyup is only possible for a tmpfs",
            ));
        }
        match kind {
            "" => {
                return Err(Error::config(
                    format!("{field}.type"),
                    "is missing, and it is not a bind mount",
                ));
            }
            "cgroup" | "cgroup2" => {
                if let Some(op) = cgroup_mount(field, destination, words, around) {
                    ops.push(op);
                }
            }
            _ => {
                if kind != "proc" {
                    refuse_over_proc(&destination, &field)?;
                }
                let source = mount.source.as_deref().unwrap_or(kind).to_owned();
                let label = label.clone().filter(|_| labelled(kind));
                let kind = kind.to_owned();
                ops.push(FsOp::Filesystem(FilesystemMount {
                    field,
                    destination,
                    kind,
                    source,
                    options: words,
                    label,
                }));
            }
        }
    }
    Ok(ops)
}

/// A mount's place, absolute and without `.`, `..` and doubled slashes.
fn destination(
    mount: &Mount<'_>,
    rootfs: &str,
    field: &str,
    warnings: &mut Vec<String>,
) -> Result<String> {
    let destination = &*mount.destination;
    let field = || format!("{field}.destination");
    if destination.is_empty() || destination.contains('\0') {
        return Err(Error::config(field(), "must be a path"));
    }
    if !destination.starts_with('/') {
        warnings.push(format!(
            "{}: {destination:?} is not absolute; it is taken as relative to /",
            field()
        ));
    }
    let clean = clean(destination);
    // runc takes a path on the host that leads into the root filesystem as well.
    let inside = clean.strip_prefix(rootfs).filter(|rest| rest.starts_with('/'));
    let clean = inside.map_or(clean.clone(), str::to_owned);
    if clean == "/" {
        return Err(Error::config(field(), "mounting over the root filesystem is not allowed"));
    }
    Ok(clean)
}

/// The absolute path that a text means inside the container, without looking at any file.
pub fn clean(path: &str) -> String {
    let mut clean = String::with_capacity(path.len() + 1);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => clean.truncate(clean.rfind('/').unwrap_or(0)),
            part => clean.extend(["/", part]),
        }
    }
    if clean.is_empty() { "/".to_owned() } else { clean }
}

/// A mount below /proc would let an image answer for the kernel (CVE-2019-16884, CVE-2019-19921).
fn refuse_over_proc(destination: &str, field: &str) -> Result<()> {
    let inside = destination == "/proc" || destination.starts_with("/proc/");
    if !inside || PROC_FILES.contains(&destination) {
        return Ok(());
    }
    let reason = format!("{destination:?} cannot be mounted because it is inside /proc");
    Err(Error::config(format!("{field}.destination"), reason))
}

/// A remount has no mount to change: each entry of the list is one of its own.
fn refuse_remount(words: &MountOptions, field: &str) -> Result<()> {
    if words.set & ms::REMOUNT == 0 {
        return Ok(());
    }
    Err(Error::config(format!("{field}.options"), "\"remount\" is not possible for a new mount"))
}

fn bind_mount(
    mount: &Mount<'_>,
    field: String,
    destination: String,
    mut words: MountOptions,
    options: &Options,
    namespaces: &Namespaces,
    warnings: &mut Vec<String>,
) -> Result<BindMount> {
    if !words.data.is_empty() {
        // A bind mount has no filesystem of its own that could take them; crun ignores them too.
        let data = std::mem::take(&mut words.data);
        warnings.push(format!("{field}.options: ignored for a bind mount: {data:?}"));
    }
    let source = match mount.source.as_deref() {
        None | Some("") => return Err(Error::config(format!("{field}.source"), "is missing")),
        Some(source) if source.starts_with('/') => source.to_owned(),
        Some(source) => format!("{}/{source}", options.bundle),
    };
    let id_maps = id_maps(mount, &field, &words, namespaces)?;
    let only_procfs = destination == "/proc";
    Ok(BindMount { field, destination, source, options: words, only_procfs, id_maps })
}

fn id_maps(
    mount: &Mount<'_>,
    field: &str,
    words: &MountOptions,
    namespaces: &Namespaces,
) -> Result<Option<IdMaps>> {
    let own = id_map(&format!("{field}.uidMappings"), mount.uid_mappings.as_deref())?;
    let own = (own, id_map(&format!("{field}.gidMappings"), mount.gid_mappings.as_deref())?);
    let (uids, gids) = match &words.id_maps {
        None => own,
        Some(text) if own.0.is_empty() && own.1.is_empty() => {
            id_words::read(text, &format!("{field}.options"), namespaces)?
        }
        Some(_) => {
            let reason = "idmap has mappings, and so have uidMappings or gidMappings";
            return Err(Error::config(format!("{field}.options"), reason));
        }
    };
    match (uids.is_empty(), gids.is_empty()) {
        (false, false) => Ok(Some(IdMaps::Own(uids, gids))),
        (true, true) if words.idmap.is_none() => Ok(None),
        (true, true) if namespaces.has(Namespace::User) => Ok(Some(IdMaps::Container)),
        (true, true) => {
            let reason = "idmap needs a user namespace of the container, or mappings of its own";
            Err(Error::config(format!("{field}.options"), reason))
        }
        _ => {
            let (property, reason) = match words.id_maps {
                Some(_) => ("options", "idmap: uids and gids must be given together"),
                None => ("uidMappings", "uidMappings and gidMappings must be given together"),
            };
            Err(Error::config(format!("{field}.{property}"), reason))
        }
    }
}

/// Filesystems that take a `context` option; the others get their label from the policy.
fn labelled(kind: &str) -> bool {
    !matches!(kind, "proc" | "sysfs" | "mqueue" | "cgroup" | "cgroup2")
}

/// The cgroup mount, or nothing when the host has no cgroups to show.
fn cgroup_mount(
    field: String,
    destination: String,
    options: MountOptions,
    around: &Surroundings<'_>,
) -> Option<FsOp> {
    let layout = around.host.cgroups.as_ref()?;
    let record = around.cgroup?.record();
    let unified = layout.kind() == cgroups::Kind::V2;
    let namespaced = around.namespaces.has(Namespace::Cgroup);
    let top =
        |directory: &cgroups::Directory| clean(&format!("{}/{}", layout.root(), directory.mount));
    let own = |directory: &cgroups::Directory| {
        let same = layout.hierarchies().iter().find(|hierarchy| hierarchy.mount == directory.mount);
        let below = same.map_or("", |hierarchy| &hierarchy.own);
        clean(&format!("{}/{}/{below}", layout.root(), directory.mount))
    };
    let shown = record.directories.iter().zip(record.paths());
    let hierarchies = shown
        .filter(|(directory, _)| unified || !directory.is_v2())
        .map(|(directory, (controllers, path))| CgroupHierarchy {
            name: directory.mount.rsplit('/').next().unwrap_or_default().to_owned(),
            data: match controllers.strip_prefix("name=") {
                Some(_) => format!("none,{controllers}"),
                None => controllers.to_owned(),
            },
            // Without a namespace /proc/self/cgroup tells paths from the top, and programs look there.
            path: if unified && !namespaced { top(directory) } else { path },
            own: own(directory),
        })
        .collect();
    Some(FsOp::Cgroup(CgroupMount {
        field,
        destination,
        options,
        hierarchies,
        unified,
        namespaced,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_without_leaving_the_root() {
        for (given, cleaned) in [
            ("/a/b", "/a/b"),
            ("a", "/a"),
            ("/a//b/./c/", "/a/b/c"),
            ("/../../etc", "/etc"),
            ("/a/../..", "/"),
        ] {
            assert_eq!(clean(given), cleaned, "{given}");
        }
    }

    #[test]
    fn only_a_few_files_of_proc_may_be_hidden() {
        assert!(refuse_over_proc("/proc/cpuinfo", "mounts[0]").is_ok());
        assert!(refuse_over_proc("/process", "mounts[0]").is_ok());
        for path in ["/proc", "/proc/self/attr", "/proc/sys"] {
            assert!(refuse_over_proc(path, "mounts[0]").is_err(), "{path}");
        }
    }
}

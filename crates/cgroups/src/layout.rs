//! Which cgroup hierarchies the machine has, where they are mounted, and where the caller is in
//! them (cgroups(7), `/proc/[pid]/cgroup`).

use std::os::fd::AsFd;

use rustix::fs::{CWD, Mode, OFlags, openat, statfs};

use crate::error::{At, Cause, Error};
use crate::file;
use crate::mountinfo;
use crate::path::join;

/// The directory where every distribution mounts cgroup hierarchies.
const CONVENTION: &str = "/sys/fs/cgroup";
/// `CGROUP2_SUPER_MAGIC` of linux/magic.h.
pub(crate) const MAGIC_V2: u64 = 0x6367_7270;
/// `CGROUP_SUPER_MAGIC` of linux/magic.h.
pub(crate) const MAGIC_V1: u64 = 0x0027_e0eb;

/// Which versions of cgroups are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Version 1 only.
    V1,
    /// Version 1, and version 2 beside it, with or without controllers of its own.
    Hybrid,
    /// Version 2 only.
    V2,
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// What `/proc/self/cgroup` calls it: controllers such as `cpu,cpuacct`, or `name=systemd`;
    /// empty for version 2.
    pub controllers: String,
    /// Mount point below the layout's root, without slashes around it; empty for the root itself.
    pub mount: String,
    /// The caller's own cgroup below the mount point, without slashes around it.
    pub own: String,
}

/// The hierarchies of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: String,
    kind: Kind,
    hierarchies: Vec<Hierarchy>,
}

impl Layout {
    /// Finds the hierarchies that the caller can see.
    ///
    /// Costs one statfs(2) for each hierarchy while they are where every distribution puts them;
    /// `/proc/self/mountinfo` is read only when one is not.
    ///
    /// # Errors
    /// When `/proc/self/cgroup` cannot be read, and when no hierarchy is mounted.
    pub fn detect() -> Result<Self, Error> {
        let own = read_proc("/proc/self/cgroup")?;
        if let Some(layout) = conventional(&own, magic) {
            return Ok(layout);
        }
        let mounts = read_proc("/proc/self/mountinfo")?;
        Self::of(&own, &mounts)
            .ok_or_else(|| Error::new("find cgroups in", "/proc/self/mountinfo", Cause::NotMounted))
    }

    /// The layout by the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`, if they have any.
    pub fn of(own: &str, mounts: &str) -> Option<Self> {
        mountinfo::layout(own, mounts)
    }

    /// Describes hierarchies by hand; `root` is an absolute path.
    pub fn new(root: impl Into<String>, kind: Kind, hierarchies: Vec<Hierarchy>) -> Self {
        Self { root: root.into(), kind, hierarchies }
    }

    /// Which versions are mounted.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The absolute path that every mount point is below.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The hierarchies in which a container gets a cgroup.
    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }
}

/// A line of `/proc/[pid]/cgroup`: the controllers and the path.
pub(crate) fn cgroup_lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    })
}

/// Whether a container gets a cgroup in this hierarchy: all but foreign named ones.
pub(crate) fn is_ours(controllers: &str) -> bool {
    !controllers.starts_with("name=") || controllers == "name=systemd"
}

/// The name of the conventional mount point below [`CONVENTION`].
fn conventional_mount(controllers: &str) -> &str {
    match controllers {
        "" => "unified",
        named => named.strip_prefix("name=").unwrap_or(named),
    }
}

/// The layout, if everything is where convention has it; `magic` is statfs(2)'s type of a path.
fn conventional(own: &str, magic: impl Fn(&str) -> Option<u64>) -> Option<Layout> {
    if magic(CONVENTION)? == MAGIC_V2 {
        let (_, path) = cgroup_lines(own).find(|(controllers, _)| controllers.is_empty())?;
        let (own, found) = below_root(path, "", &magic)?;
        if found != Some(MAGIC_V2) {
            return None;
        }
        let (controllers, mount) = (String::new(), String::new());
        let hierarchy = Hierarchy { controllers, mount, own: own.to_owned() };
        return Some(Layout::new(CONVENTION, Kind::V2, vec![hierarchy]));
    }
    let mut hierarchies = Vec::new();
    for (controllers, path) in cgroup_lines(own).filter(|(name, _)| is_ours(name)) {
        let mount = conventional_mount(controllers).to_owned();
        let wanted = if controllers.is_empty() { MAGIC_V2 } else { MAGIC_V1 };
        let (own, found) = below_root(path, &mount, &magic)?;
        if found == Some(wanted) {
            let (controllers, own) = (controllers.to_owned(), own.to_owned());
            hierarchies.push(Hierarchy { controllers, mount, own });
            continue;
        }
        // Not mounted here: version 2 has a line anyway, and a hierarchy may be mounted in another
        // mount namespace only. Joined ones have directories of other names.
        let at_mount = if own.is_empty() { found } else { magic(&join(CONVENTION, &mount)) };
        if controllers.contains(',') || at_mount.is_some() {
            return None;
        }
    }
    let v2 = hierarchies.iter().any(|hierarchy: &Hierarchy| hierarchy.controllers.is_empty());
    let kind = if v2 { Kind::Hybrid } else { Kind::V1 };
    (!hierarchies.is_empty()).then(|| Layout::new(CONVENTION, kind, hierarchies))
}

/// The caller's path below the mount point, and its type if it is there, which it is not when the
/// mount shows a part of the hierarchy only; none for a path outside of a cgroup namespace.
fn below_root<'p>(
    path: &'p str,
    mount: &str,
    magic: impl Fn(&str) -> Option<u64>,
) -> Option<(&'p str, Option<u64>)> {
    let own = path.trim_matches('/');
    if own.split('/').any(|part| part == "..") {
        return None;
    }
    Some((own, magic(&join(&join(CONVENTION, mount), own))))
}

/// The file system type of a path.
#[allow(clippy::unnecessary_cast, reason = "the width of f_type differs between architectures")]
fn magic(path: &str) -> Option<u64> {
    statfs(path).ok().map(|info| info.f_type as u64)
}

fn read_proc(path: &str) -> Result<String, Error> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty()).at("open", path)?;
    file::read_all(file.as_fd()).at("read", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hierarchy(controllers: &str, mount: &str, own: &str) -> Hierarchy {
        Hierarchy { controllers: controllers.into(), mount: mount.into(), own: own.into() }
    }

    fn magics<'a>(paths: &'a [(&'a str, u64)]) -> impl Fn(&str) -> Option<u64> + 'a {
        move |path| paths.iter().find(|(name, _)| *name == path).map(|(_, magic)| *magic)
    }

    const TMPFS: u64 = 0x0102_1994;

    #[test]
    fn pure_v2() {
        let fs = [("/sys/fs/cgroup", MAGIC_V2), ("/sys/fs/cgroup/user.slice/a.scope", MAGIC_V2)];
        let layout = conventional("0::/user.slice/a.scope\n", magics(&fs)).unwrap();
        assert_eq!(layout.kind(), Kind::V2);
        assert_eq!(layout.hierarchies(), [hierarchy("", "", "user.slice/a.scope")]);
    }

    #[test]
    fn hybrid_with_joined_and_named_hierarchies() {
        let fs = [
            ("/sys/fs/cgroup", TMPFS),
            ("/sys/fs/cgroup/cpu,cpuacct", MAGIC_V1),
            ("/sys/fs/cgroup/memory/x/y", MAGIC_V1),
            ("/sys/fs/cgroup/systemd", MAGIC_V1),
            ("/sys/fs/cgroup/unified", MAGIC_V2),
        ];
        let own = "5:cpu,cpuacct:/\n4:name=other:/\n3:memory:/x/y\n2:name=systemd:/\n0::/\n";
        let layout = conventional(own, magics(&fs)).unwrap();
        assert_eq!(layout.kind(), Kind::Hybrid);
        assert_eq!(
            layout.hierarchies(),
            [
                hierarchy("cpu,cpuacct", "cpu,cpuacct", ""),
                hierarchy("memory", "memory", "x/y"),
                hierarchy("name=systemd", "systemd", ""),
                hierarchy("", "unified", ""),
            ]
        );
    }

    #[test]
    fn lines_of_what_is_not_mounted() {
        let fs = [("/sys/fs/cgroup", TMPFS), ("/sys/fs/cgroup/pids", MAGIC_V1)];
        let layout = conventional("2:hugetlb:/\n1:pids:/\n0::/\n", magics(&fs)).unwrap();
        assert_eq!(layout.kind(), Kind::V1);
        assert_eq!(layout.hierarchies(), [hierarchy("pids", "pids", "")]);
    }

    #[test]
    fn a_broken_convention_is_no_layout() {
        let v1 = [("/sys/fs/cgroup", TMPFS), ("/sys/fs/cgroup/pids", MAGIC_V1)];
        // Under another name; none of them; a part of the hierarchy only; outside a cgroup
        // namespace; something else mounted there.
        assert_eq!(conventional("2:cpuacct,cpu:/\n1:pids:/\n", magics(&v1)), None);
        assert_eq!(conventional("2:memory:/\n0::/\n", magics(&v1)), None);
        assert_eq!(conventional("1:pids:/docker/1\n", magics(&v1)), None);
        assert_eq!(conventional("1:pids:/../x\n", magics(&v1)), None);
        let other = [("/sys/fs/cgroup", TMPFS), ("/sys/fs/cgroup/pids", TMPFS)];
        assert_eq!(conventional("1:pids:/\n", magics(&other)), None);
        assert_eq!(conventional("0::/\n", magics(&[])), None);
    }
}

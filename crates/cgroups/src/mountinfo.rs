//! The slow way to the hierarchies: `/proc/self/mountinfo` (proc_pid_mountinfo(5)), for machines
//! that mount cgroups elsewhere and for containers that see a part of a hierarchy.

use crate::layout::{Hierarchy, Kind, Layout, cgroup_lines, is_ours};

/// The layout by the mounts, or nothing if none is a cgroup hierarchy.
pub(crate) fn layout(own: &str, mounts: &str) -> Option<Layout> {
    let mounts: Vec<Mount> = mounts.lines().filter_map(parse).collect();
    let mut hierarchies = Vec::new();
    for (controllers, path) in cgroup_lines(own).filter(|(name, _)| is_ours(name)) {
        // What was mounted last at a place hides the others; the first place is the usual one.
        let Some(mount) = mounts.iter().find(|mount| mount.has(controllers)) else { continue };
        hierarchies.push(Hierarchy {
            controllers: controllers.to_owned(),
            mount: mount.point.trim_matches('/').to_owned(),
            own: mount.below(path),
        });
    }
    let v2 = hierarchies.iter().any(|hierarchy| hierarchy.controllers.is_empty());
    let kind = match (v2, hierarchies.len()) {
        (_, 0) => return None,
        (true, 1) => Kind::V2,
        (true, _) => Kind::Hybrid,
        (false, _) => Kind::V1,
    };
    Some(Layout::new("/", kind, hierarchies))
}

/// A mounted cgroup hierarchy.
struct Mount {
    root: String,
    point: String,
    /// Empty for version 2.
    options: String,
}

impl Mount {
    fn has(&self, controllers: &str) -> bool {
        match controllers {
            "" => self.options.is_empty(),
            _ => controllers
                .split(',')
                .all(|controller| self.options.split(',').any(|option| option == controller)),
        }
    }

    /// The path of a cgroup below the mount point; the mount point itself if it is not below.
    fn below(&self, path: &str) -> String {
        let rest = match self.root.as_str() {
            "/" => Some(path),
            root => path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        match rest.unwrap_or_default().trim_matches('/') {
            outside if outside.split('/').any(|part| part == "..") => String::new(),
            rest => rest.to_owned(),
        }
    }
}

fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let options = match after.next()? {
        "cgroup2" => String::new(),
        "cgroup" => after.nth(1)?.to_owned(),
        _ => return None,
    };
    let mut before = before.split(' ').skip(3);
    let (root, point) = (unescape(before.next()?), unescape(before.next()?));
    Some(Mount { root, point, options })
}

/// Undoes the kernel's `\ooo` for space, tab, newline and backslash.
fn unescape(field: &str) -> String {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_places_and_orders() {
        let mounts = "\
31 23 0:28 / /cg rw - tmpfs tmpfs rw
32 31 0:29 / /cg/the\\040cpu rw,relatime - cgroup cgroup rw,cpuacct,cpu
33 31 0:30 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /cg/two rw - cgroup2 cgroup2 rw
";
        let layout = layout("3:cpu,cpuacct:/a/b\n2:name=systemd:/\n0::/x\n", mounts).unwrap();
        assert_eq!((layout.root(), layout.kind()), ("/", Kind::Hybrid));
        let seen: Vec<_> = layout
            .hierarchies()
            .iter()
            .map(|h| (h.controllers.as_str(), h.mount.as_str(), h.own.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("cpu,cpuacct", "cg/the cpu", "a/b"),
                ("name=systemd", "cg/systemd", ""),
                ("", "cg/two", "x")
            ]
        );
    }

    #[test]
    fn a_part_of_a_hierarchy() {
        let mounts = "32 31 0:29 /docker/1 /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n";
        for (own, below) in [
            ("/docker/1", ""),
            ("/docker/1/sub", "sub"),
            ("/docker/12", ""),
            ("/", ""),
            ("/docker/1/../..", ""),
        ] {
            let layout = layout(&format!("1:pids:{own}\n"), mounts).unwrap();
            assert_eq!(layout.hierarchies()[0].own, below, "{own}");
            assert_eq!(layout.kind(), Kind::V1);
        }
    }

    #[test]
    fn no_cgroups() {
        assert_eq!(layout("0::/\n", "23 1 0:1 / / rw - ext4 /dev/vda rw\n"), None);
        assert_eq!(layout("", ""), None);
    }
}

//! A view of the cgroup hierarchies that every runtime of the comparison can work with.

use rustix::fs::{CWD, Mode, readlink, symlink};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, move_mount, open_tree, unmount,
};
use rustix::process::Pid;
use std::fs;
use std::path::{Path, PathBuf};

const CGROUPS: &str = "/sys/fs/cgroup";
const HUGETLB: &str = "/sys/fs/cgroup/hugetlb";

/// Whether the hierarchies are those of cgroup v1, pure or hybrid.
pub fn is_v1() -> bool {
    !Path::new(CGROUPS).join("cgroup.controllers").exists()
}

/// The layout in a few words.
pub fn layout() -> &'static str {
    match (is_v1(), Path::new(CGROUPS).join("unified").exists()) {
        (true, true) => "v1 and an empty v2 beside it",
        (true, false) => "v1",
        _ => "v2",
    }
}

/// The directories of all cgroups that a process is in.
pub fn directories_of(pid: Pid) -> Vec<PathBuf> {
    let file = format!("/proc/{}/cgroup", pid.as_raw_nonzero());
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(directory).collect()
}

/// The directory of one line of /proc/PID/cgroup, see cgroups(7).
fn directory(line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let hierarchy = match controllers.strip_prefix("name=") {
        Some(name) => name,
        None if !controllers.is_empty() => controllers,
        None if is_v1() => "unified",
        None => "",
    };
    Some(Path::new(CGROUPS).join(hierarchy).join(path.trim_start_matches('/')))
}

/// Prepares the mount namespace, which must be new; with `hugetlb`, with that v1 hierarchy.
///
/// The runtimes keep their states in a tmpfs at `states`, as in `/run` of a machine with systemd.
///
/// crun refuses to work without it. It is mounted for all, so that all do the same work, and in a
/// copy of the directory, so that nothing of it shows outside.
pub fn prepare(states: &Path, hugetlb: bool) -> Result<(), String> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|e| format!("/: {e}"))?;
    // That of the new process namespace.
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, c"").map_err(|e| format!("/proc: {e}"))?;
    mount("tmpfs", states, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755")
        .map_err(|e| format!("{}: {e}", states.display()))?;
    let controllers = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let known = controllers.lines().any(|line| line.starts_with("hugetlb\t"));
    if hugetlb && known && is_v1() && !Path::new(HUGETLB).join("tasks").exists() {
        copy_hierarchies()?;
        fs::create_dir(HUGETLB).map_err(|e| format!("{HUGETLB}: {e}"))?;
        mount("cgroup", HUGETLB, "cgroup", flags, c"hugetlb")
            .map_err(|e| format!("{HUGETLB}: {e}"))?;
    }
    Ok(())
}

/// Replaces the directory of the hierarchies by a tmpfs with the same mounts and links.
fn copy_hierarchies() -> Result<(), String> {
    let mut mounts = Vec::new();
    let mut links = Vec::new();
    for entry in fs::read_dir(CGROUPS).map_err(|e| format!("{CGROUPS}: {e}"))?.flatten() {
        let path = entry.path();
        if let Ok(target) = readlink(&path, Vec::new()) {
            links.push((path, target));
        } else if path != Path::new(HUGETLB) {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let tree = open_tree(CWD, &path, flags).map_err(|e| format!("{entry:?}: {e}"))?;
            mounts.push((path, tree));
        }
    }
    unmount(CGROUPS, UnmountFlags::DETACH).map_err(|e| format!("{CGROUPS}: {e}"))?;
    mount("tmpfs", CGROUPS, "tmpfs", MountFlags::empty(), c"mode=755")
        .map_err(|e| format!("{CGROUPS}: {e}"))?;
    for (path, tree) in mounts {
        rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755))
            .and_then(|()| {
                let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
                move_mount(tree, "", CWD, &path, flags)
            })
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    for (path, target) in links {
        symlink(target, &path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        let path = |line| directory(line).unwrap();
        assert_eq!(path("4:memory:/a/b:c"), Path::new("/sys/fs/cgroup/memory/a/b:c"));
        assert_eq!(path("9:name=systemd:/"), Path::new("/sys/fs/cgroup/systemd/"));
        assert_eq!(directory("nonsense"), None);
    }
}

//! A view of the cgroup hierarchies that every runtime of the comparison can work with.

use bench_sys::sys;
use rustix::fs::{CWD, Mode, readlink, symlink};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, move_mount, open_tree, unmount,
};
use std::fs;
use std::path::Path;

const CGROUPS: &str = "/sys/fs/cgroup";
const HUGETLB: &str = "/sys/fs/cgroup/hugetlb";

/// Whether the hierarchies are those of cgroup v1, pure or hybrid.
pub fn is_v1() -> bool {
    !Path::new(CGROUPS).join("cgroup.controllers").exists()
}

/// Enters a mount namespace of its own; with `hugetlb`, one that has that v1 hierarchy.
///
/// crun refuses to work without it. It is mounted for all, so that all do the same work, and in a
/// copy of the directory, so that nothing of it shows outside.
pub fn enter(hugetlb: bool) -> Result<(), String> {
    sys::unshare_mounts().map_err(|e| format!("unshare: {e}"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|e| format!("/: {e}"))?;
    let controllers = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let known = controllers.lines().any(|line| line.starts_with("hugetlb\t"));
    if hugetlb && known && is_v1() && !Path::new(HUGETLB).join("tasks").exists() {
        copy_hierarchies()?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
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

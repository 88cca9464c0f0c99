//! Cgroup hierarchies: which there are, and whether the caller may make cgroups in them.

use cgroups::{Kind, Layout};

use super::{Fact, Status, exists, fatal, good, is_root, lacking, text};

pub fn facts() -> Vec<Fact> {
    let layout = match Layout::detect() {
        Ok(layout) => layout,
        Err(error) => {
            let advice = "mount cgroup2 at /sys/fs/cgroup, or use --cgroup-manager disabled";
            return vec![fatal(lacking(
                "cgroups",
                "layout",
                Status::Missing,
                error.to_string(),
                advice,
            ))];
        }
    };
    vec![version(&layout), controllers(&layout), delegation(&layout), systemd()]
}

fn version(layout: &Layout) -> Fact {
    let advice = "limits of ordinary users, and killing a whole cgroup at once, need version 2: \
                  boot with systemd.unified_cgroup_hierarchy=1";
    match layout.kind() {
        Kind::V2 => good("cgroups", "layout", format!("version 2 at {}", layout.root())),
        Kind::Hybrid => {
            let found = format!("versions 1 and 2 at {}", layout.root());
            lacking("cgroups", "layout", Status::Limited, found, advice)
        }
        Kind::V1 => {
            let found = format!("version 1 at {}", layout.root());
            lacking("cgroups", "layout", Status::Limited, found, advice)
        }
    }
}

/// The controllers that limits are mostly asked of.
const WANTED: [&str; 4] = ["cpu", "memory", "pids", "cpuset"];

fn controllers(layout: &Layout) -> Fact {
    let mut found: Vec<String> = match layout.kind() {
        Kind::V2 => {
            let path = format!("{}/cgroup.controllers", layout.root());
            text(&path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        }
        _ => layout
            .hierarchies()
            .iter()
            .flat_map(|hierarchy| hierarchy.controllers.split(','))
            .filter(|name| !name.is_empty() && !name.starts_with("name="))
            .map(str::to_owned)
            .collect(),
    };
    found.sort();
    let has = |name: &&str| found.iter().any(|controller| controller == name);
    let missing: Vec<&str> = WANTED.into_iter().filter(|name| !has(name)).collect();
    if missing.is_empty() {
        return good("cgroups", "controllers", found.join(", "));
    }
    let advice = format!(
        "limits of {} are refused; boot with cgroup_enable=, or let the parent cgroup delegate them",
        missing.join(", ")
    );
    lacking("cgroups", "controllers", Status::Limited, found.join(", "), advice)
}

/// Whether a cgroup can be made below the caller's own.
fn delegation(layout: &Layout) -> Fact {
    let closed: Vec<&str> = layout
        .hierarchies()
        .iter()
        .filter(|hierarchy| {
            let path = format!("{}/{}/{}", layout.root(), hierarchy.mount, hierarchy.own);
            rustix::fs::access(&*path, rustix::fs::Access::WRITE_OK).is_err()
        })
        .map(|hierarchy| match &*hierarchy.controllers {
            "" => "version 2",
            controllers => controllers,
        })
        .collect();
    if closed.is_empty() {
        return good("cgroups", "may be made", "in each hierarchy");
    }
    let found = format!("not in {}", closed.join("; "));
    if is_root() {
        let advice =
            "/sys/fs/cgroup is read-only here: mount it writable, or use --cgroup-manager disabled";
        return fatal(lacking("cgroups", "may be made", Status::Missing, found, advice));
    }
    let advice = "containers of this user have no limits; start a session of systemd with delegation \
                  (systemd-run --user --scope -p Delegate=yes)";
    lacking("cgroups", "may be made", Status::Limited, found, advice)
}

fn systemd() -> Fact {
    let uid = rustix::process::geteuid().as_raw();
    // The bus, and the socket of systemd itself.
    let [bus, direct] = if uid == 0 {
        ["/run/dbus/system_bus_socket", "/run/systemd/private"].map(str::to_owned)
    } else {
        ["bus", "systemd/private"].map(|name| format!("/run/user/{uid}/{name}"))
    };
    let found = [&bus, &direct].into_iter().find(|path| exists(path));
    match (exists("/run/systemd/system"), found) {
        (true, Some(path)) => good("cgroups", "systemd", format!("reachable at {path}")),
        (true, None) => {
            let advice = "--systemd-cgroup can't work; start dbus, or a session of the user";
            lacking("cgroups", "systemd", Status::Limited, format!("no bus at {bus}"), advice)
        }
        _ => {
            let advice = "--systemd-cgroup can't work; cgroups are made directly without it";
            lacking("cgroups", "systemd", Status::Limited, "not running", advice)
        }
    }
}

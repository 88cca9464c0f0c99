//! What confines the caller, and so the containers that it makes.

use rustix::process::{Resource, getrlimit};

use super::{Fact, Status, exists, good, is_root, lacking, own_status};
use crate::capability::CapabilitySet;

/// What making a container of the default configuration takes (`capabilities(7)`).
const NEEDED: [&str; 6] =
    ["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_SYS_CHROOT"];

pub fn facts() -> Vec<Fact> {
    vec![user(), capabilities(), no_new_privs(), filter(), surroundings(), files(), processes()]
}

fn user() -> Fact {
    let uid = rustix::process::geteuid().as_raw();
    if uid == 0 {
        return good("caller", "user", "root");
    }
    let advice =
        "containers need a user namespace: orun spec --rootless writes a configuration with one";
    lacking("caller", "user", Status::Limited, format!("user {uid}"), advice)
}

fn capabilities() -> Fact {
    let set = own_status("CapEff").and_then(|set| u64::from_str_radix(&set, 16).ok());
    let set = CapabilitySet(set.unwrap_or(0));
    if !is_root() {
        return good("caller", "capabilities", "those of a user namespace will do");
    }
    let all = CapabilitySet(u64::MAX);
    let missing: Vec<&str> =
        all.names().filter(|name| !set.names().any(|own| own == *name)).collect();
    let needed = missing.iter().any(|name| NEEDED.contains(name));
    if missing.is_empty() {
        return good("caller", "capabilities", "all");
    }
    let found = format!("all but {}", missing.join(", "));
    if !needed {
        let advice = "containers can't get these; limits above the caller's need CAP_SYS_RESOURCE";
        return lacking("caller", "capabilities", Status::Limited, found, advice);
    }
    let advice = "run it with more rights (--privileged, if this is a container)";
    super::fatal(lacking("caller", "capabilities", Status::Missing, found, advice))
}

fn no_new_privs() -> Fact {
    if own_status("NoNewPrivs").as_deref() != Some("1") {
        return good("caller", "no_new_privs", "not set");
    }
    let advice = "newuidmap and set-uid programs in containers have no effect; \
                  do not set NoNewPrivileges= for the service that runs containers";
    lacking("caller", "no_new_privs", Status::Limited, "set", advice)
}

fn filter() -> Fact {
    match own_status("Seccomp").as_deref() {
        None | Some("0") => good("caller", "seccomp filter", "none"),
        Some(_) => {
            let count = own_status("Seccomp_filters").unwrap_or_else(|| "some".to_owned());
            let advice = "calls that it refuses are refused to the runtime and to containers too";
            lacking(
                "caller",
                "seccomp filter",
                Status::Limited,
                format!("{count} in force"),
                advice,
            )
        }
    }
}

/// Files that tell which engine a container is of.
const MARKS: [(&str, &str); 3] = [
    ("/run/.containerenv", "a container of podman"),
    ("/.dockerenv", "a container of docker"),
    ("/run/host/container-manager", "a container of systemd-nspawn"),
];

fn surroundings() -> Fact {
    match MARKS.iter().find(|(path, _)| exists(path)) {
        None => good("caller", "surroundings", "no container is known"),
        Some((_, kind)) => {
            let advice = "what is inside needs the rights for it: privileged, or a user namespace, \
                          and a writable /sys/fs/cgroup";
            lacking("caller", "surroundings", Status::Limited, *kind, advice)
        }
    }
}

fn files() -> Fact {
    limit("open files", Resource::Nofile, 256, "ulimit -n", "LimitNOFILE=")
}

fn processes() -> Fact {
    limit("processes", Resource::Nproc, 512, "ulimit -u", "LimitNPROC=")
}

fn limit(name: &str, resource: Resource, enough: u64, shell: &str, unit: &str) -> Fact {
    let limit = getrlimit(resource);
    let word = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    let found = format!("{}, at most {}", word(limit.current), word(limit.maximum));
    if limit.current.is_none_or(|limit| limit >= enough) {
        return good("caller", name, found);
    }
    let advice = format!("raise it: {shell} 4096, or {unit}4096 in the unit");
    lacking("caller", name, Status::Limited, found, advice)
}

//! User namespaces: whether they may be made, how many, and with which ids.

use super::{Fact, Status, exists, fatal, good, is_root, lacking, text};

pub fn facts() -> Vec<Fact> {
    let mut facts = vec![user_namespaces()];
    facts.extend(limits());
    facts.extend([helpers(), ranges("/etc/subuid"), ranges("/etc/subgid")]);
    facts
}

/// Switches that forbid user namespaces to ordinary users: file, the value that does, what to do.
const SWITCHES: &[(&str, &str, &str)] = &[
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give the runtime an AppArmor profile with `userns,`, or \
         sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
];

fn user_namespaces() -> Fact {
    let name = "user namespaces";
    if !exists("/proc/self/ns/user") {
        let advice = "build the kernel with CONFIG_USER_NS";
        let fact = lacking("users", name, Status::Missing, "no", advice);
        return if is_root() { fact } else { fatal(fact) };
    }
    let shut = SWITCHES
        .iter()
        .find(|(file, value, _)| text(&format!("/proc/sys/{file}")).as_deref() == Some(*value));
    let Some((file, value, advice)) = shut else {
        return good("users", name, "yes, for everybody");
    };
    let found = format!("forbidden: /proc/sys/{file} is {value}");
    if is_root() {
        return lacking("users", name, Status::Limited, found, *advice);
    }
    fatal(lacking("users", name, Status::Missing, found, *advice))
}

/// Limits of namespaces that a few dozen containers would reach.
fn limits() -> Vec<Fact> {
    const FEW: u64 = 64;
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
    let limit = |kind: &str| -> Option<u64> {
        text(&format!("/proc/sys/user/max_{kind}_namespaces"))?.parse().ok()
    };
    kinds
        .into_iter()
        .filter_map(|kind| Some((kind, limit(kind).filter(|limit| *limit < FEW)?)))
        .map(|(kind, limit)| {
            let advice = format!("sysctl user.max_{kind}_namespaces=10000");
            let name = format!("{kind} namespaces");
            let fact = lacking("users", &name, Status::Limited, format!("at most {limit}"), advice);
            if limit == 0 { fatal(fact) } else { fact }
        })
        .collect()
}

fn helpers() -> Fact {
    let missing: Vec<&str> = [namespaces::MapKind::Uid, namespaces::MapKind::Gid]
        .into_iter()
        .filter(|kind| crate::maps::find_helper(*kind).is_none())
        .map(namespaces::MapKind::helper)
        .collect();
    if missing.is_empty() {
        return good("users", "newuidmap, newgidmap", "yes");
    }
    let advice = "ordinary users have only their own id in containers; install the package uidmap";
    lacking("users", "newuidmap, newgidmap", Status::Limited, "no", advice)
}

/// Whether somebody, or the user who asks, has ids to give to containers (`subuid(5)`).
fn ranges(file: &str) -> Fact {
    let content = text(file).unwrap_or_default();
    let users: Vec<&str> = content.lines().filter_map(|line| line.split(':').next()).collect();
    let advice = |user: &str| {
        format!("for containers of an ordinary user, add a line such as `{user}:100000:65536`")
    };
    if is_root() {
        return match users.is_empty() {
            false => good("users", file, format!("ranges of {}", users.join(", "))),
            true => lacking("users", file, Status::Limited, "no ranges", advice("USER")),
        };
    }
    let uid = rustix::process::geteuid().as_raw().to_string();
    let name = own_name(&uid).unwrap_or_default();
    if users.iter().any(|user| *user == uid || *user == name) {
        return good("users", file, "a range of the caller");
    }
    let user = if name.is_empty() { uid } else { name };
    lacking("users", file, Status::Limited, format!("no range of {user}"), advice(&user))
}

/// The name of a user in /etc/passwd.
fn own_name(uid: &str) -> Option<String> {
    let users = text("/etc/passwd")?;
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(uid))?;
    line.split(':').next().map(str::to_owned)
}

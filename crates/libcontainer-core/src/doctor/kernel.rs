//! Version, system calls, namespaces, seccomp and security modules of the kernel.

use ::namespaces::Namespace;

use super::{Fact, Status, exists, fatal, good, lacking, text};
use crate::sys;

/// A call that newer kernels have, since when, and what is done without it.
type Row = (&'static str, libc::c_long, &'static str, &'static str);

/// As docs/kernel-features.md has it.
const CALLS: &[Row] = &[
    ("clone3", libc::SYS_clone3, "5.3", "clone is used; time namespaces are not possible"),
    ("pidfd_open", libc::SYS_pidfd_open, "5.3", "kill is used; no --pidfd-socket"),
    ("open_tree", libc::SYS_open_tree, "5.2", "mount is used"),
    ("fsopen", libc::SYS_fsopen, "5.2", "mount is used; errors of mounts say less"),
    ("openat2", libc::SYS_openat2, "5.6", "paths are walked one component at a time"),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, "5.6", "no seccomp agents, no --record-seccomp"),
    ("close_range", libc::SYS_close_range, "5.9", "descriptors are closed one by one"),
    ("mount_setattr", libc::SYS_mount_setattr, "5.12", "mounts are remounted; no id-mapped mounts"),
];

/// Files of /proc and /sys that features come with, since when, and what is done without them.
const FILES: &[(&str, &str, &str, &str)] = &[
    ("time namespaces", "/proc/self/ns/time", "5.6", "linux.timeOffsets is refused"),
    ("cgroup namespaces", "/proc/self/ns/cgroup", "4.6", "cgroup namespaces are refused"),
];

pub fn facts() -> Vec<Fact> {
    let mut facts = vec![version()];
    facts.extend(CALLS.iter().map(|(name, number, since, without)| {
        let has = sys::has_call(*number);
        feature(name, has, since, without)
    }));
    let file = |(name, path, since, without): &(&str, &str, &str, &str)| {
        feature(name, exists(path), since, without)
    };
    facts.extend(FILES.iter().map(file));
    facts.push(namespaces());
    facts.push(seccomp());
    facts.push(security_modules());
    facts
}

fn feature(name: &str, has: bool, since: &str, without: &str) -> Fact {
    if has {
        return good("kernel", name, "yes");
    }
    let advice = format!("{without}; use Linux {since} or newer");
    lacking("kernel", name, Status::Limited, "no", advice)
}

fn version() -> Fact {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let found = format!("Linux {release}, {}", uname.machine().to_string_lossy());
    let advice = "Linux 5.12 has all that is needed most";
    match numbers(&release) {
        Some(version) if version < (4, 18) => fatal(lacking(
            "kernel",
            "version",
            Status::Missing,
            found,
            "orun needs Linux 4.18, and 5.4 for all but what is said below",
        )),
        Some(version) if version < (5, 12) => {
            lacking("kernel", "version", Status::Limited, found, advice)
        }
        _ => good("kernel", "version", found),
    }
}

/// Major and minor number of a release such as `6.1.0-18-amd64`.
fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Those of the default configuration.
fn namespaces() -> Fact {
    let wanted =
        [Namespace::Ipc, Namespace::Mount, Namespace::Network, Namespace::Pid, Namespace::Uts];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|kind| !exists(&format!("/proc/self/ns/{}", kind.proc_name())))
        .map(Namespace::name)
        .collect();
    if missing.is_empty() {
        return good("kernel", "namespaces", "mount, pid, network, ipc, uts");
    }
    let found = format!("no {}", missing.join(", "));
    let advice = "mount /proc, or build the kernel with CONFIG_NAMESPACES and the kinds below it";
    fatal(lacking("kernel", "namespaces", Status::Missing, found, advice))
}

fn seccomp() -> Fact {
    match text("/proc/sys/kernel/seccomp/actions_avail") {
        Some(actions) if actions.contains("user_notif") => good("security", "seccomp", actions),
        Some(actions) => {
            let advice = "SCMP_ACT_NOTIFY needs Linux 5.0";
            lacking("security", "seccomp", Status::Limited, actions, advice)
        }
        None => {
            let advice = "linux.seccomp is refused; build the kernel with CONFIG_SECCOMP_FILTER";
            lacking("security", "seccomp", Status::Missing, "no", advice)
        }
    }
}

fn security_modules() -> Fact {
    let apparmor = text("/sys/module/apparmor/parameters/enabled").as_deref() == Some("Y");
    let selinux = text("/sys/fs/selinux/enforce");
    let found = match (apparmor, selinux.as_deref()) {
        (true, _) => "AppArmor".to_owned(),
        (_, Some("1")) => "SELinux, enforcing".to_owned(),
        (_, Some(_)) => "SELinux, permissive".to_owned(),
        _ => {
            let advice = "process.apparmorProfile and selinuxLabel have nothing to act on; \
                          boot with AppArmor or SELinux for another line of defence";
            return lacking("security", "security modules", Status::Limited, "none", advice);
        }
    };
    good("security", "security modules", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_two_numbers() {
        assert_eq!(numbers("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(numbers("4.18.0"), Some((4, 18)));
        assert_eq!(numbers("x"), None);
    }
}

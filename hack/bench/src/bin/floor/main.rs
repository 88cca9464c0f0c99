//! The kernel work that the default bundle of `runc spec` asks for, and nothing else.
//!
//! `floor BUNDLE` runs `/bin/true` in that container: what an ideal runtime would do that already
//! knew the configuration. It keeps no state, reads no JSON and cleans up only where it succeeds.
//! `BUNDLE/rootfs` needs the directories `proc`, `dev` and `sys`.

mod cgroups;

use bench_sys::sys;
use cgroups::Cgroups;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat, symlink};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change,
    mount_remount, unmount,
};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{
    Pid, Resource, Rlimit, WaitOptions, chdir, getpid, pivot_root, setrlimit, umask, waitpid,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs, set_thread_groups,
};
use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;

const DEVICES: [(&str, u32, u32); 6] = [
    ("dev/null", 1, 3),
    ("dev/zero", 1, 5),
    ("dev/full", 1, 7),
    ("dev/random", 1, 8),
    ("dev/urandom", 1, 9),
    ("dev/tty", 5, 0),
];
const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
    ("pts/ptmx", "dev/ptmx"),
];
const MASKED: [&str; 10] = [
    "proc/acpi",
    "proc/asound",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/timer_list",
    "proc/timer_stats",
    "proc/sched_debug",
    "sys/firmware",
    "proc/scsi",
];
const READONLY: [&str; 5] = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];
const KEPT: CapabilitySet =
    CapabilitySet::AUDIT_WRITE.union(CapabilitySet::KILL).union(CapabilitySet::NET_BIND_SERVICE);
/// `CAP_CHECKPOINT_RESTORE`, Linux 5.9.
const LAST_CAPABILITY: u32 = 40;
const NODEV_NOEXEC_NOSUID: MountFlags =
    MountFlags::NODEV.union(MountFlags::NOEXEC).union(MountFlags::NOSUID);

fn main() -> ExitCode {
    let Some(bundle) = std::env::args().nth(1) else {
        eprintln!("usage: floor BUNDLE");
        return ExitCode::from(2);
    };
    match run(&bundle) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("floor: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(bundle: &str) -> Result<u8, String> {
    let cgroups = Cgroups::create(&format!("floor-{}", getpid()))?;
    let namespaces = libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWNS;
    let pid = sys::clone3(namespaces, cgroups.v2()).map_err(|e| format!("clone3: {e}"))?;
    if pid == 0 {
        // Only a failure comes back from here.
        let Err(failure) = enter(bundle, &cgroups);
        eprintln!("floor: {failure}");
        return Ok(125);
    }
    let (_, status) = waitpid(Pid::from_raw(pid), WaitOptions::empty())
        .at("waitpid")?
        .ok_or("waitpid: nobody to wait for")?;
    cgroups.remove()?;
    Ok(status.exit_status().unwrap_or(255) as u8)
}

/// The container's side, from the clone to the execve.
fn enter(bundle: &str, cgroups: &Cgroups) -> Result<std::convert::Infallible, String> {
    cgroups.join_v1()?;
    if cgroups.v1().next().is_none() {
        // Only v2 has it by default. Not by the clone: that would still be the parent's cgroup.
        sys::unshare_cgroup().map_err(|e| format!("unshare: {e}"))?;
    }
    rustix::system::sethostname(b"runc").at("sethostname")?;
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).at("socket")?;
    sys::loopback_up(socket.as_fd()).map_err(|e| format!("loopback: {e}"))?;
    enter_rootfs(bundle, cgroups)?;
    drop_privileges()?;
    sys::cloexec_from(3).map_err(|e| format!("close_range: {e}"))?;
    let path: &CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let error = sys::execve(c"/bin/true", [c"true"], [path, c"TERM=xterm", c"HOME=/root"]);
    Err(format!("/bin/true: {error}"))
}

fn enter_rootfs(bundle: &str, cgroups: &Cgroups) -> Result<(), String> {
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC).at("/")?;
    let rootfs = format!("{bundle}/rootfs");
    mount_bind(&rootfs, &rootfs).at(&rootfs)?;
    chdir(&rootfs).at(&rootfs)?;
    mount_all(cgroups)?;
    populate_dev()?;
    for path in READONLY {
        bind_readonly(path)?;
    }
    mask()?;
    let root_flags = MountFlags::BIND | MountFlags::RDONLY;
    pivot_root(".", ".").at("pivot_root")?;
    // The old root is now on top of the new one, and `.` is the old one.
    unmount(".", UnmountFlags::DETACH).at("old root")?;
    chdir("/").at("/")?;
    mount_remount("/", root_flags, c"").at("/")
}

fn mount_all(cgroups: &Cgroups) -> Result<(), String> {
    let nothing = c"";
    let dev = MountFlags::NOSUID | MountFlags::STRICTATIME;
    let pts = MountFlags::NOSUID | MountFlags::NOEXEC;
    let readonly = NODEV_NOEXEC_NOSUID | MountFlags::RDONLY;
    mount("proc", "proc", "proc", MountFlags::empty(), nothing).at("proc")?;
    mount("tmpfs", "dev", "tmpfs", dev, c"mode=755,size=65536k").at("dev")?;
    for path in ["dev/pts", "dev/shm", "dev/mqueue"] {
        rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)).at(path)?;
    }
    let options = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    mount("devpts", "dev/pts", "devpts", pts, options).at("dev/pts")?;
    let options = c"mode=1777,size=65536k";
    mount("shm", "dev/shm", "tmpfs", NODEV_NOEXEC_NOSUID, options).at("dev/shm")?;
    mount("mqueue", "dev/mqueue", "mqueue", NODEV_NOEXEC_NOSUID, nothing).at("dev/mqueue")?;
    mount("sysfs", "sys", "sysfs", readonly, nothing).at("sys")?;
    if cgroups.v1().next().is_none() {
        return mount("cgroup", "sys/fs/cgroup", "cgroup2", readonly, nothing).at("cgroup");
    }
    mount("cgroup", "sys/fs/cgroup", "tmpfs", NODEV_NOEXEC_NOSUID, c"mode=755").at("cgroup")?;
    for cgroup in cgroups.v1() {
        let target = format!("sys/fs/cgroup/{}", cgroup.controller);
        rustix::fs::mkdir(&target, Mode::from_raw_mode(0o755)).at(&target)?;
        mount_bind(&cgroup.path, &target).at(&target)?;
    }
    // One call for the flags of all the binds.
    let nosuid_noexec_nodev =
        libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_NODEV;
    sys::mount_setattr_recursive(c"sys/fs/cgroup", libc::MOUNT_ATTR_RDONLY | nosuid_noexec_nodev)
        .map_err(|e| format!("mount_setattr: {e}"))
}

fn populate_dev() -> Result<(), String> {
    let old = umask(Mode::empty());
    for (path, major, minor) in DEVICES {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(major, minor)).at(path)?;
    }
    umask(old);
    for (target, link) in LINKS {
        symlink(target, link).at(link)?;
    }
    Ok(())
}

fn bind_readonly(path: &str) -> Result<(), String> {
    match mount_bind(path, path) {
        Err(Errno::NOENT) => Ok(()),
        other => {
            other.at(path)?;
            mount_remount(path, MountFlags::BIND | MountFlags::RDONLY, c"").at(path)
        }
    }
}

/// Covers files with the null device and directories with one empty tmpfs.
fn mask() -> Result<(), String> {
    let mut tmpfs = None;
    for path in MASKED {
        match mount_bind("dev/null", path) {
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR) => match tmpfs {
                Some(first) => mount_bind::<&str, _>(first, path).at(path)?,
                None => {
                    mount("tmpfs", path, "tmpfs", MountFlags::RDONLY, c"nr_inodes=1").at(path)?;
                    tmpfs = Some(path);
                }
            },
            other => other.at(path)?,
        }
    }
    Ok(())
}

fn drop_privileges() -> Result<(), String> {
    let files = Rlimit { current: Some(1024), maximum: Some(1024) };
    setrlimit(Resource::Nofile, files).at("RLIMIT_NOFILE")?;
    set_thread_groups(&[]).at("setgroups")?;
    let known = (0..=LAST_CAPABILITY).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    for capability in known.filter(|&c| !KEPT.contains(c)) {
        remove_capability_from_bounding_set(capability).at("bounding set")?;
    }
    let sets =
        CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).at("capset")?;
    set_no_new_privs(true).at("no_new_privs")
}

/// Says what failed.
trait At<T> {
    fn at(self, what: &str) -> Result<T, String>;
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, what: &str) -> Result<T, String> {
        self.map_err(|e| format!("{what}: {}", io::Error::from(e)))
    }
}

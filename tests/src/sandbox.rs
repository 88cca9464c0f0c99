//! The whole suite runs in a mount and a pid namespace of its own.
//!
//! What a bad runtime mounts is then not on the machine; what it leaves running dies with the
//! suite; and what the tests write is on a file system that goes with it.

use std::ffi::{CString, OsStr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{Signal, WaitOptions, set_parent_process_death_signal, wait};

use crate::sys;

const STAGE: &str = "BEHAVIOUR_STAGE";
const WORK: &str = "BEHAVIOUR_WORK";

/// Enters the namespaces by starting this program again; returns its exit code when that has
/// ended, and nothing when this is the inner program, which goes on to test.
pub fn enter() -> Option<ExitCode> {
    match std::env::var(STAGE).ok().as_deref() {
        Some("tests") => None,
        Some(_) => Some(reap()),
        None => Some(outside()),
    }
}

/// The folder for everything that the tests write; readable for every user.
pub(crate) fn work() -> PathBuf {
    std::env::var_os(WORK).map(PathBuf::from).expect("the suite runs inside its sandbox")
}

/// Makes the namespaces and waits for the first process in them.
fn outside() -> ExitCode {
    if !rustix::process::getuid().is_root() {
        eprintln!("the behaviour suite runs containers and needs root");
        return ExitCode::FAILURE;
    }
    let work = tempfile::Builder::new().prefix("behaviour-").tempdir().expect("make a folder");
    sys::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWPID).expect("make the namespaces");
    make_private();
    mount("tmpfs", work.path(), "tmpfs", MountFlags::empty(), Some(c"mode=0755,size=4g"))
        .expect("mount a tmpfs to work on");
    let status = again("first").env(WORK, work.path()).status();
    // The folder below can be removed only when nothing is mounted on it.
    let _ = unmount(work.path(), UnmountFlags::DETACH);
    status.map_or(ExitCode::FAILURE, exit_code)
}

/// Is process 1 of the namespace: reaps every orphan until the tests have ended.
fn reap() -> ExitCode {
    set_parent_process_death_signal(Some(Signal::KILL)).expect("die with the parent");
    mount("proc", "/proc", "proc", MountFlags::empty(), None).expect("mount /proc");
    if crate::runtime().is("crun 1.") {
        add_hugetlb_hierarchy(&work());
    }
    let tests = again("tests").spawn().expect("start the tests").id();
    loop {
        let ended = wait(WaitOptions::empty()).expect("wait for a child").expect("a child ended");
        if ended.0.as_raw_nonzero().get() as u32 == tests {
            return exit_code(std::process::ExitStatus::from_raw(ended.1.as_raw()));
        }
    }
}

/// Keeps mounts made from here on in this namespace.
pub(crate) fn make_private() {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", flags).expect("make the mounts private");
}

fn again(stage: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("find the test program"));
    command.args(std::env::args_os().skip(1)).env(STAGE, stage);
    command
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    ExitCode::from(status.code().unwrap_or(101) as u8)
}

/// crun 1.8 gives up on a v1 host without a hugetlb hierarchy; this mounts one, over a copy of
/// `/sys/fs/cgroup` so that no folder has to be made on the machine.
fn add_hugetlb_hierarchy(work: &Path) {
    let host = Path::new("/sys/fs/cgroup");
    if host.join("hugetlb/tasks").exists() || !host.join("memory").exists() {
        return;
    }
    let copy = work.join("cgroup");
    std::fs::create_dir(&copy).expect("make a folder for the cgroups");
    mount("tmpfs", &copy, "tmpfs", MountFlags::empty(), Some(c"mode=0755")).expect("mount a tmpfs");
    for entry in std::fs::read_dir(host).expect("list the hierarchies").flatten() {
        if entry.file_name() == "hugetlb" {
            continue;
        }
        let place = folder(&copy, &entry.file_name());
        mount_bind_recursive(entry.path(), place).expect("bind a hierarchy");
    }
    let options = CString::from(c"hugetlb");
    let place = folder(&copy, OsStr::new("hugetlb"));
    mount("cgroup", place, "cgroup", MountFlags::empty(), Some(options.as_c_str()))
        .expect("mount the hugetlb hierarchy");
    mount_bind_recursive(&copy, host).expect("put the copy in place");
}

fn folder(parent: &Path, name: &OsStr) -> PathBuf {
    let path = parent.join(name);
    std::fs::create_dir(&path).expect("make a folder for a hierarchy");
    path
}

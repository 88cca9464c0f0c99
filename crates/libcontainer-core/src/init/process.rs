//! The tail that the container process and exec processes share: from a prepared root to `execve`.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet as Caps, CapabilitySets, CpuSet};

use super::left::settle_descriptors;
use super::{OpenLabel, console, dev};
use crate::capability::CapabilitySet;
use crate::error::{At, Cause, Error, Result};
use crate::listener::load_filter;
use crate::plan::{ProcessPlan, rlimit_name};
use crate::procfs;
use crate::step::Step;
use crate::sync::Pipe;
use crate::sys;

/// All that is left to do is to run this.
#[derive(Debug)]
pub struct Prepared<'p> {
    program: CString,
    argv: &'p [CString],
    /// The environment, complete.
    pub env: Vec<CString>,
}

/// What is left open.
#[derive(Clone, Copy, Debug)]
pub struct Descriptors<'d> {
    /// For the program, by their numbers.
    pub passed: &'d [RawFd],
    /// Until it runs.
    pub needed: &'d [BorrowedFd<'d>],
}

/// Gives the process its ids, limits and rights, in the order in which each still allows the next.
pub fn prepare<'p>(
    plan: &'p ProcessPlan,
    labels: Vec<OpenLabel<'_>>,
    terminal: Option<OwnedFd>,
    ignored_signals: u64,
    descriptors: &Descriptors<'_>,
) -> Result<Prepared<'p>> {
    let terminal_given = terminal.is_some();
    if let Some(slave) = terminal {
        console::take(slave)?;
    }
    schedule(plan)?;
    // Before a path is looked up that could lead to one of them (CVE-2024-21626).
    let mut needed = descriptors.needed.to_vec();
    needed.extend(labels.iter().map(|(file, ..)| file.as_fd()));
    settle_descriptors(descriptors.passed, &needed)?;
    let entered = rustix::process::chdir(&*plan.cwd);
    if plan.own_stdio && !terminal_given {
        own_streams(plan);
    }
    for (file, value, field) in labels {
        rustix::io::write(&file, value.as_bytes())
            .map(|_| ())
            .at(Step::Label, value)
            .map_err(|error| error.field(field))?;
    }
    set_limits(plan)?;
    take_ids(plan)?;
    // Root may be kept out where the user is let in (a network filesystem), and the other way round.
    enter_cwd(plan, entered)?;
    if plan.no_new_privs {
        rustix::thread::set_no_new_privs(true).at(Step::NoNewPrivs, "")?;
    }
    let mut env = plan.env.clone();
    if plan.fill_home {
        env.push(home_of(plan.uid));
    }
    let program = find_program(plan, &env)?;
    rustix::process::umask(Mode::from_raw_mode(plan.umask));
    sys::default_signals(ignored_signals);
    sys::unblock_signals();
    Ok(Prepared { program, argv: &plan.argv, env })
}

/// Sets the limit of descriptors, if it is a tight one, and loads the filter, as late as can be: it rules what follows. Without `no_new_privs` that takes
/// CAP_SYS_ADMIN, which is given up right after it.
pub fn filter(plan: &ProcessPlan, pipe: &Pipe) -> Result<()> {
    each_limit(plan, |number, soft, hard| {
        if is_tight(number, soft) { sys::set_rlimit(number, soft, hard) } else { Ok(()) }
    })?;
    load_filter(plan, pipe)?;
    if keeps_admin(plan) { set_capabilities(&plan.capabilities, 0) } else { Ok(()) }
}

/// Whether the capability is kept until the filter is loaded.
fn keeps_admin(plan: &ProcessPlan) -> bool {
    plan.seccomp.is_some() && !plan.no_new_privs
}

/// Becomes the program.
pub fn execute(ready: &Prepared<'_>) -> Result<Infallible> {
    let errno = sys::execve(&ready.program, ready.argv, &ready.env);
    Err(errno).at(Step::Exec, ready.program.to_string_lossy())
}

/// With fewer descriptors than this the last steps could fail, so the limit comes after them.
const DESCRIPTORS: u64 = 1024;

fn set_limits(plan: &ProcessPlan) -> Result<()> {
    each_limit(plan, |number, soft, hard| {
        if is_tight(number, soft) {
            // Raised while that is allowed; lowered in `filter`.
            return sys::raise_rlimit(0, number, hard);
        }
        sys::set_rlimit(number, soft, hard)
    })
}

fn is_tight(number: u32, soft: u64) -> bool {
    soft < DESCRIPTORS && rlimit_name(number) == "RLIMIT_NOFILE"
}

/// Writes `oom_score_adj` of a process (its name below /proc), if the plan has one.
pub fn set_oom_score(process: &str, plan: &ProcessPlan) -> Result<()> {
    let Some(score) = plan.oom_score_adj else { return Ok(()) };
    let path = format!("{process}/oom_score_adj");
    match procfs::write(&path, score.to_string().as_bytes()) {
        // An ordinary user may only raise it.
        Err(Errno::ACCESS) if !rustix::process::geteuid().is_root() => Ok(()),
        other => other
            .at_with(Step::WriteProc, || format!("/proc/{path}"))
            .map_err(|error| error.field("process.oomScoreAdj")),
    }
}

/// In a user namespace a process may not raise its own hard limits: that is done from outside.
pub fn raise_limits(plan: &ProcessPlan, pid: i32) -> Result<()> {
    each_limit(plan, |number, _, hard| sys::raise_rlimit(pid, number, hard))
}

fn each_limit(
    plan: &ProcessPlan,
    set: impl Fn(u32, u64, u64) -> std::result::Result<(), Errno>,
) -> Result<()> {
    for (index, (number, soft, hard)) in plan.rlimits.iter().enumerate() {
        set(*number, *soft, *hard)
            .at_with(Step::Rlimit, || format!("{} to {soft}:{hard}", rlimit_name(*number)))
            .map_err(|error| error.field(format!("process.rlimits[{index}]")))?;
    }
    Ok(())
}

fn schedule(plan: &ProcessPlan) -> Result<()> {
    match &plan.final_cpus {
        Some(cpus) => set_cpus(cpus, "process.execCPUAffinity.final")?,
        None => use_all_cpus(),
    }
    if let Some(scheduler) = &plan.scheduler {
        sys::set_scheduler(scheduler)
            .at(Step::Scheduler, "")
            .map_err(|error| error.field("process.scheduler"))?;
    }
    if let Some(priority) = plan.io_priority {
        sys::set_io_priority(priority)
            .at(Step::IoPriority, "")
            .map_err(|error| error.field("process.ioPriority"))?;
    }
    if let Some((mode, nodes)) = &plan.memory_policy {
        sys::set_memory_policy(*mode, nodes)
            .at(Step::MemoryPolicy, "")
            .map_err(|error| error.field("linux.memoryPolicy"))?;
    }
    if let Some(domain) = plan.personality {
        sys::personality(domain)
            .at(Step::Personality, "")
            .map_err(|error| error.field("linux.personality"))?;
    }
    Ok(())
}

/// Sets the CPUs of the caller.
pub fn set_cpus(cpus: &[usize], field: &str) -> Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    rustix::thread::sched_setaffinity(None, &set)
        .at_with(Step::Affinity, || format!("{cpus:?}"))
        .map_err(|error| error.field(field))
}

/// A caller that is pinned to some CPUs does not pin the container; its cpuset still does.
fn use_all_cpus() {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    // Refused only where the cgroup's cpuset rules anyway.
    let _ = rustix::thread::sched_setaffinity(None, &all);
}

/// The streams belong to the user, so that /dev/stderr can be opened again; never the host's null
/// device, and not where the filesystem does not allow it.
fn own_streams(plan: &ProcessPlan) {
    for stream in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
        let owner = rustix::fs::fstat(stream).map(|stat| stat.st_uid);
        if owner == Ok(plan.uid) || dev::is_null(stream) {
            continue;
        }
        // EPERM, EROFS, EINVAL: then it stays as it is, as for runc.
        let _ = rustix::fs::fchown(stream, Some(Uid::from_raw(plan.uid)), None::<Gid>);
    }
}

/// Ids 0 in a new user namespace; its groups are dropped where that is allowed.
pub fn take_root_ids() -> Result<()> {
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    // EINVAL: root is not mapped, and the ids of the process come later.
    match rustix::thread::set_thread_res_gid(gid, gid, gid) {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(errno) => return Err(errno).at(Step::BecomeRoot, "gid"),
    }
    match rustix::thread::set_thread_res_uid(uid, uid, uid) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(errno) => Err(errno).at(Step::BecomeRoot, "uid"),
    }
}

/// Bounding set, groups, ids, then the other sets.
fn take_ids(plan: &ProcessPlan) -> Result<()> {
    let sets = &plan.capabilities;
    drop_bounding(sets.bounding)?;
    if !plan.keep_groups {
        take_groups(plan)?;
    }
    // Root's are not taken away by becoming root.
    if plan.uid != 0 {
        rustix::thread::set_keep_capabilities(true).at(Step::Capabilities, "keep")?;
    }
    let (uid, gid) = (Uid::from_raw(plan.uid), Gid::from_raw(plan.gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid)
        .at_with(Step::Ids, || format!("gid {}", plan.gid))
        .map_err(|error| error.field("process.user.gid"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
        .at_with(Step::Ids, || format!("uid {}", plan.uid))
        .map_err(|error| error.field("process.user.uid"))?;
    if plan.uid != 0 {
        rustix::thread::set_keep_capabilities(false).at(Step::Capabilities, "keep")?;
    }
    let extra = if keeps_admin(plan) { 1 << CAP_SYS_ADMIN } else { 0 };
    set_capabilities(sets, extra)?;
    raise_ambient(sets.ambient.0)
}

fn take_groups(plan: &ProcessPlan) -> Result<()> {
    let groups: Vec<Gid> = plan.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    match rustix::thread::set_thread_groups(&groups) {
        // A user namespace of an ordinary user forbids it even to who may set groups.
        Err(Errno::PERM) if groups.is_empty() && may_keep_groups()? => Ok(()),
        other => other
            .at_with(Step::Ids, || format!("groups {:?}", plan.groups))
            .map_err(|error| error.field("process.user.additionalGids")),
    }
}

/// Whether there are no groups, or the right to set them is there and of no use (`user_namespaces(7)`,
/// "setgroups"). A caller without the right must not hand its own groups on.
fn may_keep_groups() -> Result<bool> {
    let own = rustix::thread::capabilities(None).at(Step::Capabilities, "read")?.effective;
    let none = || rustix::process::getgroups().is_ok_and(|groups| groups.is_empty());
    Ok(own.contains(Caps::SETGID) || none())
}

/// Drops every capability that is not in the set, up to the last one that the kernel knows.
fn drop_bounding(keep: CapabilitySet) -> Result<()> {
    for number in (0..64).filter(|number| !keep.contains(*number)) {
        match rustix::thread::remove_capability_from_bounding_set(Caps::from_bits_retain(
            1 << number,
        )) {
            Ok(()) => {}
            Err(Errno::INVAL) => break,
            Err(errno) => {
                return Err(errno).at_with(Step::Capabilities, || format!("drop {number}"));
            }
        }
    }
    Ok(())
}

/// Leaves an init that has no program to run without any right.
pub fn give_up_capabilities() -> Result<()> {
    drop_bounding(CapabilitySet::default())?;
    set_capabilities(&crate::capability::CapabilitySets::default(), 0)
}

/// The number of the capability that loading a filter takes (`linux/capability.h`).
const CAP_SYS_ADMIN: u32 = 21;

/// Sets the three sets; `extra` are permitted and effective besides.
fn set_capabilities(sets: &crate::capability::CapabilitySets, extra: u64) -> Result<()> {
    let mut wanted = CapabilitySets {
        effective: Caps::from_bits_retain(sets.effective.0 | extra),
        permitted: Caps::from_bits_retain(sets.permitted.0 | extra),
        inheritable: Caps::from_bits_retain(sets.inheritable.0),
    };
    match rustix::thread::set_capabilities(None, wanted) {
        Err(Errno::PERM) => {}
        other => return other.at(Step::Capabilities, "set"),
    }
    // Capabilities that the runtime itself lacks can't be granted; the rest is (config.md).
    let own = rustix::thread::capabilities(None).at(Step::Capabilities, "read")?.permitted;
    wanted.permitted &= own;
    wanted.effective &= own;
    wanted.inheritable &= own;
    rustix::thread::set_capabilities(None, wanted).at(Step::Capabilities, "set")
}

fn raise_ambient(set: u64) -> Result<()> {
    for number in (0..64).filter(|number| set & (1 << number) != 0) {
        let capability = Caps::from_bits_retain(1 << number);
        match rustix::thread::configure_capability_in_ambient_set(capability, true) {
            // It is not permitted: the runtime itself lacks it.
            Ok(()) | Err(Errno::PERM) => {}
            Err(errno) => {
                return Err(errno)
                    .at_with(Step::Capabilities, || format!("raise ambient {number}"));
            }
        }
    }
    Ok(())
}

/// Enters the working directory as the user if root could not, and checks that it is in the root
/// (CVE-2024-21626).
fn enter_cwd(plan: &ProcessPlan, entered: std::result::Result<(), Errno>) -> Result<()> {
    let fail = |error: Error| error.field("process.cwd");
    if entered.is_err() {
        rustix::process::chdir(&*plan.cwd)
            .at(Step::Cwd, format!("({:?})", plan.cwd))
            .map_err(fail)?;
    }
    let path = rustix::process::getcwd(Vec::new()).at(Step::Cwd, &*plan.cwd).map_err(fail)?;
    if path.to_bytes().starts_with(b"/") {
        return Ok(());
    }
    let reason = "current working directory is outside of container mount namespace root -- possible container breakout detected";
    Err(fail(Error::because(Step::Cwd, format!("({:?})", plan.cwd), reason)))
}

/// HOME from the container's /etc/passwd, or `/`.
fn home_of(uid: u32) -> CString {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let text = rustix::fs::openat(CWD, "/etc/passwd", flags, Mode::empty())
        .and_then(|file| {
            let regular = crate::rootfs::file_type(&file)? == FileType::RegularFile;
            if regular { super::fs::read_start(&file) } else { Err(Errno::NOENT) }
        })
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let home = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let matches = fields.nth(2)?.parse() == Ok(uid);
        if matches { fields.nth(2) } else { None }
    });
    let home = home.filter(|home| !home.is_empty()).unwrap_or("/");
    CString::new(format!("HOME={home}")).unwrap_or_else(|_| c"HOME=/".to_owned())
}

/// Finds the program as a shell would: by PATH, unless its name has a slash.
fn find_program(plan: &ProcessPlan, env: &[CString]) -> Result<CString> {
    let name = &plan.argv[0];
    let text = name.to_string_lossy();
    let fail = |cause: Cause| Error {
        cause,
        ..Error::new(Step::FindProgram, format!("{text:?}")).field("process.args[0]")
    };
    if name.to_bytes().contains(&b'/') {
        return match check_program(name) {
            Ok(()) => Ok(name.clone()),
            Err(Errno::ISDIR) => {
                Err(fail(Cause::Detailed(Errno::ACCESS, "it is a directory".to_owned())))
            }
            Err(Errno::NOENT) => {
                Err(fail(Cause::Reason(format!("stat {text}: no such file or directory"))))
            }
            Err(errno) => Err(fail(Cause::Errno(errno))),
        };
    }
    let path =
        env.iter().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH=")).unwrap_or_default();
    let mut denied = false;
    for dir in path.split(|byte| *byte == b':') {
        let dir = if dir.is_empty() { b"." } else { dir };
        let Ok(candidate) = CString::new([dir, b"/", name.to_bytes()].concat()) else { continue };
        match check_program(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Errno::ACCESS) => denied = true,
            Err(_) => {}
        }
    }
    if denied {
        return Err(fail(Cause::Errno(Errno::ACCESS)));
    }
    let searched = String::from_utf8_lossy(path);
    Err(fail(Cause::Reason(format!("executable file not found in $PATH ({searched:?})"))))
}

fn check_program(path: &CStr) -> std::result::Result<(), Errno> {
    match rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS) {
        Err(Errno::NOSYS) => rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::empty())?,
        other => other?,
    }
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty())?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        Err(Errno::ISDIR)
    } else {
        Ok(())
    }
}

//! Facts of the process: ids, capabilities, limits, signals, scheduling, namespaces, clocks.

use std::ffi::OsStr;
use std::fs;

use behaviour::{names, sys};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

/// Everything about the process itself that needs no operand.
pub fn facts() -> Value {
    let uname = rustix::system::uname();
    json!({
        "pid": rustix::process::getpid().as_raw_nonzero(),
        "ppid": rustix::process::Pid::as_raw(rustix::process::getppid()),
        "sid": rustix::process::getsid(None).ok().map(|pid| pid.as_raw_nonzero()),
        "uid": ids("Uid"),
        "gid": ids("Gid"),
        "groups": groups(),
        "umask": format!("{:04o}", umask()),
        "cwd": std::env::current_dir().ok().map(|path| path.display().to_string()),
        "args": std::env::args().collect::<Vec<_>>(),
        "env": environment(),
        "hostname": uname.nodename().to_string_lossy(),
        "domainname": uname.domainname().to_string_lossy(),
        "machine": uname.machine().to_string_lossy(),
        "caps": {
            "inheritable": capabilities("CapInh"),
            "permitted": capabilities("CapPrm"),
            "effective": capabilities("CapEff"),
            "bounding": capabilities("CapBnd"),
            "ambient": capabilities("CapAmb"),
        },
        "no_new_privs": status("NoNewPrivs"),
        "seccomp": status("Seccomp"),
        "signals": { "blocked": status("SigBlk"), "ignored": ignored() },
        "oom_score_adj": text("/proc/self/oom_score_adj"),
        "rlimits": limits(),
        "scheduler": scheduler(),
        "io_priority": io_priority(),
        "affinity": status("Cpus_allowed_list"),
        "personality": sys::call(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]).ok(),
    })
}

/// The environment as the kernel handed it over, in its order, duplicates included.
pub fn environment() -> Vec<String> {
    let text = fs::read("/proc/self/environ").unwrap_or_default();
    let mut entries: Vec<_> = text.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    entries.pop();
    entries.into_iter().map(String::from).collect()
}

/// The inode text of each namespace, as `pid:[4026531836]`; absent where /proc is not there.
pub fn namespaces() -> Value {
    let entries = fs::read_dir("/proc/self/ns").into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| {
        let link = fs::read_link(entry.path()).ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), shown(link.as_os_str())))
    });
    Value::Object(links.collect::<Map<_, _>>())
}

/// The clocks that a time namespace moves, in seconds, and its offsets as the kernel prints them.
pub fn clock() -> Value {
    json!({
        "monotonic": clock_gettime(ClockId::Monotonic).tv_sec,
        "boottime": clock_gettime(ClockId::Boottime).tv_sec,
        "offsets": text("/proc/self/timens_offsets"),
    })
}

fn shown(text: &OsStr) -> Value {
    text.to_string_lossy().into()
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

/// One field of `/proc/self/status`, or null.
fn status(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// The one id that real, effective, saved and file system id share; all four if they differ.
fn ids(field: &str) -> Value {
    let Some(status) = status(field) else {
        return json!(if field == "Uid" {
            rustix::process::getuid().as_raw()
        } else {
            rustix::process::getgid().as_raw()
        });
    };
    let ids: Vec<u32> = status.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    if ids.iter().all(|id| *id == ids[0]) { json!(ids[0]) } else { json!(ids) }
}

fn groups() -> Vec<u32> {
    let groups = rustix::process::getgroups().unwrap_or_default();
    groups.into_iter().map(|group| group.as_raw()).collect()
}

fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    mask.bits()
}

fn capabilities(field: &str) -> Option<Vec<String>> {
    let bits = u64::from_str_radix(&status(field)?, 16).ok()?;
    Some((0..64).filter(|number| bits >> number & 1 == 1).map(names::capability).collect())
}

fn ignored() -> Vec<String> {
    let bits = sys::ignored_at_start();
    (1..=64).filter(|number| bits >> (number - 1) & 1 == 1).map(names::signal).collect()
}

/// Soft and hard limit of each resource; `null` stands for unlimited.
fn limits() -> Value {
    let resources = [
        ("CPU", Resource::Cpu),
        ("FSIZE", Resource::Fsize),
        ("DATA", Resource::Data),
        ("STACK", Resource::Stack),
        ("CORE", Resource::Core),
        ("RSS", Resource::Rss),
        ("NPROC", Resource::Nproc),
        ("NOFILE", Resource::Nofile),
        ("MEMLOCK", Resource::Memlock),
        ("AS", Resource::As),
        ("LOCKS", Resource::Locks),
        ("SIGPENDING", Resource::Sigpending),
        ("MSGQUEUE", Resource::Msgqueue),
        ("NICE", Resource::Nice),
        ("RTPRIO", Resource::Rtprio),
        ("RTTIME", Resource::Rttime),
    ];
    let limits = resources.into_iter().map(|(name, resource)| {
        let limit = getrlimit(resource);
        (name.to_owned(), json!([limit.current, limit.maximum]))
    });
    Value::Object(limits.collect::<Map<_, _>>())
}

/// sched_getattr(2): the structure's first 48 bytes, in 32-bit words.
fn scheduler() -> Option<Value> {
    let mut words = [0u32; 12];
    let arguments = [0, words.as_mut_ptr() as usize, size_of_val(&words), 0, 0, 0];
    sys::call(libc::SYS_sched_getattr, arguments).ok()?;
    let wide = |index: usize| u64::from(words[index]) | u64::from(words[index + 1]) << 32;
    Some(json!({
        "policy": policy(words[1]),
        "flags": wide(2),
        "nice": words[4] as i32,
        "priority": words[5],
        "runtime": wide(6),
        "deadline": wide(8),
        "period": wide(10),
    }))
}

fn policy(number: u32) -> String {
    let names = ["OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE"];
    names.get(number as usize).map_or_else(|| number.to_string(), |name| format!("SCHED_{name}"))
}

/// ioprio_get(2) of the process: the class above bit 13, the priority below.
fn io_priority() -> Option<Value> {
    const WHO_PROCESS: usize = 1;
    let value = sys::call(libc::SYS_ioprio_get, [WHO_PROCESS, 0, 0, 0, 0, 0]).ok()?;
    Some(json!({ "class": value >> 13, "priority": value & 7 }))
}

//! What a hostile program in the container does to the runtime.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use serde_json::{Value, json};

/// Collects programs of other processes for a time, waits until those have ended, and then
/// writes to each; tells how many there were and how many could be written.
pub fn overwrite(milliseconds: &str) -> Value {
    let time = Duration::from_millis(milliseconds.parse().unwrap_or(1000));
    let programs = collect(Instant::now() + time);
    std::thread::sleep(Duration::from_millis(1000));
    let written = programs.values().filter(|program| write_to(program)).count();
    json!({ "found": programs.len(), "written": written })
}

/// Opens the program of every process that is not the probe's own, without any access yet.
fn collect(deadline: Instant) -> BTreeMap<(u64, u64), OwnedFd> {
    let own = fs::metadata("/proc/self/exe").map(|file| (file.dev(), file.ino())).ok();
    let mut programs = BTreeMap::new();
    while Instant::now() < deadline {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path().join("exe");
            let Ok(handle) = openat(CWD, &path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            else {
                continue;
            };
            let Ok(file) = rustix::fs::fstat(&handle) else {
                continue;
            };
            let identity = (file.st_dev, file.st_ino);
            if Some(identity) != own {
                programs.entry(identity).or_insert(handle);
            }
        }
    }
    programs
}

/// Tries it directly, and through a bind mount that is made writable.
fn write_to(program: &OwnedFd) -> bool {
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let place = "/tmp/bound";
    let _ = File::create(place);
    let bound = mount_bind(&path, place).is_ok();
    let _ = mount_remount(place, MountFlags::BIND, "");
    append(&path) || (bound && append(place))
}

fn append(path: &str) -> bool {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(b"#")).is_ok()
}

/// Looks into every other process for a time: at its folders and descriptors, from which a file of
/// the host may be reached, and at its mount namespace.
pub fn spy(milliseconds: &str, marker: &str) -> Value {
    let deadline = Instant::now() + Duration::from_millis(milliseconds.parse().unwrap_or(1000));
    let own = (std::process::id().to_string(), fs::read_link("/proc/self/ns/mnt").ok());
    let (mut looks, mut foreign) = (0u64, 0u64);
    let mut hits = Vec::new();
    while Instant::now() < deadline {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == own.0 || name.parse::<u32>().is_err() {
                continue;
            }
            looks += 1;
            let namespace = fs::read_link(entry.path().join("ns/mnt")).ok();
            foreign += u64::from(namespace.is_some() && namespace != own.1);
            hits.extend(ways_out(&entry.path(), marker));
        }
    }
    hits.truncate(20);
    json!({ "looks": looks, "foreign": foreign, "hits": hits })
}

/// What of a process leads to the marker.
fn ways_out(process: &std::path::Path, marker: &str) -> Vec<String> {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let places = descriptors.map(|entry| entry.path());
    let places = places.chain([process.join("cwd"), process.join("root")]);
    let leads_out = |place: &std::path::PathBuf| {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Ok(handle) = openat(CWD, place, flags, Mode::empty()) else { return false };
        let up = format!("../../../../../../../..{marker}");
        [&up[..], marker.trim_start_matches('/')]
            .iter()
            .any(|path| openat(&handle, *path, flags, Mode::empty()).is_ok())
    };
    places.filter(leads_out).map(|place| place.display().to_string()).collect()
}

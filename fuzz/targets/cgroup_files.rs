//! Any texts in the files of /proc and of a cgroup are read or refused; what is found lies below the mount points.
//!
//! The input is texts with NUL between them: `/proc/self/cgroup`, `/proc/self/mountinfo`, then one for
//! each file that statistics are read from.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use cgroups::{Directory, Kind, Layout, Record};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 12] = [
    "memory.current",
    "memory.max",
    "memory.stat",
    "memory.events",
    "memory.pressure",
    "cpu.stat",
    "cpu.pressure",
    "io.stat",
    "pids.current",
    "pids.max",
    "cpuset.cpus",
    "cgroup.controllers",
];

fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("fuzz-cgroup-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        path
    })
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut texts = text.split('\0');
    let (own, mounts) = (texts.next().unwrap_or(""), texts.next().unwrap_or(""));
    if let Some(layout) = Layout::of(own, mounts) {
        assert!(!layout.hierarchies().is_empty());
        for hierarchy in layout.hierarchies() {
            assert!(hierarchy.own.split('/').all(|part| part != ".."), "{hierarchy:?}");
        }
    }
    for (name, text) in FILES.iter().zip(texts) {
        fs::write(folder().join(name), text).expect("write a file");
    }
    let root = folder().to_string_lossy().into_owned();
    for (kind, controllers) in [(Kind::V2, ""), (Kind::V1, "memory,cpu,cpuacct,pids,blkio,cpuset")] {
        let directory = Directory {
            controllers: controllers.to_owned(),
            mount: String::new(),
            path: String::new(),
        };
        let record = Record { kind, root: root.clone(), directories: vec![directory], unit: None };
        let _ = record.stats();
    }
});

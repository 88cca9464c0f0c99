//! A neighbour with a shared volume renames what the runtime is about to use.
//!
//! `RACE_ROUNDS` says how often each race is run (`make test-races`: 2,000).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use behaviour::{Bundle, ConsoleSocket, host};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    mount_places_that_are_swapped,
    a_mount_of_proc_that_is_swapped,
    a_console_that_is_swapped,
    a_terminal_folder_that_is_swapped,
    a_device_that_is_swapped,
];

/// Exchanges two names without a pause, until it is dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Swapper {
    fn start(first: PathBuf, second: PathBuf) -> Swapper {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while !flag.load(Ordering::Relaxed) {
                let swapped = renameat_with(CWD, &first, CWD, &second, RenameFlags::EXCHANGE);
                count += u64::from(swapped.is_ok());
            }
            count
        });
        Swapper { stop, thread: Some(thread) }
    }

    /// A race that nobody ran is no test.
    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let count = self.thread.take().expect("a thread").join().expect("the swapper ends");
        assert!(count > 100, "only {count} exchanges");
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs a round as often as `RACE_ROUNDS` says; without it 250 times, or as long as 15 s allow.
fn rounds(mut round: impl FnMut()) {
    let wanted: Option<u32> = std::env::var("RACE_ROUNDS").ok().and_then(|text| text.parse().ok());
    let start = Instant::now();
    for _ in 0..wanted.unwrap_or(250) {
        round();
        if wanted.is_none() && start.elapsed() > Duration::from_secs(15) {
            return;
        }
    }
}

/// Runs the bundle in turn while two names of a volume are exchanged.
fn race(
    bundle: &Bundle,
    names: (PathBuf, PathBuf),
    prepare: impl Fn(Bundle) -> Bundle,
    mut judge: impl FnMut(&mut Bundle),
) {
    let swapper = Swapper::start(names.0, names.1);
    rounds(|| judge(&mut prepare(bundle.beside())));
    swapper.end();
}

/// CVE-2021-30465, CVE-2024-45310: nothing is made or mounted outside, whichever name is looked up when.
fn mount_places_that_are_swapped() {
    let bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let volume = bundle.host_folder("volume");
    fs::create_dir_all(volume.join("a/b")).unwrap();
    let way_out = format!("../../../../../../../..{}", outside.display());
    symlink(way_out, volume.join("link")).unwrap();
    let source = bundle.host_file("source", "x");
    let before = host::mounts();
    let names = (volume.join("a"), volume.join("link"));
    let prepare = |bundle: Bundle| {
        let bundle = bundle.bind(&volume, "/vol", &[]);
        let bundle = (0..4)
            .fold(bundle, |bundle, number| bundle.tmpfs(&format!("/vol/a/b/d{number}/e"), &[]));
        bundle.bind(&source, "/vol/a/b/file", &[]).steps(&["mounts"])
    };
    race(&bundle, names, prepare, |bundle| {
        let done = bundle.run();
        if done.code() == 0 {
            // What was mounted outside of the root would be missing inside.
            let seen = done.seen();
            let paths = paths_of(&seen["mounts"]);
            for end in ["b/d0/e", "b/d1/e", "b/d2/e", "b/d3/e", "b/file"] {
                assert!(paths.iter().any(|path| path.ends_with(end)), "{end} of {paths:?}");
            }
        }
        assert_eq!(host::names_in(&outside), [""; 0]);
        assert_eq!(host::mounts(), before);
        for made in ["a/b", "link/b"] {
            for name in host::names_in(&volume.join(made)) {
                let path = volume.join(made).join(&name);
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
        }
    });
}

fn paths_of(mounts: &Value) -> Vec<&str> {
    mounts.as_array().unwrap().iter().map(|mount| mount["path"].as_str().unwrap()).collect()
}

/// CVE-2019-19921, CVE-2025-52881: what is asked for is set on the kernel, or the container is refused.
fn a_mount_of_proc_that_is_swapped() {
    let bundle = Bundle::new();
    let volume = bundle.host_folder("volume");
    let bait = |path: &str, text: &str| {
        let path = volume.join("fake").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let baits = [bait("self/oom_score_adj", "FAKE"), bait("sys/kernel/msgmax", "FAKE")];
    fs::create_dir(volume.join("proc")).unwrap();
    let prepare = |bundle: Bundle| {
        let bundle = bundle.without_mounts("/proc").bind(&volume, "/vol", &["rshared"]);
        let bundle = bundle.mount("proc", Path::new("proc"), "/vol/proc", &[]);
        let bundle = bundle.link("proc", "/vol/proc").set("process.oomScoreAdj", 321);
        let bundle = bundle.set("linux.sysctl", json!({ "kernel.msgmax": "12345" }));
        let bundle = bundle.without("linux.maskedPaths").without("linux.readonlyPaths");
        bundle.steps(&["sleep"])
    };
    let names = (volume.join("proc"), volume.join("fake"));
    race(&bundle, names, prepare, |bundle| {
        if bundle.create().code() == 0 {
            let read = |path: String| fs::read_to_string(path).unwrap_or_default();
            assert_eq!(read(format!("/proc/{}/oom_score_adj", bundle.pid())).trim(), "321");
            bundle.delete_force().ok();
        }
        for path in &baits {
            let name = path.strip_prefix(volume.join("fake")).unwrap();
            for place in ["fake", "proc"] {
                let text = fs::read_to_string(volume.join(place).join(name));
                assert!(text.is_err() || text.unwrap() == "FAKE", "{} was written", name.display());
            }
        }
    });
}

/// CVE-2026-88264: no file is made on the machine for the console.
fn a_console_that_is_swapped() {
    let bundle = Bundle::new();
    let outside = bundle.host_folder("outside");
    let volume = bundle.host_folder("volume");
    fs::create_dir(volume.join("pts")).unwrap();
    fs::write(volume.join("console"), "").unwrap();
    symlink(outside.join("new"), volume.join("link")).unwrap();
    let prepare = |bundle: Bundle| on_volume(bundle, &volume);
    let names = (volume.join("console"), volume.join("link"));
    race(&bundle, names, prepare, |bundle| {
        with_terminal(bundle);
        assert_eq!(host::names_in(&outside), [""; 0]);
    });
}

/// CVE-2025-52565: the terminal is one of the container's devpts, or there is none.
fn a_terminal_folder_that_is_swapped() {
    let bundle = Bundle::new();
    let volume = bundle.host_folder("volume");
    fs::create_dir_all(volume.join("fake")).unwrap();
    fs::create_dir_all(volume.join("pts")).unwrap();
    fs::write(volume.join("fake/ptmx"), "bait").unwrap();
    (0..4).for_each(|number| symlink("/bait", volume.join(format!("fake/{number}"))).unwrap());
    let prepare = |bundle: Bundle| on_volume(bundle.file("/bait", "bait"), &volume);
    let names = (volume.join("pts"), volume.join("fake"));
    race(&bundle, names, prepare, |bundle| {
        with_terminal(bundle);
        assert_eq!(bundle.read("/bait"), "bait");
    });
}

/// /dev is a volume that others can write to.
fn on_volume(bundle: Bundle, volume: &Path) -> Bundle {
    let bundle = bundle.without_mounts("/dev").bind(volume, "/dev", &[]);
    let options = ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    let bundle = bundle.mount("devpts", Path::new("devpts"), "/dev/pts", &options);
    bundle.set("process.terminal", true).steps(&["exit 0"])
}

fn with_terminal(bundle: &mut Bundle) {
    let path = bundle.scratch(&format!("{}.sock", bundle.id.trim_start_matches("box-")));
    let socket = ConsoleSocket::listen(path);
    if bundle.create_with(&["--console-socket", socket.option()]).code() == 0 {
        let (kind, device) = multiplexer(&socket.receive().metadata());
        assert_eq!((kind, device), (true, makedev(5, 2)));
        bundle.delete_force().ok();
    }
    let _ = fs::remove_file(&socket.path);
}

fn multiplexer(facts: &fs::Metadata) -> (bool, u64) {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    (facts.file_type().is_char_device(), facts.rdev())
}

/// Mode and owner of a device are never given to another file.
fn a_device_that_is_swapped() {
    use std::os::unix::fs::MetadataExt;
    let bundle = Bundle::new();
    let precious = bundle.host_file("precious", "x");
    let volume = bundle.host_folder("volume");
    symlink(&precious, volume.join("link")).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, volume.join("fifo"), FileType::Fifo, mode, 0).unwrap();
    let device = json!({ "path": "/vol/fifo", "type": "p", "fileMode": 0o666, "uid": 7, "gid": 7 });
    let prepare = |bundle: Bundle| {
        bundle.bind(&volume, "/vol", &[]).push("linux.devices", device.clone()).steps(&["exit 0"])
    };
    let facts = |path: &Path| fs::metadata(path).map(|facts| (facts.uid(), facts.mode())).unwrap();
    let before = facts(&precious);
    let names = (volume.join("fifo"), volume.join("link"));
    race(&bundle, names, prepare, |bundle| {
        let _ = bundle.run();
        assert_eq!(facts(&precious), before);
    });
}

//! What every test goes through: is all installed, a world, the body, nothing left behind.

use crate::images::{Images, PROGRAMS};
use crate::known::DIFFERENCES;
use crate::world::{World, find, runtime};
use std::any::type_name;
use std::env;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex};

use behaviour::known::difference;

/// Worlds at the same time: each has an engine and containers.
const AT_ONCE: usize = 4;
static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static FREED: Condvar = Condvar::new();

/// podman's configuration in a world: no network and no limit above those of this process.
const CONTAINERS_CONF: &str = "\
[containers]
netns = \"none\"
default_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]
log_driver = \"k8s-file\"
default_capabilities = [
    \"CHOWN\", \"DAC_OVERRIDE\", \"FOWNER\", \"FSETID\", \"KILL\", \"NET_BIND_SERVICE\",
    \"SETFCAP\", \"SETGID\", \"SETPCAP\", \"SETUID\", \"SYS_CHROOT\",
]
[network]
network_backend = \"netavark\"
[engine]
cgroup_manager = \"cgroupfs\"
events_logger = \"file\"
";

const STORAGE_CONF: &str = "\
[storage]
driver = \"overlay\"
runroot = \"/run/containers/storage\"
graphroot = \"/var/lib/containers/storage\"
[storage.options]
";

/// Removes all containers and prints what is still there of them: cgroups, states, mounts and
/// processes. podman's helpers take a moment to end.
const REST: &str = r#"
podman pod rm --force --all --time 0 > /dev/null
podman rm --force --all --time 0 > /dev/null
rest() {
    find /sys/fs/cgroup -type d -name '*libpod-*'
    for state in /run/orun /run/runc /run/crun /run/youki; do
        if [ -d "$state" ]; then find "$state" -mindepth 1 -maxdepth 1; fi
    done
    cut -d ' ' -f 5 /proc/self/mountinfo | grep -e overlay-containers -e merged
    ps -e -o stat=,args= | grep -v -e '^[^ ]* *sh ' -e '^[^ ]* *timeout ' -e '^Z' \
        -e '^[^ ]* *ps -e' -e '^[^ ]* *grep -v'
}
nothing() {
    test -z "$(rest)"
}
until_ok nothing || rest
"#;

/// The same as [`REST`] for an ordinary user's podman, which keeps one process for its namespaces
/// until `system migrate`.
const ROOTLESS_REST: &str = r#"
podman pod rm --force --all --time 0 > /dev/null
podman rm --force --all --time 0 > /dev/null
podman system migrate
rest() {
    find /sys/fs/cgroup -type d -name '*libpod-*'
    for state in orun runc crun youki; do
        if [ -d "$session/$state" ]; then find "$session/$state" -mindepth 1 -maxdepth 1; fi
    done
    ps -e -o stat=,uid=,args= | awk -v "user=$user" '$1 !~ /^Z/ && ($2 == user || $2 >= 300000)'
}
nothing() {
    test -z "$(rest)"
}
until_ok nothing || rest
"#;

const ROOTLESS_WORDS: &str = include_str!("rootless.sh");

/// containerd without what it does not need here and cannot have everywhere.
const CONTAINERD_CONF: &str = r#"
version = 2
disabled_plugins = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
]
"#;

const START_CONTAINERD: &str = r#"
containerd --config "$DIR/containerd.toml" > "$DIR/containerd.log" 2>&1 &
until_ok ctr version || { cat "$DIR/containerd.log" >&2; exit 1; }
ctr image import --no-unpack "$IMAGE"
"#;

/// The same as [`REST`] for containerd.
const CONTAINERD_REST: &str = r#"
for id in $(ctr task ls --quiet); do ctr task delete --force "$id" > /dev/null; done
for id in $(ctr container ls --quiet); do ctr container delete "$id"; done
rest() {
    find /sys/fs/cgroup -path '*/default/*' -type d
    find /run/containerd/runc -mindepth 2 -maxdepth 2
    cut -d ' ' -f 5 /proc/self/mountinfo | grep rootfs
    ps -e -o args= | grep -e '^/.*shim' -e '^sleep'
}
nothing() {
    test -z "$(rest)"
}
until_ok nothing || rest
"#;

/// Runs a test of podman, with the images `debian` and `busybox`.
pub fn podman<F: FnOnce(&mut World)>(body: F) {
    podman_and(&[], body);
}

/// The same, of a test that needs more programs.
pub fn podman_and<F: FnOnce(&mut World)>(programs: &[&str], body: F) {
    run(&[&PROGRAMS, programs].concat(), podman_world, body, REST);
}

/// Runs a test of an ordinary user's podman, with the image `busybox`; `storage` are the words for
/// `storage` of rootless.sh.
pub fn podman_rootless<F: FnOnce(&mut World)>(storage: &str, programs: &[&str], body: F) {
    let programs = [&PROGRAMS[..], &["newuidmap", "setpriv"], programs].concat();
    run(&programs, || rootless_world(storage), body, ROOTLESS_REST);
}

/// Runs a test of containerd, with the image `localhost/busybox`.
pub fn containerd<F: FnOnce(&mut World)>(body: F) {
    let programs = [&PROGRAMS[..], &["containerd", "ctr"]].concat();
    run(&programs, containerd_world, body, CONTAINERD_REST);
}

fn run<W, F>(programs: &[&str], world: W, body: F, rest: &str)
where
    W: FnOnce() -> World,
    F: FnOnce(&mut World),
{
    let test = type_name::<F>().trim_end_matches("::{{closure}}");
    let test = test.split_once("::").map_or(test, |t| t.1);
    if let Some(reason) = obstacle(programs) {
        assert!(env::var_os("ENGINES_REQUIRED").is_none(), "{reason}");
        say(&format!("skipped {test}: {reason}"));
        return;
    }
    let _turn = Turn::take();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut world = world();
        body(&mut world);
        world.sh(rest).prints("");
    }));
    let runtime = runtime();
    let runtime = runtime.file_name().unwrap_or_default().to_string_lossy();
    match (result, difference(&DIFFERENCES, &runtime, test)) {
        (Ok(()), None) => {}
        (Ok(()), Some(reason)) => panic!("passes, but is listed as a difference: {reason}"),
        (Err(_), Some(reason)) => say(&format!("{test} fails with {runtime}: {reason}")),
        (Err(panic), None) => resume_unwind(panic),
    }
}

/// Why the tests cannot run here.
fn obstacle(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root".into());
    }
    let missing: Vec<&str> = programs.iter().copied().filter(|p| find(p).is_none()).collect();
    (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(" ")))
}

/// Not println: the test harness would keep it to itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn podman_world() -> World {
    let store = Images::get().store();
    let world = World::create(&[]);
    fs::write(world.dir().join("containers.conf"), CONTAINERS_CONF).expect("containers.conf");
    let storage = format!("{STORAGE_CONF}additionalimagestores = [{:?}]\n", store);
    fs::write(world.dir().join("storage.conf"), storage).expect("storage.conf");
    world
}

fn rootless_world(storage: &str) -> World {
    let archive = Images::get().busybox_archive();
    let mut world = World::create(&[("IMAGE", &archive.display().to_string())]);
    fs::write(world.dir().join("containers.conf"), CONTAINERS_CONF).expect("containers.conf");
    fs::write(world.dir().join("rootless.sh"), ROOTLESS_WORDS).expect("rootless.sh");
    world.sh(&format!("set -e\nmake_user\nstorage {storage}")).exits(0);
    world
}

fn containerd_world() -> World {
    let archive = Images::get().busybox_archive();
    let mut world = World::create(&[("IMAGE", &archive.display().to_string())]);
    fs::write(world.dir().join("containerd.toml"), CONTAINERD_CONF).expect("containerd.toml");
    world.sh(START_CONTAINERD).exits(0);
    world
}

/// One of the places for a world.
struct Turn;

impl Turn {
    fn take() -> Turn {
        let free = FREE.lock().unwrap_or_else(|e| e.into_inner());
        let mut free = FREED.wait_while(free, |n| *n == 0).unwrap_or_else(|e| e.into_inner());
        *free -= 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(|e| e.into_inner()) += 1;
        FREED.notify_one();
    }
}

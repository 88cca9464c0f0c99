//! Limits that podman sets, read back from the cgroup as the container sees it.

use crate::run::podman;
use crate::world::by_version;

/// Reads a file below `/sys/fs/cgroup`, of version 1 or 2.
fn value(options: &str, v1: &str, v2: &str) -> String {
    let file = by_version(v1, v2);
    format!("podman run --rm {options} debian cat /sys/fs/cgroup/{file}")
}

#[test]
fn memory() {
    podman(|w| {
        w.sh(&value("--memory 64m", "memory/memory.limit_in_bytes", "memory.max"))
            .prints("67108864");
        w.sh(&value(
            "--memory 64m --memory-swap 96m",
            "memory/memory.memsw.limit_in_bytes",
            "memory.swap.max",
        ))
        .prints(by_version("100663296", "33554432"));
        w.sh(&value(
            "--memory 64m --memory-reservation 32m",
            "memory/memory.soft_limit_in_bytes",
            "memory.low",
        ))
        .prints("33554432");
    });
}

#[test]
fn memory_hog_is_killed() {
    podman(|w| {
        // OOMKilled is not looked at: conmon often misses it when process 1 is killed.
        w.sh("podman run --rm --memory 64m debian perl -e '$x = \"a\" x 200_000_000; print 1'")
            .exits(137);
        w.sh("podman run --rm --memory 512m debian perl -e '$x = \"a\" x 200_000_000; print 1'")
            .prints("1");
    });
}

#[test]
fn pids() {
    podman(|w| {
        w.sh(&value("--pids-limit 20", "pids/pids.max", "pids.max")).prints("20");
        w.sh("podman run --rm --pids-limit 10 debian bash -c 'for i in {1..20}; do sleep 1 & done; wait'")
            .complains("Resource temporarily unavailable");
        w.sh(&value("--pids-limit -1", "pids/pids.max", "pids.max")).prints("max");
    });
}

#[test]
fn cpu() {
    podman(|w| {
        w.sh(&value("--cpus 0.5", "cpu/cpu.cfs_quota_us", "cpu.max"))
            .prints(by_version("50000", "50000 100000"));
        w.sh(&value("--cpu-period 50000 --cpu-quota 20000", "cpu/cpu.cfs_period_us", "cpu.max"))
            .prints(by_version("50000", "20000 50000"));
        w.sh(&value("--cpu-shares 512", "cpu/cpu.shares", "cpu.weight"))
            .prints(by_version("512", "59"));
    });
}

#[test]
fn cpuset() {
    podman(|w| {
        w.sh(&value("--cpuset-cpus 0", "cpuset/cpuset.cpus", "cpuset.cpus")).prints("0");
        w.sh("podman run --rm --cpuset-cpus 0 debian nproc").prints("1");
        w.sh(&value("--cpuset-mems 0", "cpuset/cpuset.mems", "cpuset.mems")).prints("0");
    });
}

#[test]
fn oom_killer_off() {
    podman(|w| {
        let run = "podman run --rm --memory 64m --oom-kill-disable debian";
        let file = "/sys/fs/cgroup/memory/memory.oom_control";
        // Version 2 has no such switch, and podman leaves it out with a warning.
        let command = by_version(format!("cat {file}"), "echo oom_kill_disable 1".to_owned());
        w.sh(&format!("{run} {command}")).shows(&["oom_kill_disable 1"]);
    });
}

#[test]
fn cgroup_parent() {
    podman(|w| {
        w.sh("podman run --rm --cgroupns host --cgroup-parent /mine/deep debian cat /proc/self/cgroup")
            .shows(&[":/mine/deep/libpod-"]);
    });
}

#[test]
fn cgroup_namespace() {
    podman(|w| {
        w.sh("podman run --rm --cgroupns private debian cat /proc/self/cgroup")
            .shows(&[by_version("pids:/\n", "0::/\n")]);
        w.sh("podman run --rm --cgroupns host debian cat /proc/self/cgroup").shows(&["/libpod-"]);
    });
}

#[test]
fn cgroups_are_read_only() {
    podman(|w| {
        let folder = by_version("/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/x");
        w.sh(&format!("podman run --rm debian mkdir {folder}")).exits(1).complains("Read-only");
    });
}

#[test]
fn without_conmon() {
    podman(|w| {
        w.sh("podman run --rm --cgroups no-conmon debian true").exits(0);
    });
}

//! Limits that podman sets, read back from the cgroup as the container sees it.

use crate::run::podman;

/// Reads a file of cgroup v1 below `/sys/fs/cgroup`.
fn value(options: &str, file: &str) -> String {
    format!("podman run --rm {options} debian cat /sys/fs/cgroup/{file}")
}

#[test]
fn memory() {
    podman(|w| {
        w.sh(&value("--memory 64m", "memory/memory.limit_in_bytes")).prints("67108864");
        w.sh(&value("--memory 64m --memory-swap 96m", "memory/memory.memsw.limit_in_bytes"))
            .prints("100663296");
        w.sh(&value("--memory 64m --memory-reservation 32m", "memory/memory.soft_limit_in_bytes"))
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
        w.sh(&value("--pids-limit 20", "pids/pids.max")).prints("20");
        w.sh("podman run --rm --pids-limit 10 debian bash -c 'for i in {1..20}; do sleep 1 & done; wait'")
            .complains("Resource temporarily unavailable");
        w.sh(&value("--pids-limit -1", "pids/pids.max")).prints("max");
    });
}

#[test]
fn cpu() {
    podman(|w| {
        w.sh(&value("--cpus 0.5", "cpu/cpu.cfs_quota_us")).prints("50000");
        w.sh(&value("--cpu-period 50000 --cpu-quota 20000", "cpu/cpu.cfs_period_us"))
            .prints("50000");
        w.sh(&value("--cpu-shares 512", "cpu/cpu.shares")).prints("512");
    });
}

#[test]
fn cpuset() {
    podman(|w| {
        w.sh(&value("--cpuset-cpus 0", "cpuset/cpuset.cpus")).prints("0");
        w.sh("podman run --rm --cpuset-cpus 0 debian nproc").prints("1");
        w.sh(&value("--cpuset-mems 0", "cpuset/cpuset.mems")).prints("0");
    });
}

#[test]
fn oom_killer_off() {
    podman(|w| {
        w.sh(&value("--memory 64m --oom-kill-disable", "memory/memory.oom_control"))
            .shows(&["oom_kill_disable 1"]);
    });
}

#[test]
fn cgroup_parent() {
    podman(|w| {
        w.sh("podman run --rm --cgroup-parent /mine/deep debian grep pids: /proc/self/cgroup")
            .shows(&[":/mine/deep/libpod-"]);
    });
}

#[test]
fn cgroup_namespace() {
    podman(|w| {
        w.sh("podman run --rm --cgroupns private debian grep pids: /proc/self/cgroup")
            .shows(&["pids:/\n"]);
        w.sh("podman run --rm --cgroupns host debian grep pids: /proc/self/cgroup")
            .shows(&["/libpod-"]);
    });
}

#[test]
fn cgroups_are_read_only() {
    podman(|w| {
        w.sh("podman run --rm debian mkdir /sys/fs/cgroup/pids/x").exits(1).complains("Read-only");
    });
}

#[test]
fn without_conmon() {
    podman(|w| {
        w.sh("podman run --rm --cgroups no-conmon debian true").exits(0);
    });
}

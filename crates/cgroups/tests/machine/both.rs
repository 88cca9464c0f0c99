//! What is the same in every layout.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cgroups::{Cause, Created, Kind};

use crate::harness::*;

#[test]
fn a_cgroup_in_use_is_refused() {
    let Some(layout) = machine("a_cgroup_in_use_is_refused") else { return };
    let cgroup = Cgroup::new(&layout, "in-use", "{}");
    let again = planned(&layout, &name("in-use"), "{}");
    again.create().map(Created::keep).unwrap();

    let mut child = cgroup.sleeper();
    let error = again.create().unwrap_err();
    assert_eq!(error.cause, Cause::NotEmpty { processes: 1 });
    assert!(error.to_string().starts_with("container's cgroup is not empty: 1 process(es) found"));
    child.kill().unwrap();
    child.wait().unwrap();

    cgroup.record.freeze().unwrap();
    let error = again.create().unwrap_err();
    assert_eq!(error.cause, Cause::Frozen);
    assert!(error.to_string().starts_with("container's cgroup unexpectedly frozen"));
    cgroup.record.thaw().unwrap();
    exists(&again.create().unwrap(), true);
    // What was there before is there still.
    assert!(cgroup.path("memory").exists());
}

#[test]
fn what_is_not_kept_is_removed() {
    let Some(layout) = machine("what_is_not_kept_is_removed") else { return };
    let plan = planned(&layout, &format!("{}/deep/er", name("dropped")), "{}");
    let created = plan.create().unwrap();
    exists(&created, true);
    drop(created);
    for (_, path) in plan.record().paths() {
        for made in Path::new(&path).ancestors().take(3) {
            assert!(!made.exists(), "{}", made.display());
        }
    }
}

#[test]
fn processes_are_listed_frozen_and_killed() {
    let Some(layout) = machine("processes_are_listed_frozen_and_killed") else { return };
    let cgroup = Cgroup::new(&layout, "life", "{}");
    assert!(cgroup.record.pids().unwrap().is_empty());
    let mut first = cgroup.sleeper();
    let mut second = cgroup.sleeper();
    // One of them in sub-cgroups, as an init system inside would do it.
    for (_, path) in cgroup.record.paths() {
        let sub = Path::new(&path).join("sub");
        fs::create_dir(&sub).unwrap();
        for set in ["cpuset.cpus", "cpuset.mems"] {
            if sub.join(set).exists() {
                fs::write(sub.join(set), "0").unwrap();
            }
        }
        fs::write(sub.join("cgroup.procs"), second.id().to_string()).unwrap();
    }
    let mut pids = cgroup.record.pids().unwrap();
    pids.sort_unstable();
    let mut expected = [first.id(), second.id()].map(|pid| i32::try_from(pid).unwrap());
    expected.sort_unstable();
    assert_eq!(pids, expected);

    assert!(!cgroup.record.is_frozen().unwrap());
    cgroup.record.freeze().unwrap();
    assert!(cgroup.record.is_frozen().unwrap());
    cgroup.record.thaw().unwrap();
    assert!(!cgroup.record.is_frozen().unwrap());

    cgroup.record.kill_all(19).unwrap();
    let stopped = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.contains(") T ")
    };
    wait_for(|| stopped(first.id()) && stopped(second.id()));

    // A frozen container dies as well.
    cgroup.record.freeze().unwrap();
    cgroup.record.kill_all(9).unwrap();
    for child in [&mut first, &mut second] {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
    cgroup.record.remove().unwrap();
    for (_, path) in cgroup.record.paths() {
        assert!(!Path::new(&path).exists(), "{path}");
    }
    // Twice is no error, and a cgroup that is gone has nothing.
    cgroup.record.remove().unwrap();
    assert!(cgroup.record.pids().unwrap().is_empty());
    assert!(!cgroup.record.is_frozen().unwrap());
    cgroup.record.kill_all(9).unwrap();
}

#[test]
fn a_busy_cgroup_is_not_removed() {
    let Some(layout) = machine("a_busy_cgroup_is_not_removed") else { return };
    let cgroup = Cgroup::new(&layout, "busy", "{}");
    let mut child = cgroup.sleeper();
    let start = Instant::now();
    let error = cgroup.record.remove().unwrap_err();
    assert_eq!(error.errno(), Some(rustix::io::Errno::BUSY));
    assert!(start.elapsed() < Duration::from_secs(5));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn out_of_memory_is_told() {
    let Some(layout) = machine("out_of_memory_is_told") else { return };
    let cgroup = Cgroup::new(&layout, "oom", r#"{"memory":{"limit":4194304}}"#);
    assert!(!cgroup.record.oom_killed());
    let mut child = cgroup.run("head -c 64000000 /dev/zero | tail -c 64000000 > /dev/null");
    child.wait().unwrap();
    assert!(cgroup.record.oom_killed());
    assert!(cgroup.record.stats().unwrap().memory.usage.failcnt > 0);
}

#[test]
fn stats_count_what_is_used() {
    let Some(layout) = machine("stats_count_what_is_used") else { return };
    let cgroup = Cgroup::new(
        &layout,
        "stats",
        r#"{"pids":{"limit":5},"memory":{"limit":67108864},"cpu":{"cpus":"0"}}"#,
    );
    let mut child = cgroup.run("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exec sleep 100");
    wait_for(|| {
        let stats = cgroup.record.stats().unwrap();
        stats.cpu.usage.total > 10_000_000 && stats.memory.usage.usage > 0
    });
    let stats = cgroup.record.stats().unwrap();
    assert_eq!((stats.pids.current, stats.pids.limit), (1, 5));
    assert_eq!(stats.memory.usage.limit, 67_108_864);
    assert!(stats.memory.usage.max > 0, "{:?}", stats.memory);
    let resident = if layout.kind() == Kind::V2 { "anon" } else { "rss" };
    assert!(stats.memory.raw.contains_key(resident));
    if layout.kind() != Kind::V2 {
        assert_eq!(stats.cpuset.cpus, [0]);
        assert_eq!(stats.cpu.usage.percpu.iter().sum::<u64>(), stats.cpu.usage.percpu[0]);
    }
    let json = serde_json::to_value(&stats).unwrap();
    assert_eq!(json["pids"], serde_json::json!({"current": 1, "limit": 5}));
    assert_eq!(json["memory"]["usage"]["limit"], 67_108_864);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_that_moved_is_found() {
    let Some(layout) = machine("a_process_that_moved_is_found") else { return };
    let cgroup = Cgroup::new(&layout, "moved", "{}");
    let mut child = cgroup.sleeper();
    let pid = i32::try_from(child.id()).unwrap();
    assert_eq!(cgroup.record.of_process(pid).unwrap(), cgroup.record);
    let sub = cgroup.path("pids").join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(sub.join("cgroup.procs"), pid.to_string()).unwrap();
    let moved = cgroup.record.of_process(pid).unwrap();
    assert!(moved.directory("pids").unwrap().path.ends_with("-moved/sub"));
    let elsewhere = moved.directories.iter().zip(&cgroup.record.directories);
    assert_eq!(elsewhere.filter(|(now, before)| now != before).count(), 1);
    assert_eq!(moved.join().unwrap().tasks.len(), cgroup.record.join().unwrap().tasks.len());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(cgroup.record.of_process(pid).is_err());
}

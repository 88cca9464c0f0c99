//! Version 1.

use std::fs;

use cgroups::{Cause, Kind, enter};

use crate::harness::*;

#[test]
fn every_v1_value_reads_back() {
    let Some(layout) = v1("every_v1_value_reads_back") else { return };
    let cgroup = Cgroup::new(
        &layout,
        "values",
        r#"{"pids":{"limit":17},
            "memory":{"limit":67108864,"swap":134217728,"reservation":33554432,"swappiness":10,
                "kernelTCP":1048576,"disableOOMKiller":true,"useHierarchy":true},
            "cpu":{"shares":512,"quota":50000,"period":200000,"burst":10000,"cpus":"0","mems":"0"}}"#,
    );
    for (controller, file, value) in [
        ("pids", "pids.max", "17"),
        ("memory", "memory.limit_in_bytes", "67108864"),
        ("memory", "memory.memsw.limit_in_bytes", "134217728"),
        ("memory", "memory.soft_limit_in_bytes", "33554432"),
        ("memory", "memory.swappiness", "10"),
        ("memory", "memory.kmem.tcp.limit_in_bytes", "1048576"),
        ("cpu", "cpu.shares", "512"),
        ("cpu", "cpu.cfs_quota_us", "50000"),
        ("cpu", "cpu.cfs_period_us", "200000"),
        ("cpu", "cpu.cfs_burst_us", "10000"),
        ("cpuset", "cpuset.cpus", "0"),
        ("cpuset", "cpuset.mems", "0"),
    ] {
        cgroup.holds(controller, file, value);
    }
    assert!(cgroup.read("memory", "memory.oom_control").starts_with("oom_kill_disable 1\n"));
}

#[test]
fn updates_go_through_in_either_direction() {
    let Some(layout) = v1("updates_go_through_in_either_direction") else { return };
    let json = r#"{"memory":{"limit":67108864,"swap":67108864},
        "cpu":{"quota":10000,"period":100000,"burst":10000,"shares":100}}"#;
    let cgroup = Cgroup::new(&layout, "update", json);
    for (limit, swap) in [(134217728_u64, 268435456_u64), (33554432, 50331648)] {
        cgroup.update(&format!(r#"{{"memory":{{"limit":{limit},"swap":{swap}}}}}"#)).unwrap();
        cgroup.holds("memory", "memory.limit_in_bytes", &limit.to_string());
        cgroup.holds("memory", "memory.memsw.limit_in_bytes", &swap.to_string());
    }
    cgroup.update(r#"{"memory":{"limit":-1}}"#).unwrap();
    let unlimited = cgroup.read("memory", "memory.limit_in_bytes");
    assert!(unlimited.len() > 15, "{unlimited}");
    assert_eq!(cgroup.read("memory", "memory.memsw.limit_in_bytes"), unlimited);

    // A burst above the old quota; one below it again; and back to none.
    for (quota, burst) in [(50000, 40000), (5000, 0)] {
        cgroup.update(&format!(r#"{{"cpu":{{"quota":{quota},"burst":{burst}}}}}"#)).unwrap();
        cgroup.holds("cpu", "cpu.cfs_quota_us", &quota.to_string());
        cgroup.holds("cpu", "cpu.cfs_burst_us", &burst.to_string());
    }
    // Shares are refused while the cgroup is idle.
    cgroup.update(r#"{"cpu":{"idle":1}}"#).unwrap();
    cgroup.holds("cpu", "cpu.idle", "1");
    cgroup.update(r#"{"cpu":{"idle":0,"shares":300}}"#).unwrap();
    cgroup.holds("cpu", "cpu.idle", "0");
    cgroup.holds("cpu", "cpu.shares", "300");
    cgroup.update(r#"{"pids":{"limit":-1}}"#).unwrap();
    cgroup.holds("pids", "pids.max", "max");
}

#[test]
fn refusals_name_the_file_and_the_value() {
    let Some(layout) = v1("refusals_name_the_file_and_the_value") else { return };
    let cgroup = Cgroup::new(&layout, "refusals", "{}");
    let error = cgroup.update(r#"{"cpu":{"cpus":"4000"}}"#).unwrap_err().to_string();
    assert!(error.contains("\"4000\" to /sys/fs/cgroup/cpuset/"), "{error}");
    assert!(error.contains("cpuset.cpus"), "{error}");

    // A process with memory that cannot be given back: a file of a tmpfs, without swap.
    let mut child = cgroup.run("head -c 8000000 /dev/zero | tail -c 8000000 | sleep 100");
    wait_for(|| cgroup.record.stats().unwrap().memory.usage.usage > 8_000_000);
    let error = cgroup.update(r#"{"memory":{"limit":65536}}"#).unwrap_err();
    assert!(matches!(error.cause, Cause::BelowUsage { peak: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("current usage: "), "{error}");
    cgroup.record.kill_all(9).unwrap();
    child.wait().unwrap();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a thread joins, and takes nobody along")]
fn a_thread_enters_every_v1_hierarchy() {
    let Some(layout) = v1("a_thread_enters_every_v1_hierarchy") else { return };
    let cgroup = Cgroup::new(&layout, "enter", "{}");
    let join = cgroup.record.join().unwrap();
    let v1 = cgroup.record.directories.iter().filter(|directory| !directory.is_v2()).count();
    assert_eq!(join.tasks.len(), v1);
    assert_eq!(join.v2.is_some(), layout.kind() == Kind::Hybrid);
    let own = std::thread::spawn(move || {
        enter(&join, drop).unwrap();
        fs::read_to_string("/proc/thread-self/cgroup").unwrap()
    });
    let own = own.join().unwrap();
    for directory in cgroup.record.directories.iter().filter(|directory| !directory.is_v2()) {
        let line = format!(":{}:/{}", directory.controllers, directory.path);
        assert!(own.lines().any(|l| l.ends_with(&line)), "{line} in {own}");
    }
}

#[test]
fn v1_device_rules() {
    let Some(layout) = v1("v1_device_rules") else { return };
    let deny = r#"{"devices":[{"allow":false,"access":"rwm"},
        {"allow":true,"type":"b","major":7,"minor":0,"access":"rw"}]}"#;
    let cgroup = Cgroup::new(&layout, "devices", deny);
    let list = |cgroup: &Cgroup| {
        let text = cgroup.read("devices", "devices.list");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let mut expected = vec![
        "b *:* m",
        "b 7:0 rw",
        "c *:* m",
        "c 10:200 rwm",
        "c 136:* rwm",
        "c 1:3 rwm",
        "c 1:5 rwm",
        "c 1:7 rwm",
        "c 1:8 rwm",
        "c 1:9 rwm",
        "c 5:0 rwm",
        "c 5:2 rwm",
    ];
    assert_eq!(list(&cgroup), expected);
    // Another device instead of the first; all else stays.
    cgroup
        .update(
            r#"{"devices":[{"allow":false},
                {"allow":true,"type":"b","major":7,"minor":1,"access":"r"}]}"#,
        )
        .unwrap();
    expected[1] = "b 7:1 r";
    assert_eq!(list(&cgroup), expected);
    cgroup.update(r#"{"devices":[{"allow":true}]}"#).unwrap();
    assert_eq!(list(&cgroup), ["a *:* rwm"]);
    // No list, no change.
    cgroup.update(r#"{"devices":[]}"#).unwrap();
    assert_eq!(list(&cgroup), ["a *:* rwm"]);
    cgroup.update(r#"{"devices":[{"allow":false}]}"#).unwrap();
    expected.remove(1);
    assert_eq!(list(&cgroup), expected);
}

#[test]
fn rarer_v1_controllers_read_back() {
    let test = "rarer_v1_controllers_read_back";
    let Some(layout) = v1(test) else { return };
    let device = fs::read_to_string("/sys/block/vda/dev").unwrap_or_default();
    let (major, minor) = device.trim().split_once(':').unwrap_or_default();
    // controller, resources, file, content
    for (controller, json, file, content) in [
        (
            "hugetlb",
            r#"{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}"#.to_owned(),
            "hugetlb.2MB.limit_in_bytes",
            "4194304".to_owned(),
        ),
        (
            "hugetlb",
            r#"{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}"#.to_owned(),
            "hugetlb.2MB.rsvd.limit_in_bytes",
            "4194304".to_owned(),
        ),
        (
            "net_cls",
            r#"{"network":{"classID":1048577}}"#.to_owned(),
            "net_cls.classid",
            "1048577".to_owned(),
        ),
        (
            "net_prio",
            r#"{"network":{"priorities":[{"name":"lo","priority":5}]}}"#.to_owned(),
            "net_prio.ifpriomap",
            "lo 5".to_owned(),
        ),
        (
            "blkio",
            format!(
                r#"{{"blockIO":{{"throttleReadBpsDevice":
                    [{{"major":{major},"minor":{minor},"rate":1048576}}]}}}}"#
            ),
            "blkio.throttle.read_bps_device",
            format!("{major}:{minor} 1048576"),
        ),
    ] {
        let mounted = layout.hierarchies().iter().any(|h| h.controllers.contains(controller));
        if !mounted || (controller == "blkio" && device.is_empty()) {
            skip(test, &format!("needs what {file} limits"));
            continue;
        }
        let cgroup = Cgroup::new(&layout, "rarer", &json);
        let text = cgroup.read(controller, file);
        assert!(text.lines().any(|line| line == content), "{file}: {text}");
    }
}

#[test]
fn without_v2_the_frozen_are_killed_by_signal() {
    use std::os::unix::process::ExitStatusExt;
    let Some(layout) = v1("without_v2_the_frozen_are_killed_by_signal") else { return };
    let cgroup = Cgroup::new(&layout, "signals", "{}");
    let mut children = [cgroup.sleeper(), cgroup.sleeper()];
    let mut record = cgroup.record.clone();
    record.directories.retain(|directory| !directory.is_v2());
    record.freeze().unwrap();
    record.kill_all(15).unwrap();
    assert!(record.is_frozen().unwrap(), "only a kill thaws what was frozen before");
    record.kill_all(9).unwrap();
    for child in &mut children {
        // The kill is the stronger one, whichever came first.
        assert!(matches!(child.wait().unwrap().signal(), Some(9 | 15)));
    }
    assert!(!record.is_frozen().unwrap());
}

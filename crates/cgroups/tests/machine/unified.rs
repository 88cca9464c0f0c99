//! The hierarchy of version 2, also beside version 1.

use std::fs;

use cgroups::Kind;

use crate::harness::*;

#[test]
fn device_program_denies_and_allows() {
    let Some(layout) = unified_only("device_program_denies_and_allows") else { return };
    let deny = r#"{"devices":[{"allow":false,"access":"rwm"}]}"#;
    let cgroup = Cgroup::new(&layout, "program", deny);
    let opens = |device: &str| {
        let status = cgroup.run(&format!("true < {device}")).wait().unwrap();
        assert_ne!(status.code(), Some(99), "the shell could not join");
        status.success()
    };
    assert!(opens("/dev/null"));
    assert!(!opens("/dev/kmsg"));
    let kmsg = r#"{"devices":[{"allow":false},
        {"allow":true,"type":"c","major":1,"minor":11,"access":"r"}]}"#;
    // Many more than the programs that one cgroup can have.
    for _ in 0..100 {
        cgroup.update(kmsg).unwrap();
        cgroup.update(deny).unwrap();
    }
    assert!(!opens("/dev/kmsg"));
    cgroup.update(kmsg).unwrap();
    assert!(opens("/dev/kmsg"));
    assert!(opens("/dev/null"));
    cgroup.update(r#"{"devices":[{"allow":true}]}"#).unwrap();
    assert!(opens("/dev/kmsg"));
}

#[test]
fn a_delegated_cgroup_has_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let Some(layout) = unified_only("a_delegated_cgroup_has_its_owner") else { return };
    let cgroup = Cgroup::new(&layout, "delegate", r#"{"devices":[{"allow":true}]}"#);
    cgroup.record.delegate(12345).unwrap();
    let owner = |file: &str| fs::metadata(cgroup.path("").join(file)).unwrap().uid();
    for (file, uid) in
        [("", 12345), ("cgroup.procs", 12345), ("cgroup.threads", 12345), ("cgroup.freeze", 0)]
    {
        assert_eq!(owner(file), uid, "{file}");
    }
}

#[test]
fn v2_freezes_and_thaws() {
    let Some(layout) = unified_only("v2_freezes_and_thaws") else { return };
    let cgroup = Cgroup::new(&layout, "v2-freeze", r#"{"devices":[{"allow":true}]}"#);
    let mut child = cgroup.sleeper();
    cgroup.record.freeze().unwrap();
    assert!(cgroup.record.is_frozen().unwrap());
    assert!(cgroup.read("freezer", "cgroup.events").contains("frozen 1"));
    cgroup.record.thaw().unwrap();
    assert!(!cgroup.record.is_frozen().unwrap());
    cgroup.record.freeze().unwrap();
    cgroup.record.kill_all(9).unwrap();
    child.wait().unwrap();
}

#[test]
fn beside_v1_it_limits_what_v1_lacks() {
    let test = "beside_v1_it_limits_what_v1_lacks";
    let Some(layout) = machine(test).filter(|layout| layout.kind() == Kind::Hybrid) else {
        return;
    };
    let on_v1 = layout.hierarchies().iter().any(|h| h.controllers.contains("hugetlb"));
    let top = fs::read_to_string("/sys/fs/cgroup/unified/cgroup.subtree_control");
    // A test does not change what the machine's top cgroup hands down.
    if on_v1 || !top.is_ok_and(|controllers| controllers.contains("hugetlb")) {
        return skip(test, "needs a v2 hierarchy that hands hugetlb down");
    }
    let json = r#"{"pids":{"limit":9},"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}"#;
    let cgroup = Cgroup::new(&layout, "hybrid/deep", json);
    cgroup.holds("pids", "pids.max", "9");
    cgroup.holds("hugetlb", "hugetlb.2MB.max", "4194304");
    assert!(cgroup.path("hugetlb").starts_with("/sys/fs/cgroup/unified"));
    assert!(cgroup.record.stats().unwrap().hugetlb.contains_key("2MB"));
}

//! Version 2 alone, with its controllers.

use cgroups::{Cause, plan};

use crate::harness::*;

#[test]
fn every_v2_value_reads_back() {
    let Some(layout) = v2("every_v2_value_reads_back") else { return };
    let cgroup = Cgroup::new(
        &layout,
        "values/deep",
        r#"{"pids":{"limit":17},
            "memory":{"limit":67108864,"swap":134217728,"reservation":33554432},
            "cpu":{"shares":2048,"quota":50000,"period":200000,"burst":10000,"cpus":"0","mems":"0"},
            "hugepageLimits":[{"pageSize":"2MB","limit":4194304}],
            "unified":{"memory.high":"50331648","pids.max":"16"}}"#,
    );
    for (file, value) in [
        ("pids.max", "16"),
        ("memory.max", "67108864"),
        ("memory.swap.max", "67108864"),
        ("memory.low", "33554432"),
        ("memory.high", "50331648"),
        ("cpu.weight", "174"),
        ("cpu.max", "50000 200000"),
        ("cpu.max.burst", "10000"),
        ("cpuset.cpus", "0"),
        ("cpuset.mems", "0"),
        ("hugetlb.2MB.max", "4194304"),
        ("hugetlb.2MB.rsvd.max", "4194304"),
    ] {
        cgroup.holds("", file, value);
    }
}

#[test]
fn v2_updates_go_through_in_either_direction() {
    let Some(layout) = v2("v2_updates_go_through_in_either_direction") else { return };
    let json = r#"{"memory":{"limit":67108864,"swap":67108864},
        "cpu":{"quota":10000,"period":100000,"burst":10000}}"#;
    let cgroup = Cgroup::new(&layout, "update", json);
    cgroup.holds("", "memory.swap.max", "0");
    cgroup.update(r#"{"memory":{"limit":-1}}"#).unwrap();
    cgroup.holds("", "memory.max", "max");
    cgroup.holds("", "memory.swap.max", "max");
    for (quota, burst) in [(50000, 40000), (5000, 0)] {
        cgroup.update(&format!(r#"{{"cpu":{{"quota":{quota},"burst":{burst}}}}}"#)).unwrap();
        cgroup.holds("", "cpu.max", &format!("{quota} 100000"));
        cgroup.holds("", "cpu.max.burst", &burst.to_string());
    }
    cgroup.update(r#"{"cpu":{"period":50000}}"#).unwrap();
    cgroup.holds("", "cpu.max", "5000 50000");
    cgroup.update(r#"{"cpu":{"quota":-1}}"#).unwrap();
    cgroup.holds("", "cpu.max", "max 50000");
    cgroup.update(r#"{"cpu":{"idle":1}}"#).unwrap();
    // An idle cgroup takes no weight, so none is written.
    cgroup.update(r#"{"cpu":{"idle":1,"shares":300}}"#).unwrap();
    cgroup.holds("", "cpu.idle", "1");
    cgroup.update(r#"{"cpu":{"idle":0,"shares":2}}"#).unwrap();
    cgroup.holds("", "cpu.idle", "0");
    cgroup.holds("", "cpu.weight", "1");
    cgroup.update(r#"{"pids":{"limit":-1}}"#).unwrap();
    cgroup.holds("", "pids.max", "max");
}

#[test]
fn a_limit_below_the_usage_is_refused_when_asked() {
    let Some(layout) = v2("a_limit_below_the_usage_is_refused_when_asked") else { return };
    let cgroup = Cgroup::new(&layout, "below-usage", r#"{"memory":{"limit":67108864}}"#);
    let mut child = cgroup.sleeper();
    let json = r#"{"memory":{"limit":4096,"checkBeforeUpdate":true}}"#;
    let error = cgroup.update(json).unwrap_err();
    assert!(matches!(error.cause, Cause::BelowUsage { .. }), "{error}");
    assert!(error.to_string().starts_with("rejecting memory limit 4096: "), "{error}");
    let json = r#"{"memory":{"limit":4096,"swap":8192,"checkBeforeUpdate":true}}"#;
    let error = cgroup.update(json).unwrap_err();
    assert!(error.to_string().starts_with("rejecting memory+swap limit 8192: "), "{error}");
    cgroup.holds("", "memory.max", "67108864");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn files_that_are_not_there_name_the_controller() {
    let Some(layout) = v2("files_that_are_not_there_name_the_controller") else { return };
    let cgroup = Cgroup::new(&layout, "missing", "{}");
    let error = cgroup.update(r#"{"unified":{"nosuch.max":"1"}}"#).unwrap_err();
    let controller = "nosuch".to_owned();
    assert_eq!(error.cause, Cause::NoController { controller });
    let error = cgroup.update(r#"{"unified":{"memory.nosuch":"1"}}"#).unwrap_err();
    assert_eq!(error.errno(), Some(rustix::io::Errno::NOENT));
    assert!(error.to_string().contains("memory.nosuch"), "{error}");
}

#[test]
fn below_a_threaded_cgroup() {
    let Some(layout) = v2("below_a_threaded_cgroup") else { return };
    // A sibling that is threaded makes the parent a threaded domain.
    let parent = Cgroup::new(&layout, "domain", r#"{"devices":[{"allow":true}]}"#);
    let path = parent.path("");
    std::fs::create_dir(path.join("sibling")).unwrap();
    std::fs::write(path.join("sibling/cgroup.type"), "threaded").unwrap();

    let devices = r#""devices":[{"allow":true}]"#;
    let below = name("domain/below");
    let memory = format!(r#"{{{devices},"memory":{{"limit":67108864}}}}"#);
    let error = planned(&layout, &below, &memory).create().unwrap_err();
    let controller = "memory".to_owned();
    assert_eq!(error.cause, Cause::Threaded { controller }, "{error}");

    let pids = planned(&layout, &below, &format!(r#"{{{devices},"pids":{{"limit":7}}}}"#));
    let created = pids.create().unwrap();
    pids.apply(&created).unwrap();
    let read = |file: &str| std::fs::read_to_string(path.join("below").join(file)).unwrap();
    assert_eq!(read("cgroup.type"), "threaded\n");
    assert_eq!(read("pids.max"), "7\n");
}

#[test]
fn throttles_of_a_block_device_read_back() {
    let test = "throttles_of_a_block_device_read_back";
    let Some(layout) = v2(test) else { return };
    let Ok(device) = std::fs::read_to_string("/sys/block/vda/dev") else {
        return skip(test, "needs a block device vda");
    };
    let (major, minor) = device.trim().split_once(':').unwrap();
    let throttle = |rate: u64| format!(r#"[{{"major":{major},"minor":{minor},"rate":{rate}}}]"#);
    let json = format!(
        r#"{{"blockIO":{{"throttleReadBpsDevice":{},"throttleWriteIOPSDevice":{}}}}}"#,
        throttle(1_048_576),
        throttle(77)
    );
    let cgroup = Cgroup::new(&layout, "throttles", &json);
    let device = device.trim();
    cgroup.holds("", "io.max", &format!("{device} rbps=1048576 wbps=max riops=max wiops=77"));
    let none = format!(r#"{{"blockIO":{{"throttleReadBpsDevice":{}}}}}"#, throttle(0));
    cgroup.update(&none).unwrap();
    cgroup.holds("", "io.max", &format!("{device} rbps=max wbps=max riops=max wiops=77"));
    cgroup.update(r#"{"blockIO":{"weight":100}}"#).unwrap();
    let weight = ["io.bfq.weight", "io.weight"]
        .map(|file| std::fs::read_to_string(cgroup.path("").join(file)).unwrap_or_default());
    assert!(
        matches!(weight.each_ref().map(|w| w.trim()), ["default 100", _] | ["", "default 910"]),
        "{weight:?}"
    );
}

#[test]
fn a_relative_path_is_below_the_parent_of_the_own_cgroup() {
    let Some(layout) = v2("a_relative_path_is_below_the_parent_of_the_own_cgroup") else { return };
    let request = cgroups::Request { path: None, id: "x", resources: None, ..Default::default() };
    let record = plan(&layout, &request).unwrap().record().clone();
    let own = layout.hierarchies()[0].own.rsplit_once('/').map_or("", |(parent, _)| parent);
    let expected = format!("{own}/x");
    assert_eq!(record.unified().unwrap().path, expected.trim_start_matches('/'));
}

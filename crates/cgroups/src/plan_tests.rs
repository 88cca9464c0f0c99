//! Resources and the writes that they become, in each layout.

use super::*;
use crate::layout::{Hierarchy, Kind};

fn layout(kind: Kind) -> Layout {
    let v1 = ["cpu,cpuacct", "memory", "blkio", "pids", "cpuset", "devices", "freezer", "net_prio"];
    let hierarchy = |controllers: &str, mount: &str| Hierarchy {
        controllers: controllers.into(),
        mount: mount.into(),
        own: "me/here".into(),
    };
    match kind {
        Kind::V2 => Layout::new("/cg", kind, vec![hierarchy("", "")]),
        Kind::V1 => Layout::new("/cg", kind, v1.map(|name| hierarchy(name, name)).into()),
        Kind::Hybrid => {
            let mut hierarchies = v1.map(|name| hierarchy(name, name)).to_vec();
            hierarchies.push(hierarchy("", "unified"));
            Layout::new("/cg", kind, hierarchies)
        }
    }
}

fn planned(kind: Kind, json: &str) -> Result<Plan, PlanError> {
    let resources: spec::Resources<'_> = serde_json::from_str(json).unwrap();
    let request =
        Request { path: Some("/a"), id: "id", resources: Some(&resources), ..Request::default() };
    plan(&layout(kind), &request)
}

/// The writes but for device rules, as `file data`.
fn writes(kind: Kind, json: &str) -> Vec<String> {
    let plan = planned(kind, json).unwrap_or_else(|error| panic!("{json}: {error}"));
    plan.writes()
        .filter(|write| write.controller != "devices")
        .map(|write| format!("{} {}", write.file, write.data))
        .collect()
}

#[track_caller]
fn table(kind: Kind, rows: &[(&str, &[&str])]) {
    for (json, expected) in rows {
        assert_eq!(writes(kind, json), *expected, "{json}");
    }
}

#[test]
fn v1() {
    table(
        Kind::V1,
        &[
            ("{}", &[]),
            (r#"{"pids":{}}"#, &[]),
            (r#"{"pids":{"limit":0}}"#, &["pids.max 1"]),
            (
                r#"{"memory":{"limit":1024,"swap":2048,"reservation":512,"kernel":9,"kernelTCP":8,
                    "swappiness":0,"disableOOMKiller":true,"useHierarchy":true,
                    "checkBeforeUpdate":true}}"#,
                &[
                    "memory.limit_in_bytes 1024",
                    "memory.memsw.limit_in_bytes 2048",
                    "memory.soft_limit_in_bytes 512",
                    "memory.kmem.limit_in_bytes 9",
                    "memory.kmem.tcp.limit_in_bytes 8",
                    "memory.use_hierarchy 1",
                    "memory.oom_control 1",
                    "memory.swappiness 0",
                ],
            ),
            (
                r#"{"memory":{"limit":-1,"disableOOMKiller":false,"useHierarchy":false,
                    "swappiness":18446744073709551615}}"#,
                &["memory.limit_in_bytes -1", "memory.memsw.limit_in_bytes -1"],
            ),
            (
                r#"{"cpu":{"shares":512,"quota":50000,"period":100000,"burst":1000,"idle":0,
                    "realtimeRuntime":950,"realtimePeriod":1000,"cpus":"0-1","mems":"0"}}"#,
                &[
                    "cpu.shares 512",
                    "cpu.idle 0",
                    "cpu.cfs_period_us 100000",
                    "cpu.cfs_burst_us 1000",
                    "cpu.cfs_quota_us 50000",
                    "cpu.rt_period_us 1000",
                    "cpu.rt_runtime_us 950",
                    "cpuset.cpus 0-1",
                    "cpuset.mems 0",
                ],
            ),
            (r#"{"cpu":{"shares":0,"quota":0,"period":0,"cpus":"","mems":""}}"#, &[]),
            (r#"{"cpu":{"quota":-5}}"#, &["cpu.cfs_quota_us -1"]),
            (
                r#"{"blockIO":{"weight":500,"leafWeight":300,
                    "weightDevice":[{"major":8,"minor":0,"weight":600,"leafWeight":400}],
                    "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}],
                    "throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":2}],
                    "throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":0}],
                    "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":18446744073709551615}]}}"#,
                &[
                    "blkio.weight 500",
                    "blkio.leaf_weight 300",
                    "blkio.weight_device 8:0 600",
                    "blkio.leaf_weight_device 8:0 400",
                    "blkio.throttle.read_bps_device 8:0 1",
                    "blkio.throttle.write_bps_device 8:16 2",
                    "blkio.throttle.read_iops_device 8:0 0",
                    "blkio.throttle.write_iops_device 8:0 18446744073709551615",
                ],
            ),
            (
                r#"{"network":{"priorities":[{"name":"lo","priority":3},{"name":"eth0","priority":4}]}}"#,
                &["net_prio.ifpriomap lo 3", "net_prio.ifpriomap eth0 4"],
            ),
            (r#"{"unified":{}}"#, &[]),
        ],
    );
}

#[test]
fn v2() {
    table(
        Kind::V2,
        &[
            ("{}", &[]),
            (r#"{"pids":{"limit":-1}}"#, &["pids.max max"]),
            (
                r#"{"memory":{"limit":1024,"swap":3072,"reservation":512,"kernel":9,"kernelTCP":8,
                    "swappiness":7,"disableOOMKiller":true,"useHierarchy":true}}"#,
                &["memory.swap.max 2048", "memory.max 1024", "memory.low 512"],
            ),
            (r#"{"memory":{"limit":-1}}"#, &["memory.swap.max max", "memory.max max"]),
            (r#"{"memory":{"limit":1024,"swap":1024}}"#, &["memory.swap.max 0", "memory.max 1024"]),
            (
                r#"{"cpu":{"shares":1024,"quota":50000,"period":100000,"burst":1000,"idle":1,
                    "realtimeRuntime":950,"realtimePeriod":1000,"cpus":"0-1","mems":"0"}}"#,
                &[
                    "cpu.idle 1",
                    "cpu.max.burst 1000",
                    "cpu.max 50000 100000",
                    "cpuset.cpus 0-1",
                    "cpuset.mems 0",
                ],
            ),
            (r#"{"cpu":{"quota":-1}}"#, &["cpu.max max"]),
            (r#"{"cpu":{"quota":5000}}"#, &["cpu.max 5000"]),
            (r#"{"cpu":{"quota":0,"period":20000}}"#, &["cpu.max max 20000"]),
            (r#"{"cpu":{"quota":0,"period":0,"shares":0}}"#, &[]),
            (
                r#"{"blockIO":{"weight":500,"leafWeight":300,
                    "weightDevice":[{"major":8,"minor":0,"weight":600}],
                    "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}],
                    "throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":2}],
                    "throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":0}],
                    "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":4}]}}"#,
                &[
                    "io.bfq.weight 500",
                    "io.bfq.weight 8:0 600",
                    "io.max 8:0 rbps=1",
                    "io.max 8:16 wbps=2",
                    "io.max 8:0 riops=max",
                    "io.max 8:0 wiops=4",
                ],
            ),
            (
                r#"{"hugepageLimits":[{"pageSize":"2MB","limit":9223372036854771712}]}"#,
                &[
                    "hugetlb.2MB.max 9223372036854771712",
                    "hugetlb.2MB.rsvd.max 9223372036854771712",
                ],
            ),
            (
                r#"{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"mlx4_0":{"hcaObjects":0}}}"#,
                &["rdma.max mlx4_0 hca_object=0", "rdma.max mlx5_1 hca_handle=3 hca_object=10000"],
            ),
            (r#"{"network":{"classID":1,"priorities":[{"name":"lo","priority":3}]}}"#, &[]),
            (
                r#"{"pids":{"limit":9},"unified":{"pids.max":"7","io.max":"8:0 rbps=1\n8:0 wbps=2\n",
                    "memory.high":""}}"#,
                &[
                    "pids.max 9",
                    "io.max 8:0 rbps=1",
                    "io.max 8:0 wbps=2",
                    "memory.high ",
                    "pids.max 7",
                ],
            ),
        ],
    );
}

#[test]
fn hybrid_uses_v2_for_what_v1_lacks() {
    let json = r#"{"pids":{"limit":5},"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#;
    let plan = planned(Kind::Hybrid, json).unwrap();
    let directory = |file: &str| {
        let write = plan.writes().find(|write| write.file == file).unwrap();
        plan.record().directories[write.directory].below_root()
    };
    assert_eq!(directory("pids.max"), "pids/a");
    assert_eq!(directory("hugetlb.2MB.max"), "unified/a");
    assert_eq!(plan.v2_controllers, ["hugetlb"]);
}

#[test]
fn refused() {
    for (kind, json, path) in [
        (Kind::V1, r#"{"memory":{"swap":1}}"#, "memory.swap"),
        (Kind::V2, r#"{"memory":{"swap":1}}"#, "memory.swap"),
        (Kind::V2, r#"{"memory":{"limit":2,"swap":1}}"#, "memory.swap"),
        (Kind::V1, r#"{"memory":{"limit":-2}}"#, "memory.limit"),
        (Kind::V2, r#"{"memory":{"reservation":-2}}"#, "memory.reservation"),
        (Kind::V1, r#"{"memory":{"swappiness":101}}"#, "memory.swappiness"),
        (Kind::V2, r#"{"cpu":{"cpus":"all"}}"#, "cpu.cpus"),
        (Kind::V1, r#"{"cpu":{"shares":1}}"#, "cpu.shares"),
        (Kind::Hybrid, r#"{"cpu":{"shares":262145}}"#, "cpu.shares"),
        (
            Kind::V1,
            r#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#,
            "hugepageLimits[0].limit",
        ),
        (
            Kind::V2,
            r#"{"hugepageLimits":[{"pageSize":"../x","limit":0}]}"#,
            "hugepageLimits[0].pageSize",
        ),
        (Kind::V1, r#"{"unified":{"memory.max":"1"}}"#, "unified"),
        (Kind::Hybrid, r#"{"unified":{"memory.max":"1"}}"#, "unified"),
        (Kind::V2, r#"{"unified":{"../x":"1"}}"#, "unified.../x"),
        (Kind::V2, r#"{"unified":{"memory.max/..":"1"}}"#, "unified.memory.max/.."),
        (Kind::V2, r#"{"rdma":{"a b":{"hcaHandles":1}}}"#, "rdma.a b"),
        (Kind::V2, r#"{"rdma":{"a":{}}}"#, "rdma.a"),
        (Kind::V1, r#"{"rdma":{"a":{"hcaHandles":1}}}"#, "rdma.a"),
        (Kind::V1, r#"{"network":{"classID":1}}"#, "network.classID"),
        (Kind::Hybrid, r#"{"network":{"classID":1}}"#, "network.classID"),
        (
            Kind::V1,
            r#"{"network":{"priorities":[{"name":"a b","priority":1}]}}"#,
            "network.priorities[0]",
        ),
        (
            Kind::V2,
            r#"{"blockIO":{"weightDevice":[{"major":-1,"minor":0,"weight":9}]}}"#,
            "blockIO.weightDevice[0]",
        ),
        (
            Kind::V1,
            r#"{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":-1,"rate":9}]}}"#,
            "blockIO.throttleReadBpsDevice[0]",
        ),
        (
            Kind::V1,
            r#"{"devices":[{"allow":true,"type":"c","major":1,"access":"rw"},
            {"allow":false,"type":"c","major":1,"minor":3,"access":"r"}]}"#,
            "devices[1]",
        ),
    ] {
        let error = planned(kind, json).unwrap_err();
        assert_eq!(error.path, format!("linux.resources.{path}"), "{json}");
    }
}

#[test]
fn unified_on_v1_says_invalid_configuration() {
    let error = planned(Kind::V1, r#"{"unified":{"memory.max":"1"}}"#).unwrap_err();
    assert!(error.message.starts_with("invalid configuration"), "{error}");
}

#[test]
fn device_rules() {
    let json = r#"{"devices":[{"allow":false,"access":"rwm"}]}"#;
    let lines = |kind| -> Vec<String> {
        let plan = planned(kind, json).unwrap();
        plan.writes().map(|write| format!("{} {}", write.file, write.data)).collect()
    };
    let v1 = lines(Kind::V1);
    assert_eq!(v1[..3], ["devices.deny a", "devices.allow c *:* m", "devices.allow b *:* m"]);
    assert_eq!(v1.len(), 12);
    let v2 = lines(Kind::V2);
    assert_eq!(v2[..2], ["bpf:device deny a *:* rwm", "bpf:device allow c *:* m"]);
    assert_eq!(v2.len(), 12);
    // Nothing to do where everything is allowed: a program that says yes costs each open a call.
    let all = planned(Kind::V2, r#"{"devices":[{"allow":true}]}"#).unwrap();
    assert_eq!(all.writes().count(), 0);
}

#[test]
fn a_machine_without_the_devices_controller() {
    let pids = Hierarchy { controllers: "pids".into(), mount: "pids".into(), own: "".into() };
    let layout = Layout::new("/cg", Kind::V1, vec![pids]);
    let request = Request { path: None, id: "id", resources: None, ..Request::default() };
    assert_eq!(plan(&layout, &request).unwrap_err().path, "linux.resources.devices");
    assert!(plan(&layout, &Request { rootless: true, ..request }).is_ok());
}

#[test]
fn cpu_in_capitals() {
    let json = r#"{"cpu":{"shares":1024,"quota":9},"CPU":{"Quota":50000,"cpus":"0"}}"#;
    table(Kind::V2, &[(json, &["cpu.weight 100", "cpu.max 50000", "cpuset.cpus 0"])]);
}

#[test]
fn paths() {
    let request = Request { path: Some("x/../y"), id: "id", resources: None, ..Request::default() };
    let plan = plan(&layout(Kind::Hybrid), &request).unwrap();
    let paths: Vec<_> = plan.record().paths().map(|(_, path)| path).collect();
    assert_eq!(paths[0], "/cg/cpu,cpuacct/me/here/y");
    assert_eq!(paths[8], "/cg/unified/me/here/y");
}

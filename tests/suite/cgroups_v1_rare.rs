//! Control groups, version 1: the limits that are asked for now and then.

use std::fs;
use std::path::Path;

use behaviour::{Bundle, Call, host, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    cpu_burst,
    cpu_idle,
    cpu_realtime,
    a_real_time_caller_is_told_what_is_missing,
    kernel_memory_of_sockets,
    kernel_memory_is_ignored,
    hierarchical_accounting,
    memory_check_before_update,
    block_io_throttles,
    a_weight_without_its_scheduler,
    a_limit_whose_controller_is_missing,
];

fn cpu_burst() {
    let cpu = json!({ "quota": 50_000, "period": 100_000, "burst": 20_000 });
    let container = Bundle::new().set("linux.resources.cpu", cpu).created();
    assert_eq!(value_of(&container, "cpu", "cpu.cfs_burst_us"), "20000");
}

fn cpu_idle() {
    let container = Bundle::new().set("linux.resources.cpu.idle", 1).created();
    assert_eq!(value_of(&container, "cpu", "cpu.idle"), "1");
}

fn cpu_realtime() {
    // A parent that has realtime to give: the top.
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    let cpu = json!({ "realtimePeriod": 500_000, "realtimeRuntime": 10_000 });
    let container = bundle.set("linux.cgroupsPath", path).set("linux.resources.cpu", cpu).created();
    assert_eq!(value_of(&container, "cpu", "cpu.rt_period_us"), "500000");
    assert_eq!(value_of(&container, "cpu", "cpu.rt_runtime_us"), "10000");
}

/// A cpu cgroup without real-time budget takes no real-time process.
fn a_real_time_caller_is_told_what_is_missing() {
    let bundle = Bundle::new().steps(&["exit 0"]);
    bundle.create_call(&[]);
    let call = Call::new(Path::new("chrt")).args(&["--fifo", "1"]).arg(runtime().path());
    let call = call.arg("--root").arg(bundle.root()).args(&["run", "--bundle"]);
    let error = call.arg(bundle.path()).arg(&bundle.id).finish().fails().stderr;
    assert!(error.contains("/tasks: invalid argument"), "{error}");
    assert!(error.contains("linux.resources.cpu.realtimeRuntime"), "{error}");
}

fn kernel_memory_of_sockets() {
    let container = Bundle::new().set("linux.resources.memory.kernelTCP", 8 << 20).created();
    assert_eq!(value_of(&container, "memory", "memory.kmem.tcp.limit_in_bytes"), "8388608");
}

fn kernel_memory_is_ignored() {
    let container = Bundle::new().set("linux.resources.memory.kernel", 8 << 20).created();
    let limit = value_of(&container, "memory", "memory.limit_in_bytes");
    assert!(limit.parse::<u64>().unwrap() > 1 << 50, "{limit}");
}

fn hierarchical_accounting() {
    let container = Bundle::new().set("linux.resources.memory.useHierarchy", true).created();
    assert_eq!(value_of(&container, "memory", "memory.use_hierarchy"), "1");
}

fn memory_check_before_update() {
    let memory = json!({ "limit": 256 << 20, "checkBeforeUpdate": true });
    let container = Bundle::new().set("linux.resources.memory", memory).sleeping();
    let limits = json!({ "memory": { "limit": 4096, "checkBeforeUpdate": true } }).to_string();
    let file = container.host_file("limits.json", &limits);
    container.call_with("update", &["--resources", file.to_str().unwrap()]).finish().fails();
    assert_eq!(value_of(&container, "memory", "memory.limit_in_bytes"), "268435456");
}

fn block_io_throttles() {
    let Ok(device) = fs::read_to_string("/sys/block/vda/dev") else { return };
    let (major, minor) = device.trim().split_once(':').unwrap();
    let (major, minor): (u32, u32) = (major.parse().unwrap(), minor.parse().unwrap());
    let rates = [
        ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", 1_000_448),
        ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", 2_000_896),
        ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", 300),
        ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", 400),
    ];
    let container = rates
        .iter()
        .fold(Bundle::new(), |bundle, (name, _, rate)| {
            let limit = json!([{ "major": major, "minor": minor, "rate": rate }]);
            bundle.set(&format!("linux.resources.blockIO.{name}"), limit)
        })
        .created();
    for (_, file, rate) in rates {
        assert_eq!(value_of(&container, "blkio", file), format!("{major}:{minor} {rate}"));
    }
}

fn a_weight_without_its_scheduler() {
    let has_weights = ["blkio.weight", "blkio.bfq.weight"];
    let mut bundle = Bundle::new().set("linux.resources.blockIO.weight", 321);
    if bundle.create().code() != 0 {
        return; // no scheduler of the machine has weights, and that was said
    }
    let group = host::cgroup(bundle.pid(), "blkio");
    let weights = has_weights.map(|file| fs::read_to_string(group.join(file)).unwrap_or_default());
    assert!(weights.iter().any(|text| text.contains("321")), "{weights:?}");
}

fn a_limit_whose_controller_is_missing() {
    let limits = json!({ "mlx5_1": { "hcaHandles": 3, "hcaObjects": 10_000 } });
    if fs::read_to_string("/proc/cgroups").unwrap_or_default().contains("rdma") {
        return;
    }
    Bundle::new().set("linux.resources.rdma", limits).create().fails();
}

fn value_of(container: &Bundle, controller: &str, file: &str) -> String {
    host::control_file(container.pid(), controller, file)
}

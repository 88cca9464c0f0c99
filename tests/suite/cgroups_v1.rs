//! Control groups, version 1: limits read back on the machine.

use std::fs;
use std::path::Path;

use behaviour::{Bundle, host};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_default_name_is_the_id,
    an_absolute_path,
    a_relative_path,
    delete_removes_groups_made_inside,
    a_group_that_is_there_already,
    pids_limit,
    pids_without_limit,
    memory_limit,
    memory_reservation,
    memory_swap,
    memory_swappiness,
    memory_without_oom_killer,
    cpu_shares,
    cpu_shares_that_the_kernel_would_change,
    cpu_quota_and_period,
    cpu_sets,
    block_io_throttle,
    unified_is_refused,
    limits_of_one_container_only,
];

fn the_default_name_is_the_id() {
    let container = Bundle::new().created();
    for controller in ["pids", "memory", "cpu", "devices", "freezer"] {
        let own = host::cgroup(std::process::id() as i32, controller);
        assert_eq!(host::cgroup(container.pid(), controller), own.join(&container.id));
    }
}

fn an_absolute_path() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    for controller in ["pids", "memory", "cpu", "devices"] {
        let expected = format!("/sys/fs/cgroup/{controller}{path}");
        assert_eq!(host::cgroup(container.pid(), controller), Path::new(&expected));
    }
}

fn a_relative_path() {
    let bundle = Bundle::new();
    let path = format!("{}-group", bundle.id);
    let container = bundle.set("linux.cgroupsPath", path.clone()).created();
    let own = host::cgroup(std::process::id() as i32, "memory");
    assert_eq!(host::cgroup(container.pid(), "memory"), own.join(path));
}

fn delete_removes_groups_made_inside() {
    let mut container = Bundle::new().sleeping();
    for controller in ["memory", "pids", "freezer"] {
        let group = host::cgroup(container.pid(), controller).join("inner/most");
        fs::create_dir_all(group).unwrap();
    }
    container.kill("KILL").ok();
    container.wait_for("stopped");
    container.delete().ok();
    assert_eq!(host::cgroups_named(&container.id), Vec::<std::path::PathBuf>::new());
}

fn a_group_that_is_there_already() {
    let bundle = Bundle::new();
    let path = format!("/{}-group", bundle.id);
    fs::create_dir(format!("/sys/fs/cgroup/pids{path}")).unwrap();
    let container = bundle.set("linux.cgroupsPath", path).set("linux.resources.pids.limit", 9);
    assert_eq!(value_of(&container.created(), "pids", "pids.max"), "9");
}

fn pids_limit() {
    let container = Bundle::new().set("linux.resources.pids.limit", 12).created();
    assert_eq!(value_of(&container, "pids", "pids.max"), "12");
}

fn pids_without_limit() {
    let container = Bundle::new().set("linux.resources.pids.limit", -1).created();
    assert_eq!(value_of(&container, "pids", "pids.max"), "max");
}

fn memory_limit() {
    let container = Bundle::new().set("linux.resources.memory.limit", 64 << 20).created();
    assert_eq!(value_of(&container, "memory", "memory.limit_in_bytes"), "67108864");
}

fn memory_reservation() {
    let container = Bundle::new().set("linux.resources.memory.reservation", 32 << 20).created();
    assert_eq!(value_of(&container, "memory", "memory.soft_limit_in_bytes"), "33554432");
}

fn memory_swap() {
    let memory = json!({ "limit": 32 << 20, "swap": 48 << 20 });
    let container = Bundle::new().set("linux.resources.memory", memory).created();
    assert_eq!(value_of(&container, "memory", "memory.limit_in_bytes"), "33554432");
    assert_eq!(value_of(&container, "memory", "memory.memsw.limit_in_bytes"), "50331648");
}

fn memory_swappiness() {
    let container = Bundle::new().set("linux.resources.memory.swappiness", 17).created();
    assert_eq!(value_of(&container, "memory", "memory.swappiness"), "17");
}

fn memory_without_oom_killer() {
    let memory = json!({ "limit": 64 << 20, "disableOOMKiller": true });
    let container = Bundle::new().set("linux.resources.memory", memory).created();
    let text = value_of(&container, "memory", "memory.oom_control");
    assert!(text.contains("oom_kill_disable 1"), "{text}");
}

fn cpu_shares() {
    let container = Bundle::new().set("linux.resources.cpu.shares", 321).created();
    assert_eq!(value_of(&container, "cpu", "cpu.shares"), "321");
}

fn cpu_shares_that_the_kernel_would_change() {
    for (shares, bound) in [(1, "minimum"), (262_145, "maximum")] {
        let mut container = Bundle::new().set("linux.resources.cpu.shares", shares);
        container.create().fails_with(&format!("the {bound} allowed cpu-shares is"));
    }
}

fn cpu_quota_and_period() {
    let cpu = json!({ "quota": 25_000, "period": 50_000 });
    let container = Bundle::new().set("linux.resources.cpu", cpu).created();
    assert_eq!(value_of(&container, "cpu", "cpu.cfs_quota_us"), "25000");
    assert_eq!(value_of(&container, "cpu", "cpu.cfs_period_us"), "50000");
}

fn cpu_sets() {
    let cpu = json!({ "cpus": "1", "mems": "0" });
    let container = Bundle::new().set("linux.resources.cpu", cpu).sleeping();
    assert_eq!(value_of(&container, "cpuset", "cpuset.cpus"), "1");
    assert_eq!(value_of(&container, "cpuset", "cpuset.mems"), "0");
    assert_eq!(container.exec(&[], &["self"]).seen()["self"]["affinity"], "1");
}

fn block_io_throttle() {
    let device = fs::read_to_string("/sys/block/vda/dev").unwrap_or_else(|_| "7:0".to_owned());
    let (major, minor) = device.trim().split_once(':').unwrap();
    let (major, minor): (u32, u32) = (major.parse().unwrap(), minor.parse().unwrap());
    let limit = json!([{ "major": major, "minor": minor, "rate": 1_048_576 }]);
    let bundle = Bundle::new().set("linux.resources.blockIO.throttleReadBpsDevice", limit);
    let text = value_of(&bundle.created(), "blkio", "blkio.throttle.read_bps_device");
    assert_eq!(text, format!("{major}:{minor} 1048576"));
}

fn unified_is_refused() {
    let unified = json!({ "memory.high": "1000000" });
    Bundle::new().set("linux.resources.unified", unified).create().fails();
}

fn limits_of_one_container_only() {
    let first = Bundle::new().set("linux.resources.pids.limit", 12).created();
    let second = first.beside().created();
    assert_eq!(value_of(&second, "pids", "pids.max"), "max");
}

fn value_of(container: &Bundle, controller: &str, file: &str) -> String {
    host::control_file(container.pid(), controller, file)
}

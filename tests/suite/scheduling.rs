//! When and where the process runs: policies of the scheduler, CPUs of exec, memory nodes.

use behaviour::{Bundle, Seen, runtime};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    other_with_a_nice_value,
    fifo_with_a_priority,
    round_robin_with_a_priority,
    deadline_with_its_three_times,
    flags_of_the_policy,
    an_unknown_flag_is_refused,
    deadline_times_need_the_policy,
    deadline_times_in_another_order_are_refused,
    realtime_needs_its_time,
    exec_ends_on_the_final_cpus,
    exec_begins_on_the_initial_cpus,
    exec_needs_final_cpus_that_are_there,
    a_bad_list_of_cpus_is_refused,
    memory_is_bound_to_nodes,
    flags_of_the_memory_policy,
    memory_policies_without_nodes,
    memory_nodes_that_are_missing_are_refused,
    an_unknown_memory_policy_is_refused,
    personality_of_the_machine,
    flags_of_a_personality_are_refused,
];

fn other_with_a_nice_value() {
    let seen = scheduled(json!({ "policy": "SCHED_OTHER", "nice": -5 }));
    assert_eq!([&seen["policy"], &seen["nice"]], [&json!("SCHED_OTHER"), &json!(-5)]);
}

fn fifo_with_a_priority() {
    let seen = realtime(json!({ "policy": "SCHED_FIFO", "priority": 7 }));
    assert_eq!([&seen["policy"], &seen["priority"]], [&json!("SCHED_FIFO"), &json!(7)]);
}

fn round_robin_with_a_priority() {
    let seen = realtime(json!({ "policy": "SCHED_RR", "priority": 11 }));
    assert_eq!([&seen["policy"], &seen["priority"]], [&json!("SCHED_RR"), &json!(11)]);
}

fn deadline_with_its_three_times() {
    let times = json!({
        "policy": "SCHED_DEADLINE", "runtime": 1_000_000, "deadline": 5_000_000, "period": 10_000_000,
    });
    let seen = scheduled(times.clone());
    for name in ["policy", "runtime", "deadline", "period"] {
        assert_eq!(seen[name], times[name], "{name}");
    }
}

fn flags_of_the_policy() {
    let flags = ["SCHED_FLAG_RESET_ON_FORK"];
    assert_eq!(scheduled(json!({ "policy": "SCHED_BATCH", "flags": flags }))["flags"], 1);
}

fn an_unknown_flag_is_refused() {
    let scheduler = json!({ "policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK", "X"] });
    Bundle::new().set("process.scheduler", scheduler).create().fails();
}

fn deadline_times_need_the_policy() {
    let scheduler = json!({ "policy": "SCHED_OTHER", "deadline": 5_000_000 });
    Bundle::new().set("process.scheduler", scheduler).create().fails();
}

fn deadline_times_in_another_order_are_refused() {
    let times = |runtime: u64, deadline: u64, period: u64| json!({ "policy": "SCHED_DEADLINE", "runtime": runtime, "deadline": deadline, "period": period });
    let refused = [
        (times(0, 20_000, 20_000), "process.scheduler.runtime"),
        (times(1023, 20_000, 20_000), "process.scheduler.runtime"),
        (times(30_000, 20_000, 40_000), "process.scheduler.runtime"),
        (times(10_000, 0, 20_000), "process.scheduler.deadline"),
        (times(10_000, 30_000, 20_000), "process.scheduler.period"),
    ];
    for (scheduler, property) in refused {
        let failed = Bundle::new().set("process.scheduler", scheduler).create().fails();
        if runtime().is("orun") {
            failed.fails_with(property);
        }
    }
}

fn realtime_needs_its_time() {
    if !groups_have_realtime() {
        return;
    }
    let scheduler = json!({ "policy": "SCHED_FIFO", "priority": 7 });
    let failed = Bundle::new().set("process.scheduler", scheduler).create().fails();
    if runtime().is("orun") {
        failed.fails_with("linux.resources.cpu.realtimeRuntime");
    }
}

fn exec_ends_on_the_final_cpus() {
    assert_eq!(cpus_of_exec(json!({ "initial": "0", "final": "1" })), "1");
}

fn exec_begins_on_the_initial_cpus() {
    // They may be gone when it has entered the group; that they were set is seen by the refusal.
    cannot_exec_on(json!({ "initial": "4000" }));
}

fn exec_needs_final_cpus_that_are_there() {
    cannot_exec_on(json!({ "final": "4000" }));
}

fn a_bad_list_of_cpus_is_refused() {
    for name in ["initial", "final"] {
        let mut bundle = Bundle::new().set("process.execCPUAffinity", json!({ name: "0-" }));
        bundle.create().fails();
    }
}

fn memory_is_bound_to_nodes() {
    assert_eq!(memory_policy(json!({ "mode": "MPOL_BIND", "nodes": "0" })), "bind:0");
    assert_eq!(memory_policy(json!({ "mode": "MPOL_INTERLEAVE", "nodes": "0" })), "interleave:0");
}

fn flags_of_the_memory_policy() {
    let policy = json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"] });
    assert_eq!(memory_policy(policy), "bind=static:0");
    let policy = json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"] });
    assert_eq!(memory_policy(policy), "bind=relative:0");
}

fn memory_policies_without_nodes() {
    assert_eq!(memory_policy(json!({ "mode": "MPOL_LOCAL" })), "local");
    assert_eq!(memory_policy(json!({ "mode": "MPOL_DEFAULT" })), "default");
}

fn memory_nodes_that_are_missing_are_refused() {
    let bad = [
        json!({ "mode": "MPOL_BIND" }),
        json!({ "mode": "MPOL_BIND", "nodes": "x" }),
        json!({ "mode": "MPOL_DEFAULT", "nodes": "0" }),
    ];
    for policy in bad {
        Bundle::new().set("linux.memoryPolicy", policy).create().fails();
    }
}

fn an_unknown_memory_policy_is_refused() {
    let bad = [
        json!({ "mode": "MPOL_NONE" }),
        json!({ "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NONE"] }),
    ];
    for policy in bad {
        Bundle::new().set("linux.memoryPolicy", policy).create().fails();
    }
}

fn personality_of_the_machine() {
    let seen = Bundle::new().set("linux.personality", json!({ "domain": "LINUX" })).look(&["self"]);
    assert_eq!(seen["self"]["personality"], 0);
    assert_eq!(seen["self"]["machine"], std::env::consts::ARCH);
}

fn flags_of_a_personality_are_refused() {
    let personality = json!({ "domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"] });
    Bundle::new().set("linux.personality", personality).create().fails();
}

fn scheduled(scheduler: Value) -> Value {
    scheduler_of(&Bundle::new().set("process.scheduler", scheduler).look(&["self"]))
}

/// Runs in a group that is given realtime, where groups have it at all: those of cgroup v1.
fn realtime(scheduler: Value) -> Value {
    let mut bundle = Bundle::new().set("process.scheduler", scheduler);
    if groups_have_realtime() {
        let path = format!("/{}-group", bundle.id);
        let time = json!({ "realtimePeriod": 1_000_000, "realtimeRuntime": 20_000 });
        bundle = bundle.set("linux.cgroupsPath", path).set("linux.resources.cpu", time);
    }
    scheduler_of(&bundle.look(&["self"]))
}

fn groups_have_realtime() -> bool {
    std::path::Path::new("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").exists()
}

fn scheduler_of(seen: &Seen) -> Value {
    seen["self"]["scheduler"].clone()
}

fn cpus_of_exec(affinity: Value) -> String {
    let container = Bundle::new().set("process.execCPUAffinity", affinity).sleeping();
    let seen = container.exec(&[], &["self"]).seen();
    seen["self"]["affinity"].as_str().unwrap().to_owned()
}

fn cannot_exec_on(affinity: Value) {
    let container = Bundle::new().set("process.execCPUAffinity", affinity).sleeping();
    container.exec(&[], &["self"]).fails();
}

/// The policy that the kernel shows for the memory of the program.
fn memory_policy(policy: Value) -> String {
    let step = "read /proc/self/numa_maps";
    let seen = Bundle::new().set("linux.memoryPolicy", policy).look(&[step]);
    let text = seen[step].as_str().unwrap();
    text.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

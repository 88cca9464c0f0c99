//! Limits as containers feel them, and what `update`, `events`, `stats` and `top` say, whatever the
//! machine's version of cgroups.

use std::time::{Duration, Instant};

use behaviour::{Bundle, host, runtime};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_memory_hog_dies_and_the_others_live,
    a_fork_bomb_stops_at_the_limit,
    a_quota_of_five_percent,
    running_out_of_memory_is_an_event,
    statistics_at_an_interval,
    an_update_that_fails_changes_nothing,
    an_update_back_and_forth,
    usage_of_all_containers,
    usage_as_json,
    usage_of_an_unknown_container,
    usage_again_and_again,
];

fn a_memory_hog_dies_and_the_others_live() {
    let other = Bundle::new().set("linux.resources.memory.limit", 64 << 20).sleeping();
    let mut hog = other.beside().set("linux.resources.memory.limit", 64 << 20);
    hog.run_with(&[]).ok();
    let mut hog = other
        .beside()
        .set("linux.resources.memory", json!({ "limit": 64 << 20, "swap": 64 << 20 }))
        .steps(&["eat 500", "print survived"]);
    let done = hog.run().exits(128 + 9);
    assert!(!done.stdout.contains("survived"), "{done}");
    assert_eq!(other.status(), "running");
    assert_eq!(other.exec(&[], &["print alive"]).seen()["print alive"], "ok");
}

fn a_fork_bomb_stops_at_the_limit() {
    let bundle = Bundle::new().set("linux.resources.pids.limit", 20);
    let seen = bundle.look(&["fork 100"]);
    let made = seen["fork 100"].to_string();
    assert!(made.contains("EAGAIN"), "{made}");
}

/// A container that spins with a quota of 5 % of a CPU uses 5 %, give or take one.
fn a_quota_of_five_percent() {
    let cpu = json!({ "quota": 5_000, "period": 100_000 });
    let container = Bundle::new().set("linux.resources.cpu", cpu).steps(&["spin"]).started();
    let used = || match host::has_cgroup_v1() {
        true => value_of(&container, "cpuacct", "cpuacct.usage").parse::<u64>().unwrap(),
        false => {
            let text = value_of(&container, "", "cpu.stat");
            let line = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
            line.unwrap().parse::<u64>().unwrap() * 1000
        }
    };
    // What it may use at once, at the beginning of a period, is behind it then.
    host::eventually("the program spins", || used() > 20_000_000);
    let (before, start) = (used(), Instant::now());
    std::thread::sleep(Duration::from_secs(4));
    let share = (used() - before) as f64 * 100.0 / start.elapsed().as_nanos() as f64;
    assert!((4.0..6.0).contains(&share), "{share} %");
}

fn running_out_of_memory_is_an_event() {
    let memory = json!({ "limit": 32 << 20, "swap": 32 << 20 });
    let mut container = Bundle::new().set("linux.resources.memory", memory).sleeping();
    let events = container.call("events").arg(&container.id).spawn();
    // It watches when it has told the first time that nobody will see.
    std::thread::sleep(host::patience(Duration::from_millis(500)));
    container.exec(&[], &["eat 200"]).fails();
    std::thread::sleep(host::patience(Duration::from_millis(500)));
    container.delete_force().ok();
    let done = events.wait().ok();
    let event = format!("{{\"type\":\"oom\",\"id\":\"{}\"}}", container.id);
    assert!(done.stdout.lines().any(|line| line == event), "{done}");
}

fn statistics_at_an_interval() {
    let mut container = Bundle::new().sleeping();
    let events = container.call("events").args(&["--interval", "200ms"]).arg(&container.id).spawn();
    std::thread::sleep(Duration::from_secs(1));
    container.delete_force().ok();
    let done = events.wait().ok();
    let lines: Vec<Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "{done}");
    // The last one may be of a container that is being deleted.
    for line in &lines[..lines.len() - 1] {
        assert_eq!((&line["type"], &line["id"]), (&json!("stats"), &json!(container.id)));
        assert_eq!(line["data"]["pids"]["current"], 1, "{line}");
    }
}

fn update(container: &Bundle, resources: &Value) -> behaviour::Finished {
    let call = container.call("update").args(&["--resources", "-"]).arg(&container.id);
    call.stdin(&resources.to_string()).finish()
}

/// The limit of tasks that is in force; `max` is -1.
fn pids_limit(container: &Bundle) -> i64 {
    let controller = if host::has_cgroup_v1() { "pids" } else { "" };
    value_of(container, controller, "pids.max").parse().unwrap_or(-1)
}

fn value_of(container: &Bundle, controller: &str, file: &str) -> String {
    host::control_file(container.pid(), controller, file)
}

fn an_update_that_fails_changes_nothing() {
    let resources = json!({ "pids": { "limit": 20 }, "cpu": { "cpus": "0" } });
    let container = Bundle::new().set("linux.resources", resources).sleeping();
    // The tasks come first, and no machine has such a CPU.
    let wrong = json!({ "pids": { "limit": 30 }, "cpu": { "cpus": "9999" } });
    update(&container, &wrong).fails();
    assert_eq!(pids_limit(&container), 20);
}

fn an_update_back_and_forth() {
    let container = Bundle::new().set("linux.resources.pids.limit", 20).sleeping();
    for limit in [30, 10, -1, 20] {
        update(&container, &json!({ "pids": { "limit": limit } })).ok();
        assert_eq!(pids_limit(&container), limit);
    }
}

fn usage_of_all_containers() {
    let first = Bundle::new().set("linux.resources.pids.limit", 7).sleeping();
    let second = first.beside().sleeping();
    let _created = first.beside().created();
    let done = first.call("stats").finish().ok();
    let row = |id: &str| {
        let line = done.stdout.lines().find(|line| line.starts_with(id)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(done.stdout.starts_with("ID "), "{done}");
    assert_eq!(row(&first.id)[1], "running");
    assert!(row(&first.id).join(" ").contains(" 1 / 7 "), "{done}");
    assert!(row(&second.id).join(" ").contains(" 1 / - "), "{done}");
    assert_eq!(done.stdout.lines().count(), 4, "{done}");
}

fn usage_as_json() {
    let memory = json!({ "limit": 64 << 20 });
    let container = Bundle::new().set("linux.resources.memory", memory).sleeping();
    let call = container.call("stats").args(&["--format", "json"]).arg(&container.id);
    let usage: Value = serde_json::from_str(&call.finish().ok().stdout).unwrap();
    assert_eq!(usage.as_array().map(Vec::len), Some(1));
    let usage = &usage[0];
    assert_eq!(usage["id"], json!(container.id));
    assert_eq!(usage["memoryLimit"], 64 << 20);
    assert!(usage["memory"].as_u64().is_some_and(|used| used > 0), "{usage}");
    assert!(usage["cpuPercent"].as_f64().is_some_and(|percent| percent < 50.0), "{usage}");
    assert_eq!((&usage["pids"], &usage["pidsLimit"]), (&json!(1), &Value::Null));
}

fn usage_of_an_unknown_container() {
    let container = Bundle::new().sleeping();
    for command in ["stats", "top"] {
        container.call(command).arg("nobody").finish().exits(1).fails_with("does not exist");
    }
    let created = runtime().program.clone();
    behaviour::Call::new(&created).args(&["top", "--sort", "size"]).finish().exits(1);
}

fn usage_again_and_again() {
    let container = Bundle::new().sleeping();
    let call = container.call("top").args(&["--interval", "100ms", "--count", "3"]);
    let done = call.args(&["--format", "json"]).finish().ok();
    assert_eq!(done.stdout.lines().count(), 3, "{done}");
    for line in done.stdout.lines() {
        let usage: Value = serde_json::from_str(line).unwrap();
        assert_eq!(usage[0]["id"], json!(container.id));
    }
}

//! What the commands print, and the options before and after them.

use std::fs;

use behaviour::Bundle;
use serde_json::Value;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    state_has_the_keys_of_the_specification,
    state_has_annotations,
    state_of_a_stopped_container_has_pid_0,
    state_paths_are_absolute,
    list_is_a_table,
    list_as_json,
    list_of_nothing_is_empty,
    list_quiet_prints_ids,
    list_tells_each_status,
    ps_as_json_lists_the_processes,
    ps_as_a_table_has_a_header,
    ps_passes_options_on,
    ps_for_a_caller_that_ignores_its_children,
];

fn state_has_the_keys_of_the_specification() {
    let container = Bundle::new().created();
    let state = container.state();
    assert!(state["ociVersion"].as_str().unwrap().starts_with("1."));
    assert_eq!(state["id"], *container.id);
    assert_eq!(state["status"], "created");
    assert!(state["pid"].as_u64().unwrap() > 1);
    assert_eq!(state["bundle"], *container.path().to_str().unwrap());
    assert!(state["created"].as_str().unwrap().contains('T'));
}

fn state_has_annotations() {
    let container = Bundle::new().set("annotations", two_annotations()).created();
    assert_eq!(container.state()["annotations"], two_annotations());
}

fn state_of_a_stopped_container_has_pid_0() {
    let container = Bundle::new().steps(&["exit 0"]).started();
    container.wait_for("stopped");
    assert_eq!(container.state()["pid"], 0);
}

fn state_paths_are_absolute() {
    let mut container = Bundle::new();
    container.create().ok();
    container.delete_force().ok();
    let call = container.call_with("create", &["--bundle", "."]).cwd(&container.path());
    container.creates(call).ok();
    assert_eq!(container.state()["bundle"], *container.path().to_str().unwrap());
    assert_eq!(container.state()["rootfs"], *container.rootfs().to_str().unwrap());
}

fn list_is_a_table() {
    let container = Bundle::new().created();
    let text = container.call("list").finish().ok().stdout;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert_eq!(rows[0][..5], ["ID", "PID", "STATUS", "BUNDLE", "CREATED"]);
    assert_eq!(rows[1][0], container.id);
    assert_eq!(rows[1][1], container.pid().to_string());
    assert_eq!(rows[1][2], "created");
    assert_eq!(rows[1][3], container.path().to_str().unwrap());
}

fn list_as_json() {
    let container = Bundle::new().set("annotations", two_annotations()).created();
    let list = container.call("list").args(&["--format", "json"]).finish().json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], *container.id);
    assert_eq!(list[0]["pid"], container.pid());
    assert_eq!(list[0]["status"], "created");
    assert_eq!(list[0]["bundle"], *container.path().to_str().unwrap());
    assert_eq!(list[0]["owner"], "root");
}

fn list_of_nothing_is_empty() {
    let bundle = Bundle::new();
    fs::create_dir(bundle.root()).unwrap();
    assert_eq!(bundle.call("list").arg("-q").finish().ok().stdout, "");
    let list = bundle.call("list").args(&["-f", "json"]).finish().json();
    assert!(list.is_null() || list == Value::Array(Vec::new()));
}

fn list_quiet_prints_ids() {
    let first = Bundle::new().created();
    let second = first.beside().created();
    let text = first.call("list").arg("--quiet").finish().ok().stdout;
    let mut ids = [first.id.as_str(), second.id.as_str()];
    ids.sort_unstable();
    assert_eq!(text.lines().collect::<Vec<_>>(), ids);
}

fn list_tells_each_status() {
    let created = Bundle::new().created();
    let running = created.beside().sleeping();
    let stopped = created.beside().steps(&["exit 0"]).started();
    stopped.wait_for("stopped");
    let list = created.call("list").args(&["--format", "json"]).finish().json();
    let status_of = |container: &Bundle| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["id"] == *container.id).unwrap()["status"].clone()
    };
    assert_eq!(status_of(&created), "created");
    assert_eq!(status_of(&running), "running");
    assert_eq!(status_of(&stopped), "stopped");
}

fn ps_for_a_caller_that_ignores_its_children() {
    let container = Bundle::new().sleeping();
    let call = container.call("ps").arg(&container.id).ignoring(&["CHLD"]);
    let shown = call.finish().ok().stdout;
    assert!(shown.contains(&container.pid().to_string()), "{shown}");
}

fn ps_as_json_lists_the_processes() {
    let container = Bundle::new().sleeping();
    let call = container.exec_call(&["--detach"], &["sleep"]).finish();
    call.ok();
    let pids = container.call_with("ps", &["--format", "json"]).finish().json();
    let pids: Vec<i64> = pids.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.contains(&container.pid().into()));
}

fn ps_as_a_table_has_a_header() {
    let container = Bundle::new().sleeping();
    let text = container.call_with("ps", &[]).finish().ok().stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("UID"), "{text}");
    assert!(lines[1].contains(&container.pid().to_string()));
    assert!(lines[1].contains("/bin/probe"));
}

fn ps_passes_options_on() {
    let container = Bundle::new().sleeping();
    let text = container.call_with("ps", &[]).args(&["-o", "pid,comm"]).finish().ok().stdout;
    assert_eq!(
        text.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["PID", "COMMAND"]
    );
    assert!(text.contains("probe"));
}

fn two_annotations() -> Value {
    serde_json::json!({ "org.example.one": "1", "two": "zwei" })
}

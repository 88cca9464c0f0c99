//! The options of exec.

use std::fs;

use behaviour::{Bundle, host};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    cwd,
    env,
    user,
    user_with_group,
    home_follows_the_user,
    cap_adds_a_capability,
    cap_leaves_inheritable_empty,
    additional_groups,
    detached_returns_at_once,
    detached_writes_its_pid,
    a_pid_file_that_cannot_be_written,
    a_process_file,
    a_process_file_with_its_own_settings,
    the_process_file_may_be_a_pipe,
    options_end_at_the_id,
];

fn cwd() {
    let container = Bundle::new().sleeping();
    assert_eq!(container.exec(&["--cwd", "/etc"], &["self"]).seen()["self"]["cwd"], "/etc");
}

fn env() {
    let container = Bundle::new().push("process.env", "A=old").sleeping();
    let seen = container.exec(&["--env", "A=new", "--env", "B=2"], &["self"]).seen();
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("A=new")) && env.contains(&json!("B=2")), "{env:?}");
    assert!(env.contains(&json!("TERM=xterm")), "{env:?}");
}

fn user() {
    let container = Bundle::new().sleeping();
    assert_eq!(container.exec(&["--user", "1000"], &["self"]).seen()["self"]["uid"], 1000);
}

fn user_with_group() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&["--user", "1000:2000"], &["self"]).seen();
    assert_eq!([&seen["self"]["uid"], &seen["self"]["gid"]], [1000, 2000]);
    assert_eq!(seen["self"]["caps"]["effective"], json!([]));
}

fn home_follows_the_user() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&["--user", "1000:1000"], &["self"]).seen();
    assert!(seen["self"]["env"].as_array().unwrap().contains(&json!("HOME=/home/user")));
}

fn cap_adds_a_capability() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&["--cap", "CAP_NET_RAW"], &["self"]).seen();
    for set in ["bounding", "effective", "permitted"] {
        let names = seen["self"]["caps"][set].as_array().unwrap();
        assert!(names.contains(&json!("CAP_NET_RAW")), "{set}: {names:?}");
        assert_eq!(names.len(), 4, "{set}: {names:?}");
    }
}

fn cap_leaves_inheritable_empty() {
    let container = Bundle::new().sleeping();
    let seen = container.exec(&["--cap", "CAP_NET_RAW"], &["self"]).seen();
    assert_eq!(seen["self"]["caps"]["inheritable"], json!([]));
    assert_eq!(seen["self"]["caps"]["ambient"], json!([]));
}

fn additional_groups() {
    let container = Bundle::new().sleeping();
    let options = ["--user", "1000:1000", "--additional-gids", "100", "--additional-gids", "65534"];
    let seen = container.exec(&options, &["self"]).seen();
    assert_eq!(seen["self"]["groups"], json!([100, 65_534]));
}

fn detached_returns_at_once() {
    let container = Bundle::new().sleeping();
    container.exec(&["--detach"], &["sleep"]).ok();
    let pids = container.call_with("ps", &["--format", "json"]).finish().json();
    assert_eq!(pids.as_array().unwrap().len(), 2);
}

fn detached_writes_its_pid() {
    let container = Bundle::new().sleeping();
    let file = container.scratch("pid");
    container.exec(&["--detach", "--pid-file", file.to_str().unwrap()], &["sleep"]).ok();
    let pid: i32 = fs::read_to_string(file).unwrap().parse().unwrap();
    assert_ne!(pid, container.pid());
    assert_eq!(
        host::namespace(&pid.to_string(), "pid"),
        host::namespace(&container.pid().to_string(), "pid")
    );
}

fn a_pid_file_that_cannot_be_written() {
    let container = Bundle::new().sleeping();
    container.exec(&["--pid-file", "/no/such/folder/pid"], &["sleep"]).exits(255);
    host::eventually("the end of the process", || {
        let pids = container.call_with("ps", &["--format", "json"]).finish().json();
        pids.as_array().unwrap().len() == 1
    });
}

fn a_process_file() {
    let container = Bundle::new().sleeping();
    let process = process(json!({ "env": ["PATH=/bin", "X=y", "HOME=/x"], "cwd": "/etc" }));
    let file = container.host_file("process.json", &process);
    let options = ["--process", file.to_str().unwrap()];
    let seen = container.call_with("exec", &options).finish().seen();
    assert_eq!(seen["self"]["cwd"], "/etc");
    assert_eq!(seen["self"]["env"], json!(["PATH=/bin", "X=y", "HOME=/x"]));
}

fn a_process_file_with_its_own_settings() {
    let container = Bundle::new().sleeping();
    let process = process(json!({
        "user": { "uid": 7, "gid": 8, "additionalGids": [9], "umask": 0o77 },
        "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 50, "hard": 60 }],
        "oomScoreAdj": 77,
        "noNewPrivileges": true,
        "capabilities": { "bounding": ["CAP_CHOWN"], "permitted": [], "effective": [] },
    }));
    let file = container.host_file("process.json", &process);
    let seen = container.call_with("exec", &["-p", file.to_str().unwrap()]).finish().seen();
    let seen = &seen["self"];
    assert_eq!([&seen["uid"], &seen["gid"]], [7, 8]);
    assert_eq!(seen["groups"], json!([9]));
    assert_eq!(seen["umask"], "0077");
    assert_eq!(seen["rlimits"]["NOFILE"], json!([50, 60]));
    assert_eq!(seen["oom_score_adj"], "77");
    assert_eq!(seen["no_new_privs"], "1");
    assert_eq!(seen["caps"]["bounding"], json!(["CAP_CHOWN"]));
}

fn the_process_file_may_be_a_pipe() {
    let container = Bundle::new().sleeping();
    let call = container.call_with("exec", &["--process", "/dev/stdin"]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, process(json!({})).as_bytes()).unwrap();
    drop(writer);
    let output = fs::File::create(container.scratch("out")).unwrap();
    let error = output.try_clone().unwrap();
    call.stdio(reader.into(), output.into(), error.into()).finish().ok();
    let text = fs::read_to_string(container.scratch("out")).unwrap();
    assert!(text.contains("\"step\":\"self\""), "{text}");
}

fn options_end_at_the_id() {
    let container = Bundle::new().sleeping();
    let call =
        container.call_with("exec", &[]).args(&["/bin/probe", "self", "print --cwd", "exit 0"]);
    let seen = call.args(&["--cwd", "/nowhere"]).finish().seen();
    assert_eq!(seen["self"]["args"][4], "--cwd");
}

/// A process file that runs the probe, changed by `settings`.
fn process(settings: Value) -> String {
    let mut process = json!({
        "terminal": false,
        "user": { "uid": 0, "gid": 0 },
        "args": ["/bin/probe", "self"],
        "env": ["PATH=/bin"],
        "cwd": "/",
    });
    let fields = process.as_object_mut().unwrap();
    fields.extend(settings.as_object().unwrap().clone());
    process.to_string()
}

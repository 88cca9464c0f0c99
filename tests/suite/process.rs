//! The container's process, see "Process" in the specification's config.md.

use behaviour::{Bundle, Seen};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    is_process_1,
    arguments_arrive_as_given,
    the_program_is_found_in_the_containers_path,
    the_environment_is_the_configured_one,
    the_last_of_a_variable_given_twice_wins,
    home_comes_from_the_users,
    home_of_an_unknown_user_is_the_root,
    home_as_configured_is_kept,
    cwd_is_entered,
    cwd_is_made,
    oom_score_as_configured,
    oom_score_of_the_caller,
    scheduler_batch,
    scheduler_idle,
    scheduler_needs_a_known_policy,
    scheduler_refuses_a_priority_without_realtime,
    io_priority_best_effort,
    io_priority_idle,
    personality_of_32_bits,
    signals_are_at_their_defaults,
    the_callers_environment_stays_outside,
    works_with_an_empty_environment,
    works_without_standard_descriptors,
];

fn is_process_1() {
    let seen = Bundle::new().look(&["self"]);
    assert_eq!(seen["self"]["pid"], 1);
    assert_eq!(seen["self"]["ppid"], 0);
}

fn arguments_arrive_as_given() {
    let args = ["/bin/probe", "self", "print a  b", "print \"'$HOME\\n", "print "];
    let seen = Bundle::new().set("process.args", json!(args)).run().seen();
    assert_eq!(seen["self"]["args"], json!(args));
}

fn the_program_is_found_in_the_containers_path() {
    let bundle = Bundle::new().set("process.env", json!(["PATH=/nothing:/bin"]));
    let mut bundle = bundle.steps(&["self"]).set("process.args.0", "probe");
    let seen = bundle.run_call(&[]).env("PATH", "/usr/sbin:/usr/bin").finish().seen();
    assert_eq!(seen["self"]["args"][0], "probe");
    bundle = bundle.set("process.env", json!(["PATH=/nothing"]));
    bundle.run().fails();
}

fn the_environment_is_the_configured_one() {
    let env = json!(["PATH=/bin", "A=1", "EMPTY=", "LINES=one\ntwo", "HOME=/x", "UML=ü=ö"]);
    let seen = Bundle::new().set("process.env", env.clone()).look(&["self"]);
    assert_eq!(seen["self"]["env"], env);
}

fn the_last_of_a_variable_given_twice_wins() {
    let env = json!(["PATH=/bin", "A=1", "B=2", "A=3", "HOME=/x"]);
    let seen = Bundle::new().set("process.env", env).look(&["self"]);
    let env = seen["self"]["env"].as_array().unwrap();
    let of_a: Vec<_> =
        env.iter().filter(|entry| entry.as_str().unwrap().starts_with("A=")).collect();
    assert_eq!(of_a, ["A=3"]);
}

fn home_comes_from_the_users() {
    assert_eq!(home(Bundle::new()), "/root");
    assert_eq!(home(Bundle::new().set("process.user.uid", 1000)), "/home/user");
}

fn home_of_an_unknown_user_is_the_root() {
    assert_eq!(home(Bundle::new().set("process.user.uid", 4242)), "/");
}

fn home_as_configured_is_kept() {
    assert_eq!(home(Bundle::new().push("process.env", "HOME=/elsewhere")), "/elsewhere");
}

fn cwd_is_entered() {
    let seen = Bundle::new().set("process.cwd", "/etc").look(&["self", "open passwd r"]);
    assert_eq!(seen["self"]["cwd"], "/etc");
    assert_eq!(seen["open passwd r"], "ok");
}

fn cwd_is_made() {
    let bundle = Bundle::new().set("process.cwd", "/new/deep");
    let seen = bundle.look(&["self", "stat /new/deep"]);
    assert_eq!(seen["self"]["cwd"], "/new/deep");
    assert_eq!(seen["stat /new/deep"]["mode"], "0755");
}

fn oom_score_as_configured() {
    let seen = Bundle::new().set("process.oomScoreAdj", 321).look(&["self"]);
    assert_eq!(seen["self"]["oom_score_adj"], "321");
}

fn oom_score_of_the_caller() {
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    assert_eq!(Bundle::new().look(&["self"])["self"]["oom_score_adj"], own.trim());
}

fn scheduler_batch() {
    let scheduler = scheduled(json!({ "policy": "SCHED_BATCH", "nice": 7 }));
    assert_eq!(scheduler["policy"], "SCHED_BATCH");
    assert_eq!(scheduler["nice"], 7);
}

fn scheduler_idle() {
    assert_eq!(scheduled(json!({ "policy": "SCHED_IDLE" }))["policy"], "SCHED_IDLE");
}

fn scheduler_needs_a_known_policy() {
    let mut bundle = Bundle::new().set("process.scheduler", json!({ "policy": "SCHED_LAZY" }));
    bundle.create().fails();
}

fn scheduler_refuses_a_priority_without_realtime() {
    let scheduler = json!({ "policy": "SCHED_OTHER", "priority": 3 });
    Bundle::new().set("process.scheduler", scheduler).create().fails();
}

fn io_priority_best_effort() {
    let seen = with_io_priority("IOPRIO_CLASS_BE", 6);
    assert_eq!(seen["self"]["io_priority"], json!({ "class": 2, "priority": 6 }));
}

fn io_priority_idle() {
    assert_eq!(with_io_priority("IOPRIO_CLASS_IDLE", 0)["self"]["io_priority"]["class"], 3);
}

fn personality_of_32_bits() {
    let personality = json!({ "domain": "LINUX32" });
    let seen = Bundle::new().set("linux.personality", personality).look(&["self"]);
    assert_eq!(seen["self"]["personality"], 8);
    assert_ne!(seen["self"]["machine"], std::env::consts::ARCH);
}

fn signals_are_at_their_defaults() {
    let bundle = Bundle::new();
    let call = bundle.run_call(&[]).ignoring(&["USR1", "PIPE", "HUP", "CHLD"]);
    let signals = call.finish().seen()["self"]["signals"].clone();
    assert_eq!(signals, json!({ "blocked": "0000000000000000", "ignored": [] }));
}

fn the_callers_environment_stays_outside() {
    let bundle = Bundle::new();
    let call = bundle.run_call(&[]).env("SECRET", "1").env("_OCI_SYNCPIPE", "3");
    let seen = call.env("LISTEN_PID", "77").finish().seen();
    let env = seen["self"]["env"].to_string();
    for name in ["SECRET", "_OCI_SYNCPIPE", "LISTEN_PID"] {
        assert!(!env.contains(name), "{env}");
    }
}

fn works_with_an_empty_environment() {
    let bundle = Bundle::new();
    let call = behaviour::Call::new(&behaviour::runtime().path())
        .without_env()
        .arg("--root")
        .arg(bundle.root());
    bundle.create_call(&[]);
    let call = call.arg("run").arg("--bundle").arg(bundle.path()).arg(&bundle.id);
    assert_eq!(call.finish().seen()["self"]["pid"], 1);
}

fn works_without_standard_descriptors() {
    let mut container = Bundle::new().steps(&["sleep"]);
    let script = "exec 0<&- 1>&- 2>&-; exec \"$@\"";
    let call = behaviour::Call::new("/bin/sh".as_ref()).args(&["-c", script, "sh"]);
    container.create_call(&[]);
    let call = call.arg(&behaviour::runtime().program).arg("--root").arg(container.root());
    let call = call.arg("create").arg("--bundle").arg(container.path()).arg(&container.id);
    container.creates(call).ok();
    container.start().ok();
    assert_eq!(container.status(), "running");
}

fn home(bundle: Bundle) -> String {
    let seen = bundle.look(&["self"]);
    let env = seen["self"]["env"].as_array().unwrap();
    let home = env.iter().find_map(|entry| entry.as_str()?.strip_prefix("HOME="));
    home.unwrap_or_default().to_owned()
}

fn scheduled(scheduler: Value) -> Value {
    Bundle::new().set("process.scheduler", scheduler).look(&["self"])["self"]["scheduler"].clone()
}

fn with_io_priority(class: &str, priority: u8) -> Seen {
    let value = json!({ "class": class, "priority": priority });
    Bundle::new().set("process.ioPriority", value).look(&["self"])
}

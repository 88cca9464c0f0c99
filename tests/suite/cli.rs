//! Options, help, logs, and the commands that need no container.

use std::fs;

use behaviour::{Bundle, Call, runtime};
use serde_json::Value;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    spec_writes_a_configuration,
    spec_in_another_folder,
    spec_never_overwrites,
    spec_rootless_has_a_user_namespace,
    what_spec_writes_runs,
    features_is_json,
    features_is_silent_on_standard_error,
    version_has_three_lines,
    help_succeeds,
    an_unknown_command_fails,
    an_unknown_option_fails,
    a_missing_argument_fails,
    the_json_log_has_one_object,
    the_text_log_has_the_message,
    a_success_logs_nothing,
    a_mistake_in_the_command_line_is_in_the_log,
    lines_of_many_writers_do_not_mix,
    the_log_may_be_standard_error,
    a_log_without_its_daemon_goes_to_standard_error,
    a_link_in_place_of_the_log_is_not_followed,
    a_log_that_cannot_be_written_is_an_error,
    an_unknown_log_level_is_refused,
    errors_only_leaves_warnings_out,
    an_expression_stands_for_several_containers,
    the_root_is_made_with_mode_0700,
    the_root_may_be_relative,
    accepts_the_options_of_engines,
    the_configuration_may_be_a_pipe,
    a_timeline_of_both_sides,
    a_timeline_that_cannot_be_written_is_a_warning,
];

fn spec_writes_a_configuration() {
    let config = written_spec(&[]);
    assert_eq!(config["process"]["args"], serde_json::json!(["sh"]));
    assert_eq!(config["process"]["terminal"], true);
    assert_eq!(config["process"]["cwd"], "/");
    assert_eq!(config["process"]["noNewPrivileges"], true);
    assert_eq!(config["root"]["path"], "rootfs");
    let kinds: Vec<_> = config["linux"]["namespaces"].as_array().unwrap().iter().collect();
    for kind in ["pid", "network", "ipc", "uts", "mount"] {
        assert!(kinds.iter().any(|entry| entry["type"] == kind), "{kind} is missing");
    }
}

fn spec_in_another_folder() {
    let bundle = Bundle::new();
    let folder = bundle.host_folder("elsewhere");
    bundle.call("spec").arg("--bundle").arg(&folder).finish().ok();
    assert!(folder.join("config.json").exists());
}

fn spec_never_overwrites() {
    let bundle = Bundle::new();
    let file = bundle.host_file("config.json", "precious");
    bundle.call("spec").cwd(file.parent().unwrap()).finish().fails();
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

fn spec_rootless_has_a_user_namespace() {
    let config = written_spec(&["--rootless"]);
    let kinds = config["linux"]["namespaces"].as_array().unwrap();
    assert!(kinds.iter().any(|entry| entry["type"] == "user"));
    assert!(!kinds.iter().any(|entry| entry["type"] == "network"));
    assert_eq!(config["linux"]["uidMappings"][0]["containerID"], 0);
    assert_eq!(config["linux"]["gidMappings"][0]["size"], 1);
}

fn what_spec_writes_runs() {
    let config = written_spec(&[]);
    let seen = Bundle::new()
        .config(|own| *own = config)
        .set("process.terminal", false)
        .look(&["self", "mounts"]);
    assert_eq!(seen["self"]["pid"], 1);
    assert_eq!(seen["self"]["caps"]["inheritable"], serde_json::json!([]));
    for path in ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"] {
        seen.mount(path);
    }
}

fn features_is_json() {
    let features = Call::new(&runtime().program).arg("features").finish().json();
    assert_eq!(features["ociVersionMin"], "1.0.0");
    assert!(features["ociVersionMax"].as_str().unwrap().starts_with("1."));
    let has = |path: &str, word: &str| {
        let list = features.pointer(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(list.as_array().unwrap().iter().any(|item| item == word), "{path} lacks {word}");
    };
    has("/hooks", "startContainer");
    has("/mountOptions", "rro");
    has("/linux/namespaces", "cgroup");
    has("/linux/capabilities", "CAP_CHOWN");
    has("/linux/seccomp/actions", "SCMP_ACT_ERRNO");
    assert_eq!(features["linux"]["cgroup"]["v1"], true);
}

fn features_is_silent_on_standard_error() {
    assert_eq!(Call::new(&runtime().program).arg("features").finish().ok().stderr, "");
}

fn version_has_three_lines() {
    let text = Call::new(&runtime().program).arg("--version").finish().ok().stdout;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].contains(" version "), "{text}");
    assert!(lines[1].starts_with("commit: "), "{text}");
    assert!(lines[2].starts_with("spec: 1."), "{text}");
}

fn help_succeeds() {
    for arguments in [&["--help"][..], &["create", "--help"], &["exec", "--help"]] {
        let done = Call::new(&runtime().program).args(arguments).finish().ok();
        assert!(done.stdout.len() > 100, "{done}");
    }
}

fn an_unknown_command_fails() {
    Bundle::new().call("frobnicate").finish().fails();
}

fn an_unknown_option_fails() {
    let container = Bundle::new().sleeping();
    container.call_with("state", &["--frobnicate"]).finish().fails();
    container.call_with("kill", &["--frobnicate"]).arg("KILL").finish().fails();
    assert_eq!(container.status(), "running");
}

fn a_missing_argument_fails() {
    let bundle = Bundle::new();
    for command in ["create", "start", "state", "kill", "delete", "exec", "ps"] {
        bundle.call(command).cwd(&bundle.path()).finish().fails();
    }
}

fn the_json_log_has_one_object() {
    let text = log_of_a_failure("json");
    let entry: Value = serde_json::from_str(&text).expect("one JSON object, no more");
    assert_eq!(entry["level"], "error");
    assert!(entry["msg"].as_str().unwrap().contains("/bin/nothing"));
    let time = entry["time"].as_str().unwrap();
    assert!(time.len() >= 20 && &time[4..5] == "-" && &time[10..11] == "T", "{time}");
}

fn the_text_log_has_the_message() {
    let text = log_of_a_failure("text");
    assert!(text.contains("/bin/nothing"), "{text}");
    assert!(text.contains("level=error"), "{text}");
}

fn a_success_logs_nothing() {
    let bundle = Bundle::new();
    let log = bundle.scratch("log");
    let mut container = bundle.global(&["--log", log.to_str().unwrap(), "--log-format", "json"]);
    let done = container.run().ok();
    assert_eq!(done.stderr, "");
    assert_eq!(fs::read_to_string(log).unwrap_or_default(), "");
}

/// Engines show what is in the log, and nothing else.
fn a_mistake_in_the_command_line_is_in_the_log() {
    let bundle = Bundle::new();
    let log = bundle.scratch("log");
    let globals = ["--log", log.to_str().unwrap(), "--log-format", "json"];
    let words: [(&[&str], &str); 3] = [
        (&["frobnicate"], "No help topic for 'frobnicate'"),
        (&["state"], "requires exactly 1 argument(s)"),
        (&["start", "--frobnicate"], "flag provided but not defined"),
    ];
    for (words, message) in words {
        let _ = fs::remove_file(&log);
        bundle.call_after(&globals, words[0]).args(&words[1..]).finish().fails_with(message);
        let entry: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
        assert!(entry["msg"].as_str().unwrap().contains(message), "{entry}");
    }
}

fn the_root_is_made_with_mode_0700() {
    use std::os::unix::fs::PermissionsExt;
    let mut container = Bundle::new();
    let call = container.create_call(&[]).umask(0);
    container.creates(call).ok();
    let state = container.root().join(&container.id);
    for folder in [container.root(), state.clone()] {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", folder.display());
    }
    for entry in fs::read_dir(state).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o022;
        assert_eq!(mode, 0, "{}", entry.path().display());
    }
}

fn the_root_may_be_relative() {
    let mut container = Bundle::new();
    container.create().ok();
    let parent = container.root().parent().unwrap().to_owned();
    let state = Call::new(&runtime().program)
        .args(&["--root", "state", "state"])
        .arg(&container.id)
        .cwd(&parent)
        .finish()
        .json();
    assert_eq!(state["status"], "created");
    container.delete_force().ok();
}

fn accepts_the_options_of_engines() {
    let bundle = Bundle::new();
    let log = bundle.scratch("log");
    let options = ["--log", log.to_str().unwrap(), "--log-format", "json", "--rootless=false"];
    let mut container = bundle.global(&options);
    let pid_file = container.scratch("pid");
    let file = pid_file.to_str().unwrap().to_owned();
    container.create_with(&["--no-pivot", "--no-new-keyring", "--pid-file", &file]).ok();
    container.call_with("kill", &["--all"]).arg("9").finish().ok();
    container.wait_for("stopped");
    container.delete().ok();
}

fn the_configuration_may_be_a_pipe() {
    for name in ["-", "/dev/stdin"] {
        let bundle = Bundle::new().steps(&["self"]);
        let call = bundle.run_call(&["--config", name]);
        let text = fs::read_to_string(bundle.path().join("config.json")).unwrap();
        let text = text.replace("\"box\"", "\"piped\"");
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        drop(writer);
        let output = fs::File::create(bundle.scratch("out")).unwrap();
        let error = output.try_clone().unwrap();
        call.stdio(reader.into(), output.into(), error.into()).finish().ok();
        let said = fs::read_to_string(bundle.scratch("out")).unwrap();
        assert!(said.contains("\"hostname\":\"piped\""), "{name}: {said}");
    }
}

fn written_spec(options: &[&str]) -> Value {
    let bundle = Bundle::new();
    let folder = bundle.host_folder("spec");
    bundle.call("spec").args(options).cwd(&folder).finish().ok();
    serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
}

fn log_of_a_failure(format: &str) -> String {
    let bundle = Bundle::new().set("process.args.0", "/bin/nothing");
    let log = bundle.scratch("log");
    let mut container = bundle.global(&["--log", log.to_str().unwrap(), "--log-format", format]);
    let failed = container.create().fails();
    assert!(failed.stderr.contains("/bin/nothing"), "{failed}");
    fs::read_to_string(log).unwrap()
}

/// Engines give one file to all containers.
fn lines_of_many_writers_do_not_mix() {
    let bundle = Bundle::new();
    let log = bundle.scratch("log");
    // Long, so that a line takes more than a page.
    let words = "x".repeat(9000);
    let globals = ["--log", log.to_str().unwrap(), "--log-format", "json"];
    let call = || bundle.call_after(&globals, "spec").arg("--bundle").arg(&words).spawn();
    let running: Vec<_> = (0..16).map(|_| call()).collect();
    running.into_iter().for_each(|running| drop(running.wait().fails()));
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.lines().count(), 16);
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["level"], "error");
        assert!(entry["msg"].as_str().unwrap().contains(&words));
    }
}

fn the_log_may_be_standard_error() {
    let bundle = Bundle::new();
    let failed = bundle.call_after(&["--log", "/dev/stderr"], "state").arg("no").finish().fails();
    assert!(failed.stderr.contains("level=error msg=\"container does not exist"), "{failed}");
}

/// Also of a command that has nothing to log.
fn a_log_that_cannot_be_written_is_an_error() {
    let bundle = Bundle::new();
    let log = bundle.scratch("missing").join("log");
    let list = bundle.call_after(&["--log", log.to_str().unwrap()], "list").finish();
    list.exits(1).fails_with(log.to_str().unwrap());
}

fn a_log_without_its_daemon_goes_to_standard_error() {
    let bundle = Bundle::new();
    for log in ["journald:", "syslog:name"] {
        // One that knows no such places makes a file.
        let call = bundle.call_after(&["--log", log], "state").arg("no").cwd(&bundle.path());
        let failed = call.finish();
        failed.fails_with("container does not exist");
    }
}

fn a_link_in_place_of_the_log_is_not_followed() {
    let bundle = Bundle::new();
    let victim = bundle.host_file("victim", "precious");
    let link = bundle.scratch("log");
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let log = link.to_str().unwrap();
    bundle.call_after(&["--log", log], "state").arg("no").finish().fails();
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}

fn an_unknown_log_level_is_refused() {
    let bundle = Bundle::new();
    let failed = bundle.call_after(&["--log-level", "loud"], "list").finish();
    failed.fails_with("loud");
}

fn errors_only_leaves_warnings_out() {
    let ignored = || Bundle::new().set("process.capabilities.bounding.0", "CAP_UNKNOWN");
    let warned = ignored().run().ok();
    assert!(warned.stderr.contains("CAP_UNKNOWN"), "{warned}");
    let quiet = ignored().global(&["--log-level", "error"]).run().ok();
    assert_eq!(quiet.stderr, "");
}

fn an_expression_stands_for_several_containers() {
    let first = Bundle::new().sleeping();
    let second = first.beside().sleeping();
    let expression = format!("^({}|{})$", first.id, second.id);
    first.call("kill").args(&["--regex", &expression, "KILL"]).finish().ok();
    first.wait_for("stopped");
    second.wait_for("stopped");
    first.call("delete").args(&["--regex", &expression]).finish().ok();
    assert_eq!(first.call("list").arg("-q").finish().ok().stdout, "");
    first.call("delete").args(&["--regex", "("]).finish().fails_with("regular expression");
}

/// The steps of both sides, in Chrome's trace event format.
fn a_timeline_of_both_sides() {
    let bundle = Bundle::new().steps(&["print done"]);
    let file = bundle.scratch("timeline.json");
    let mut bundle = bundle.global(&["--trace", file.to_str().unwrap()]);
    bundle.run().ok();
    let text = std::fs::read_to_string(&file).unwrap();
    let timeline: Value = serde_json::from_str(&text).unwrap();
    let events = timeline["traceEvents"].as_array().unwrap();
    for (side, name) in [
        (0, "plan"),
        (0, "clone"),
        (0, "wait for the init"),
        (0, "commit"),
        (0, "delete"),
        (1, "join cgroups and namespaces"),
        (1, "proc proc on /proc"),
        (1, "limits, ids, capabilities"),
    ] {
        let found = events.iter().find(|event| event["name"] == name);
        let event = found.unwrap_or_else(|| panic!("no {name} in {text}"));
        assert_eq!(event["tid"], side, "{event}");
        assert!(event["dur"].as_f64().is_some_and(|time| time >= 0.0), "{event}");
    }
}

fn a_timeline_that_cannot_be_written_is_a_warning() {
    let mut bundle = Bundle::new().steps(&["print done"]).global(&["--trace", "/no/such/folder/x"]);
    let done = bundle.run().ok();
    assert!(done.stdout.contains("done"), "{done}");
    assert!(done.stderr.contains("unable to write the timeline to /no/such/folder/x"), "{done}");
}

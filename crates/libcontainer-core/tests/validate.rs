//! Configurations and all that is wrong with them: `validate/NAME.json` and `validate/NAME.txt`.
//!
//! `UPDATE_EXPECT=1` writes the `.txt` files anew.

use std::fs;
use std::path::{Path, PathBuf};

use cgroups::{Hierarchy, Kind, Layout};
use expect_test::expect_file;
use libcontainer_core::create::parse;
use libcontainer_core::error::Cause;
use libcontainer_core::plan::{Host, Options, plan};
use libcontainer_core::template::Template;
use libcontainer_core::validate::{Problem, Severity, properties, validate};
use serde_json::{Value, json};

fn configs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(folder).expect("a folder of tests");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

fn options() -> Options {
    Options { id: "box".to_owned(), bundle: "/bundle".to_owned(), ..Options::default() }
}

fn host(euid: u32) -> Host {
    let names = ["cpu,cpuacct", "memory", "pids", "devices", "rdma", "hugetlb"];
    let hierarchy = |name: &str| Hierarchy {
        controllers: name.to_owned(),
        mount: name.to_owned(),
        own: String::new(),
    };
    let layout = Layout::new("/sys/fs/cgroup", Kind::V1, names.map(hierarchy).to_vec());
    Host { cgroups: Some(layout), user_manager: None, selinux: || true, euid, egid: euid }
}

fn problems(text: &[u8]) -> Vec<Problem> {
    validate(text, &options(), host(0)).expect("the options are good").problems
}

fn is_error(problem: &&Problem) -> bool {
    problem.severity == Severity::Error
}

/// The first error of `create`: property and reason.
fn first_refusal(text: &[u8]) -> Option<(String, String)> {
    let error = parse(text).and_then(|spec| plan(&spec, &options(), &host(0))).err()?;
    let Cause::Reason(reason) = error.cause else { panic!("{error} has no reason") };
    Some((error.field.unwrap_or_default(), reason))
}

fn describe(text: &[u8], euid: u32) -> String {
    let report = validate(text, &options(), host(euid)).expect("the options are good");
    let line = |problem: &Problem| {
        let Problem { path, line, column, severity, message, suggestion } = problem;
        let suggestion = suggestion.as_ref().map_or(String::new(), |name| format!(" -> {name}"));
        let severity = format!("{severity:?}").to_lowercase();
        format!("{line}:{column} {severity} {path}: {message}{suggestion}\n")
    };
    let mut lines: String = report.problems.iter().map(line).collect();
    if !report.complete {
        lines += "and perhaps more\n";
    }
    lines
}

#[test]
fn all_problems_of_these_are_found() {
    let configs = configs("validate");
    assert!(configs.len() >= 15, "only {} configurations", configs.len());
    for config in configs {
        let text = fs::read(&config).expect("a configuration");
        expect_file![config.with_extension("txt")].assert_eq(&describe(&text, 0));
    }
}

#[test]
fn an_ordinary_user_hears_of_the_rest_too() {
    let text = br#"{"ociVersion": "1.3.0", "root": {"path": ""}, "linux": {"namespaces": []}}"#;
    let expected = "1:42 error root.path: must not be empty\n\
                    1:71 error linux.namespaces: an ordinary user needs one of type \"user\" (see `orun spec --rootless`)\n";
    assert_eq!(describe(text, 1000), expected);
}

#[test]
fn what_spec_writes_has_no_problem() {
    for (rootless, unified) in [(false, false), (false, true), (true, false), (true, true)] {
        let text = Template { rootless, unified, uid: 1000, gid: 1000 }.to_json();
        assert_eq!(problems(text.as_bytes()), []);
    }
}

#[test]
fn the_first_error_of_create_is_among_them() {
    for config in configs("plans") {
        let text = fs::read(&config).expect("a configuration");
        let found = problems(&text);
        let errors: Vec<_> = found.iter().filter(is_error).collect();
        match first_refusal(&text) {
            None => assert!(errors.is_empty(), "{}: {errors:#?}", config.display()),
            Some((path, reason)) => {
                let same = |problem: &&&Problem| {
                    (problem.path.starts_with(&path) || path == "config.json")
                        && reason.contains(&problem.message)
                        || reason.starts_with("missing field") && problem.message == "is missing"
                };
                assert!(
                    errors.iter().any(|problem| same(&problem)),
                    "{}: {path}: {reason} is not in {errors:#?}",
                    config.display()
                );
            }
        }
    }
}

/// Each value of each good configuration, replaced by each of some others: `validate` finds an error
/// if and only if `create` refuses it.
#[test]
fn it_refuses_what_create_refuses_and_nothing_else() {
    let wrong =
        [json!(null), json!(-7), json!("x"), json!([]), json!([[1]]), json!({}), json!({"x": {}})];
    let (mut refused, mut told) = (0, 0);
    for config in configs("plans") {
        let text = fs::read(&config).expect("a configuration");
        let good: Value = serde_json::from_slice(&text).unwrap_or_default();
        if good.is_null() || first_refusal(&text).is_some() {
            continue;
        }
        for pointer in pointers(&good, "") {
            for value in &wrong {
                let mut bad = good.clone();
                *bad.pointer_mut(&pointer).expect("it is there") = value.clone();
                let text = bad.to_string();
                let found = problems(text.as_bytes());
                let errors = found.iter().filter(is_error).count();
                let is_refused = first_refusal(text.as_bytes()).is_some();
                assert_eq!(errors > 0, is_refused, "{pointer} {value}: {found:#?}");
                refused += usize::from(is_refused);
                told += errors;
            }
        }
    }
    assert!(refused > 1000, "only {refused} refusals");
    // One mistake, one error: more are rare, as when the namespaces are gone.
    assert!(told < refused * 12 / 10, "{told} errors for {refused} mistakes");
}

fn pointers(value: &Value, path: &str) -> Vec<String> {
    let mut found = vec![path.to_owned()];
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(pointers(item, &format!("{path}/{index}")));
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                found.extend(pointers(member, &format!("{path}/{name}")));
            }
        }
        _ => {}
    }
    found
}

#[test]
fn nesting_has_no_bound() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let text = format!(
        r#"{{"ociVersion": "1.3.0", "root": {{"path": "r"}}, "deep": {open}{close}, "mounts": {open}{close}, "vm": 1}}"#
    );
    let found = problems(text.as_bytes());
    let paths: Vec<_> = found.iter().map(|problem| &*problem.path).collect();
    assert_eq!(paths, ["deep", "mounts[0]"]);
}

#[test]
fn a_great_many_errors_end() {
    let rlimits = vec![r#"{"type": "X", "soft": 1, "hard": 1}"#; 3000].join(",\n");
    let text = format!(
        r#"{{"ociVersion": "1.3.0", "root": {{"path": "r"}}, "process": {{"cwd": "/", "args": ["x"], "rlimits": [{rlimits}]}}}}"#
    );
    let report = validate(text.as_bytes(), &options(), host(0)).expect("the options are good");
    assert!(!report.complete);
    assert_eq!(report.problems.len(), 100);
    assert_eq!(report.problems[7].path, "process.rlimits[7].type");
    assert_eq!(report.problems[7].line, 8);
}

#[test]
fn properties_are_those_of_the_types() {
    let found = properties();
    for path in [
        "ociVersion",
        "process.execCPUAffinity.final",
        "mounts[].uidMappings[].hostID",
        "hooks.poststop[].timeout",
        "linux.timeOffsets.*.nanosecs",
        "linux.resources.blockIO.throttleReadIOPSDevice[].rate",
        "linux.resources.rdma.*.hcaObjects",
        "linux.seccomp.syscalls[].args[].valueTwo",
    ] {
        assert!(found.iter().any(|known| known == path), "{path} is not in {found:#?}");
    }
}

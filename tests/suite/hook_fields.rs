//! The properties of a hook, for each of the six kinds.

use std::time::{Duration, Instant};

use behaviour::{Bundle, host};
use serde_json::json;

use crate::case::{Case, cases};
use crate::hooks::{KINDS, hooked, log};

pub const CASES: &[Case] = cases![
    each_kind_has_its_path_and_arguments,
    each_kind_has_its_environment,
    create_hooks_have_a_timeout,
    start_container_has_a_timeout,
    poststart_has_a_timeout,
    poststop_has_a_timeout,
    a_timeout_must_be_positive,
    a_relative_path_is_refused,
];

fn each_kind_has_its_path_and_arguments() {
    let mut bundle =
        KINDS.into_iter().fold(Bundle::new(), |bundle, kind| hooked(bundle, kind, &[kind], "/"));
    bundle.run().ok();
    let mut names: Vec<_> = log(&bundle).iter().map(|entry| entry["args"][0].clone()).collect();
    names.sort_by_key(|name| KINDS.iter().position(|kind| name == kind));
    assert_eq!(names, KINDS);
}

fn each_kind_has_its_environment() {
    let mut bundle = KINDS.into_iter().fold(Bundle::new(), |bundle, kind| {
        let bundle = hooked(bundle, kind, &[kind], "/");
        bundle.set(&format!("hooks.{kind}.0.env"), json!([format!("KIND={kind}"), "B=two words"]))
    });
    bundle.run().ok();
    let log = log(&bundle);
    assert_eq!(log.len(), KINDS.len());
    for entry in log {
        let kind = entry["args"][0].as_str().unwrap();
        assert_eq!(entry["env"], json!([format!("KIND={kind}"), "B=two words"]), "{kind}");
    }
}

fn create_hooks_have_a_timeout() {
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let mut bundle = with_slow(kind);
        in_time(kind, || _ = bundle.create().fails());
    }
}

fn start_container_has_a_timeout() {
    let container = with_slow("startContainer").created();
    in_time("startContainer", || _ = container.start().fails());
}

fn poststart_has_a_timeout() {
    let container = with_slow("poststart").steps(&["sleep"]).created();
    in_time("poststart", || _ = container.start());
}

fn poststop_has_a_timeout() {
    let mut container = with_slow("poststop").created();
    in_time("poststop", || _ = container.delete_force());
}

fn a_timeout_must_be_positive() {
    for kind in KINDS {
        let bundle = with_slow(kind).set(&format!("hooks.{kind}.0.timeout"), 0);
        { bundle }.create().fails();
    }
}

fn a_relative_path_is_refused() {
    for kind in KINDS {
        let mut bundle = Bundle::new().hook(kind, "true".as_ref(), &["true"]);
        bundle.create().fails();
    }
}

/// A bundle with a hook that would take longer than it may.
fn with_slow(kind: &str) -> Bundle {
    let bundle = Bundle::new();
    let probe = if kind == "startContainer" { "/bin/probe".into() } else { bundle.probe() };
    let bundle = bundle.hook(kind, &probe, &["x", "sleep 90000"]);
    bundle.set(&format!("hooks.{kind}.0.timeout"), 1)
}

fn in_time(kind: &str, act: impl FnOnce()) {
    let before = Instant::now();
    act();
    let taken = before.elapsed();
    assert!(
        (Duration::from_millis(900)..host::patience(Duration::from_secs(5))).contains(&taken),
        "{kind}: {taken:?}"
    );
}

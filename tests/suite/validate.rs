//! `orun validate`: all that is wrong with a configuration.

use behaviour::{Bundle, Call, runtime};
use expect_test::expect;
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_good_configuration,
    all_problems_at_once,
    warnings_are_no_failure_unless_strict,
    problems_as_json,
    a_file_in_place_of_the_bundles,
    a_missing_file,
];

fn a_good_configuration() {
    let done = validate(&Bundle::new(), &["--strict"]).finish().ok();
    assert_eq!(done.stdout, "config.json: 0 errors, 0 warnings\n");
}

fn all_problems_at_once() {
    let bundle = Bundle::new().text(
        r#"{
  "ociVersion": "1.3.0",
  "root": {"path": "rootfs", "readOnly": true},
  "process": {"cwd": "tmp", "args": ["sh"], "user": {"uid": "root"}},
  "hooks": {"prestart": [{"path": "/bin/true"}, {"path": "true"}]}
}"#,
    );
    let done = validate(&bundle, &[]).finish().exits(1);
    expect![[r#"
        config.json:3:30: warning: root.readOnly: unknown property; did you mean "readonly"?
        config.json:4:22: error: process.cwd: "tmp": Cwd must be an absolute path
        config.json:4:61: error: process.user.uid: invalid type: string "root", expected u32
        config.json:5:58: error: hooks.prestart[1].path: "true" is not an absolute path
        config.json: 3 errors, 1 warning
    "#]]
    .assert_eq(&done.stdout);
    assert_eq!(done.stderr, "");
}

fn warnings_are_no_failure_unless_strict() {
    let bundle = Bundle::new().set("process.capabilites", json!({}));
    let done = validate(&bundle, &[]).finish().ok();
    assert!(done.stdout.contains("did you mean \"capabilities\"?"), "{done}");
    validate(&bundle, &["--strict"]).finish().exits(1);
}

fn problems_as_json() {
    let bundle = Bundle::new()
        .text("{\n\"ociVersion\": \"2.0.0\", \"rot\": {},\n\"root\": {\"path\": \"\"}}");
    let done = validate(&bundle, &["--format", "json"]).finish().exits(1);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let problems = json!([
        { "path": "ociVersion", "line": 2, "column": 15, "severity": "error", "suggestion": null,
          "message": "version 2.0.0 is not supported, only 1.x is" },
        { "path": "rot", "line": 2, "column": 24, "severity": "warning", "suggestion": "root",
          "message": "unknown property" },
        { "path": "root.path", "line": 3, "column": 18, "severity": "error", "suggestion": null,
          "message": "must not be empty" },
    ]);
    assert_eq!(report, json!({ "file": "config.json", "complete": true, "problems": problems }));
}

fn a_file_in_place_of_the_bundles() {
    let bundle = Bundle::new();
    let file = bundle.host_file("other.json", "{} {}");
    let call = Call::new(&runtime().program).args(&["validate", "--config"]).arg(&file);
    let done = call.finish().exits(1);
    let expected = format!("{}:1:4: error: trailing characters\n", file.display());
    assert!(done.stdout.starts_with(&expected), "{done}");
}

fn a_missing_file() {
    let bundle = Bundle::new();
    let call = Call::new(&runtime().program).args(&["validate", "--bundle"]);
    call.arg(bundle.path()).finish().exits(1).fails_with("config.json: no such file or directory");
}

fn validate(bundle: &Bundle, options: &[&str]) -> Call {
    let _written = bundle.create_call(&[]);
    Call::new(&runtime().program).arg("validate").args(options).cwd(&bundle.path())
}

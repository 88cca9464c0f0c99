//! docs/security-tests.md against the sources: each test is there, each of the chapters has a row, each control is listed.

use std::fs;
use std::path::{Path, PathBuf};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows: tests, and the runtimes on which they fail.
fn rows() -> Vec<(Vec<String>, Vec<String>)> {
    let page = read("docs/security-tests.md");
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::to_owned).collect();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("`"));
    rows.map(|line| {
        let cells: Vec<String> = cells(line);
        let (control, tests) = (&cells[cells.len() - 1], &cells[cells.len() - 2]);
        let tests = tests.split(',').map(|test| test.trim().trim_matches('`').to_owned());
        let controls = control.split(',').map(|name| name.trim().to_owned());
        (tests.collect(), controls.filter(|name| name != "-").collect())
    })
    .collect()
}

/// The listed tests of a chapter: the lines of its table.
fn tests_of(chapter: &str) -> Vec<String> {
    let text = read(&format!("tests/suite/{chapter}.rs"));
    let (_, table) = text.split_once("cases![").expect("a table of tests");
    let (table, _) = table.split_once("];").expect("the end of the table");
    let names = table.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| format!("{chapter}::{name}")).collect()
}

#[test]
fn each_test_is_there() {
    let mut wrong = Vec::new();
    for test in rows().into_iter().flat_map(|(tests, _)| tests) {
        let (chapter, name) = test.split_once("::").unwrap_or((&test, ""));
        if !read(&format!("tests/suite/{chapter}.rs")).contains(&format!("fn {name}(")) {
            wrong.push(test);
        }
    }
    assert!(wrong.is_empty(), "no such tests: {wrong:?}");
}

#[test]
fn each_test_of_the_chapters_has_a_row() {
    let listed: Vec<String> = rows().into_iter().flat_map(|(tests, _)| tests).collect();
    let all = ["security", "hardening", "attacks", "races"].into_iter().flat_map(tests_of);
    let missing: Vec<String> = all.filter(|test| !listed.contains(test)).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
}

#[test]
fn each_control_is_listed_as_a_difference() {
    let mut wrong = Vec::new();
    for (tests, controls) in rows() {
        for runtime in ["runc", "crun"] {
            let differences = read(&format!("tests/suite/differences/{runtime}.rs"));
            let control = controls.iter().any(|name| name.starts_with(runtime));
            for test in &tests {
                if differences.contains(&format!("\"{test}\"")) != control {
                    wrong.push(format!("{test}: {runtime} is a control: {control}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

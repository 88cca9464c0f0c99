//! docs/coverage.md against the sources: every property has a row, every row a test, every test is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libcontainer_core::plan::options;
use libcontainer_core::validate::properties;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the page below a heading that `wanted` likes: first column, tests.
fn rows(wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(top().join("docs/coverage.md")).expect("docs/coverage.md");
    let mut heading = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        heading = line.strip_prefix("## ").unwrap_or(heading);
        let Some(row) = line.strip_prefix("| `") else { continue };
        let (name, tests) = row.split_once("` |").expect("two columns");
        if heading.is_empty() || !wanted(heading) {
            continue;
        }
        let tests =
            tests.trim_end_matches('|').split(',').map(|test| test.trim().trim_matches('`'));
        let tests = tests.filter(|test| !test.is_empty()).map(str::to_owned).collect();
        rows.push((name.to_owned(), tests));
    }
    rows
}

const WORDS: &str = "Option words of mounts";

/// Properties that hold no others.
fn leaves() -> Vec<String> {
    let all = properties();
    let holds = |path: &str| {
        let inner = [format!("{path}."), format!("{path}[]")];
        all.iter().any(|other| inner.iter().any(|inner| other.starts_with(inner.as_str())))
    };
    all.iter().filter(|path| !holds(path)).cloned().collect()
}

/// Whether a row is about a property; a `*` of the row stands for any name.
fn covers(row: &str, path: &str) -> bool {
    let (row, path): (Vec<_>, Vec<_>) = (row.split('.').collect(), path.split('.').collect());
    let same = |(row, path): (&&str, &&str)| {
        row == path
            || row
                .strip_prefix('*')
                .is_some_and(|rest| rest == path.trim_start_matches(char::is_alphanumeric))
    };
    row.len() == path.len() && row.iter().zip(&path).all(same)
}

#[test]
fn every_property_has_one_row() {
    let rows = rows(|heading| heading != WORDS);
    let leaves = leaves();
    assert!(leaves.len() > 150, "only {} properties", leaves.len());
    let mut wrong = Vec::new();
    for path in &leaves {
        let count = rows.iter().filter(|(row, _)| covers(row, path)).count();
        if count != 1 {
            wrong.push(format!("{path} has {count} rows"));
        }
    }
    for (row, _) in &rows {
        if !leaves.iter().any(|path| covers(row, path)) {
            wrong.push(format!("{row} is no property"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_option_word_has_one_row() {
    let rows: Vec<_> = rows(|heading| heading == WORDS).into_iter().map(|(word, _)| word).collect();
    let words: Vec<_> = options::words().collect();
    assert_eq!(rows, words);
}

#[test]
fn every_row_names_tests_that_exist() {
    let mut sources = BTreeMap::new();
    let mut wrong = Vec::new();
    for (row, tests) in rows(|_| true) {
        if tests.is_empty() {
            wrong.push(format!("{row} has no test"));
        }
        for test in tests {
            let (file, function) = place(&test);
            let text: &mut String = sources
                .entry(file.clone())
                .or_insert_with(|| fs::read_to_string(top().join(&file)).unwrap_or_default());
            let found = match function {
                Some(function) => text.contains(&format!("fn {function}() {{")),
                None => !text.is_empty(),
            };
            if !found {
                wrong.push(format!("{row}: {test} is not in {file}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a test is: the file, and the function in it. The page has the same table.
fn place(test: &str) -> (String, Option<&str>) {
    if let Some(name) = test.strip_prefix("plans/") {
        return (format!("crates/libcontainer-core/tests/plans/{name}.json"), None);
    }
    let (chapter, function) = test.rsplit_once("::").unwrap_or(("", test));
    let file = match (chapter, chapter.strip_prefix("machine::")) {
        (_, Some(file)) => format!("crates/cgroups/tests/machine/{file}.rs"),
        ("limits", _) => "crates/cgroups/src/plan_tests.rs".to_owned(),
        ("resctrl", _) => "crates/libcontainer-core/src/intel_rdt/tests.rs".to_owned(),
        (chapter, _) => format!("tests/suite/{chapter}.rs"),
    };
    (file, Some(function))
}

//! `seccomp check`: whether a profile is good, and what it denies.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libcontainer_core::error::Result;
use libcontainer_core::seccomp::explain::{ArchSummary, Summary, check};
use libcontainer_core::seccomp::{Action, Arch, bpf};
use serde_json::{Value, json};

use super::{Document, print};
use crate::commands::{Context, warn};

/// Prints what a profile does.
pub fn run(context: &Context, document: &Document<'_>, as_json: bool) -> Result<i32> {
    let summary = match check(&document.profile, Arch::NATIVE) {
        Ok(summary) => summary,
        Err(error) if as_json => {
            let error = json!({ "path": document.path(error.path()), "message": error.message() });
            print(&json!({ "good": false, "error": error }));
            return Ok(1);
        }
        Err(error) => return Err(document.refusal(&error)),
    };
    let mut warnings = unknown_keys(document);
    warnings.extend(summary.warnings.iter().map(
        |(path, words)| match document.path(path).as_str() {
            "" => words.clone(),
            path => format!("{path}: {words}"),
        },
    ));
    if as_json {
        return Ok(print(&in_json(&summary, &warnings)));
    }
    warn(context, &warnings);
    Ok(crate::print(&in_text(document.name, &summary)))
}

/// Keys that the specification does not have: those of engines, which a runtime ignores.
fn unknown_keys(document: &Document<'_>) -> Vec<String> {
    const PROFILE: &[&str] = &[
        "defaultAction",
        "defaultErrnoRet",
        "architectures",
        "flags",
        "listenerPath",
        "listenerMetadata",
        "syscalls",
    ];
    const RULE: &[&str] = &["names", "action", "errnoRet", "args"];
    const CONDITION: &[&str] = &["index", "value", "valueTwo", "op"];
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut look = |object: &Value, known: &[&str], path: &str| {
        let keys = object.as_object().into_iter().flat_map(|object| object.keys());
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            *found.entry(document.path(&format!("{path}{key}"))).or_default() += 1;
        }
    };
    look(&document.raw, PROFILE, "");
    for rule in document.raw["syscalls"].as_array().into_iter().flatten() {
        look(rule, RULE, "syscalls[].");
        for condition in rule["args"].as_array().into_iter().flatten() {
            look(condition, CONDITION, "syscalls[].args[].");
        }
    }
    let told = found.into_iter().map(|(path, count)| {
        let often = if count == 1 { String::new() } else { format!(", {count} times") };
        format!("{path}: no property of the specification, ignored{often}")
    });
    told.collect()
}

/// The names by answer, those that let calls pass last.
fn by_answer(summary: &ArchSummary) -> Vec<(Action, Vec<&'static str>)> {
    let mut groups: BTreeMap<(bool, u32), Vec<&'static str>> = BTreeMap::new();
    for (name, action) in &summary.always {
        groups.entry((!action.denies(), action.0)).or_default().push(name);
    }
    groups.into_iter().map(|((_, action), names)| (Action(action), names)).collect()
}

fn in_text(path: &str, summary: &Summary) -> String {
    let (length, most) = (summary.length, bpf::MAX_INSTRUCTIONS);
    let mut text = format!("{path}: good, {length} instructions of at most {most}\n");
    for arch in &summary.archs {
        let _ = writeln!(text, "\n{}: {} instructions alone", arch.arch.name(), arch.length);
        for (action, names) in by_answer(arch) {
            // What passes is the longest list, and not what one looks for.
            let shown = if action.denies() { &names[..] } else { &[] };
            list(&mut text, &action.to_string(), names.len(), shown);
        }
        list(&mut text, "arguments decide", arch.depends.len(), &arch.depends);
    }
    text
}

/// A heading and names, in lines of some 100 characters.
fn list(text: &mut String, heading: &str, count: usize, names: &[&str]) {
    let _ = writeln!(text, "  {heading}: {count}");
    let mut line = String::new();
    for name in names {
        if line.len() + name.len() > 92 {
            let _ = writeln!(text, "   {line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(name);
    }
    if !line.is_empty() {
        let _ = writeln!(text, "   {line}");
    }
}

fn in_json(summary: &Summary, warnings: &[String]) -> Value {
    let arch = |arch: &ArchSummary| {
        let answers: Vec<Value> = by_answer(arch)
            .into_iter()
            .map(|(action, names)| {
                json!({ "action": action.name(), "data": action.data(), "names": names })
            })
            .collect();
        json!({
            "name": arch.arch.name(),
            "instructions": arch.length,
            "answers": answers,
            "argumentsDecide": arch.depends,
        })
    };
    let archs: Vec<Value> = summary.archs.iter().map(arch).collect();
    json!({
        "good": true,
        "instructions": summary.length,
        "architectures": archs,
        "warnings": warnings,
    })
}

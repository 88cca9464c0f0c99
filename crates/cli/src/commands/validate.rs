//! `validate`

use libcontainer_core::create::read_config;
use libcontainer_core::plan::Host;
use libcontainer_core::validate::{Problem, Report, Severity, validate as validate_config};
use serde_json::json;

use super::{Context, Failure, create::options};
use crate::parse::Words;

/// `validate`
pub fn validate(context: &Context, global: &Words, words: &Words) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "validate", error);
    let mut options = options(context, global, words, Vec::new()).map_err(failed)?;
    "ID".clone_into(&mut options.id);
    let config = words.last("config");
    let text = read_config(&options.bundle, config, None).map_err(failed)?;
    let bundle = words.last("bundle").map_or("", |bundle| bundle.trim_end_matches('/'));
    let file = match (config, bundle) {
        (Some(file), _) => file.to_owned(),
        (None, "") => "config.json".to_owned(),
        (None, bundle) => format!("{bundle}/config.json"),
    };
    let host = Host::probe(&options).map_err(failed)?;
    let report = validate_config(&text, &options, host).map_err(failed)?;
    let shown = match words.last("format").unwrap_or("text") {
        "text" => as_text(&file, &report),
        "json" => as_json(&file, &report),
        other => {
            let message = format!("invalid format option {other:?}: it is text or json");
            return Err(Failure::new(message));
        }
    };
    let printed = crate::print(&shown);
    let bad = count(&report, Severity::Error) > 0
        || (words.has("strict") && count(&report, Severity::Warning) > 0);
    Ok(if bad { 1 } else { printed })
}

/// A line for each problem, as compilers write it, so that editors find the place.
fn as_text(file: &str, report: &Report) -> String {
    let mut text = String::new();
    for Problem { path, line, column, severity, message, suggestion } in &report.problems {
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        text += &format!("{file}:{line}:{column}: {}: {path}{message}", name(*severity));
        if let Some(other) = suggestion {
            text += &format!("; did you mean {other:?}?");
        }
        text.push('\n');
    }
    let (errors, warnings) = (count(report, Severity::Error), count(report, Severity::Warning));
    text += &format!("{file}: {}, {}\n", some(errors, "error"), some(warnings, "warning"));
    if !report.complete {
        text += "The rest could not be checked.\n";
    }
    text
}

fn as_json(file: &str, report: &Report) -> String {
    let problem = |problem: &Problem| {
        json!({
            "path": problem.path,
            "line": problem.line,
            "column": problem.column,
            "severity": name(problem.severity),
            "message": problem.message,
            "suggestion": problem.suggestion,
        })
    };
    let problems: Vec<_> = report.problems.iter().map(problem).collect();
    let document = json!({"file": file, "complete": report.complete, "problems": problems});
    // A tree of our own making always has a JSON form.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn count(report: &Report, severity: Severity) -> usize {
    report.problems.iter().filter(|problem| problem.severity == severity).count()
}

fn some(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

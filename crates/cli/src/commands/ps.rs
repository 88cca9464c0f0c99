//! `ps`

use libcontainer_core::ps;

use super::{Context, Failure, find};
use crate::parse::Words;

/// `ps`
pub fn ps(words: &Words, root: &str, command: &str, context: &Context) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, command, error);
    let container = find(root, &words.args[0]).map_err(failed)?;
    let pids = ps::pids(&container).map_err(failed)?;
    match words.last("format").unwrap_or("table") {
        "json" => Ok(crate::print(&(serde_json::to_string(&pids).unwrap_or_default() + "\n"))),
        "table" => table(&pids, &words.args[1..]),
        other => Err(Failure::new(format!("invalid format option {other:?}: it is table or json"))),
    }
}

/// The host's `ps`, less what is not the container's.
fn table(pids: &[i32], options: &[String]) -> Result<i32, Failure> {
    let default = ["-ef".to_owned()];
    let options = if options.is_empty() { &default } else { options };
    libcontainer_core::caller::keep_children();
    #[expect(clippy::disallowed_methods, reason = "not a container process: the host's ps")]
    let output = std::process::Command::new("ps")
        .args(options)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| {
            Failure::new(format!(
                "unable to run ps: {error}; hint: install the package procps, or use --format json"
            ))
        })?;
    if !output.status.success() {
        let status = output.status.to_string().replace(": ", " ");
        return Err(Failure::new(format!("ps {}: {}", options.join(" "), status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let column = head
        .split_whitespace()
        .position(|title| title == "PID")
        .ok_or_else(|| Failure::new("couldn't find the column PID in the output of ps"))?;
    let ours = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|pid| pid.parse().ok());
        pid.is_some_and(|pid| pids.contains(&pid))
    };
    let rows: String = lines.filter(ours).map(|line| format!("{line}\n")).collect();
    Ok(crate::print(&format!("{head}\n{rows}")))
}

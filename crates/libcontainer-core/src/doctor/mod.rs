//! What this host offers and lacks for containers, for `doctor`: facts only, nothing is changed or printed.

mod caller;
mod cgroup;
mod kernel;
mod users;

use serde::Serialize;

/// How good a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All that containers can ask for.
    Ok,
    /// Containers run, some of them not, or with less.
    Limited,
    /// Not there; what needs it fails.
    Missing,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is a part of: `kernel`, `cgroups`, `users`, `security`, `caller`.
    pub area: &'static str,
    /// What was asked.
    pub name: String,
    /// The judgement.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Whether a container of the default configuration fails for it.
    pub fatal: bool,
}

/// All facts.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// Whether a container of the default configuration can run.
    pub able: bool,
    /// In the order to be shown.
    pub facts: Vec<Fact>,
}

/// Looks at the host, as the caller sees it.
pub fn diagnose() -> Diagnosis {
    let all = [kernel::facts(), cgroup::facts(), users::facts(), caller::facts()];
    let facts: Vec<Fact> = all.into_iter().flatten().collect();
    Diagnosis { able: facts.iter().all(|fact| !fact.fatal), facts }
}

/// A fact without advice.
fn good(area: &'static str, name: &str, found: impl Into<String>) -> Fact {
    let name = name.to_owned();
    Fact { area, name, status: Status::Ok, found: found.into(), advice: None, fatal: false }
}

/// A fact that can be made better.
fn lacking(
    area: &'static str,
    name: &str,
    status: Status,
    found: impl Into<String>,
    advice: impl Into<String>,
) -> Fact {
    Fact { status, advice: Some(advice.into()), ..good(area, name, found) }
}

/// A fact without which nothing runs.
fn fatal(fact: Fact) -> Fact {
    Fact { status: Status::Missing, fatal: true, ..fact }
}

/// A file of /proc, /sys or /etc as text without white space around it; none if it is not there.
fn text(path: &str) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The value of a line `Name:\tvalue` of /proc/self/status.
fn own_status(name: &str) -> Option<String> {
    let status = text("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

fn exists(path: &str) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXISTS).is_ok()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let diagnosis = diagnose();
        assert!(diagnosis.facts.iter().any(|fact| fact.name == "version"));
        for fact in &diagnosis.facts {
            assert_eq!(fact.status == Status::Ok, fact.advice.is_none(), "{fact:?}");
            assert!(!fact.found.is_empty() && !fact.name.is_empty(), "{fact:?}");
        }
        assert_eq!(diagnosis.able, !diagnosis.facts.iter().any(|fact| fact.fatal));
    }
}

//! The command line.

use crate::scenario::{QUICK, SCENARIOS, Scenario};
use std::path::PathBuf;
use std::time::Duration;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// How often to measure.
    pub rounds: usize,
    /// For how long at most, each time.
    pub cap: Duration,
    /// Names of scenarios.
    pub scenarios: Vec<&'static str>,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// Where to write the chart.
    pub svg: Option<PathBuf>,
}

const HEAD: &str = "\
usage: bench [--rounds N] [--seconds N] [--scenario NAME]... [--json FILE] [--svg FILE]

Compares orun, crun, runc and youki, and the floor: the kernel work that the default
bundle asks for. Needs root. A runtime that is not found is left out; ORUN, CRUN, RUNC
and YOUKI are paths of binaries that are not in PATH.

  --rounds N        measure N times (100)
  --quick           the same as --rounds 10
  --seconds N       end after N seconds of measuring the same, and of making many
                    containers of one runtime, whatever is left (120)
  --scenario NAME   one of those below, or all; may be repeated (base, counts)
  --json FILE       write the figures to FILE too
  --svg FILE        draw the ratios to FILE

";

/// For `--help` and for mistakes.
pub fn usage() -> String {
    let line = |s: &Scenario| format!("  {:10}{}\n", s.name, s.about);
    HEAD.to_string() + &SCENARIOS.iter().map(line).collect::<String>()
}

/// `None` when help was asked for.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let cap = Duration::from_secs(120);
    let mut options = Options { rounds: 100, cap, scenarios: Vec::new(), json: None, svg: None };
    while let Some(arg) = args.next() {
        let mut value = |what: &str| args.next().ok_or(format!("{arg} needs {what}"));
        match arg.as_str() {
            "--quick" => options.rounds = 10,
            "--rounds" => options.rounds = number(&arg, &value("a number")?)? as usize,
            "--seconds" => options.cap = Duration::from_secs(number(&arg, &value("a number")?)?),
            "--scenario" => options.scenarios.extend(named(&value("a name")?)?),
            "--json" => options.json = Some(value("a file")?.into()),
            "--svg" => options.svg = Some(value("a file")?.into()),
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("{arg}: unknown argument")),
        }
    }
    if options.scenarios.is_empty() {
        options.scenarios = QUICK.to_vec();
    }
    Ok(Some(options))
}

fn number(option: &str, value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(0) => Err(format!("{option} 0: nothing to measure")),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{option} {value}: {error}")),
    }
}

fn named(name: &str) -> Result<Vec<&'static str>, String> {
    match (name, Scenario::named(name)) {
        ("all", _) => Ok(SCENARIOS.iter().map(|s| s.name).collect()),
        (_, Some(scenario)) => Ok(vec![scenario.name]),
        _ => Err(format!("--scenario {name}: there is none of that name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = String> {
        line.split_whitespace().map(String::from).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn arguments() {
        let line = "--rounds 7 --json a --svg b --seconds 5 --scenario docker --scenario many";
        let options = parse(words(line)).unwrap().unwrap();
        let expected = Options {
            rounds: 7,
            cap: Duration::from_secs(5),
            scenarios: vec!["docker", "many"],
            json: Some("a".into()),
            svg: Some("b".into()),
        };
        assert_eq!(options, expected);
        assert!(parse(words("--help --nonsense")).unwrap().is_none());
    }

    #[test]
    fn scenarios() {
        assert_eq!(parse(words("--quick")).unwrap().unwrap().scenarios, QUICK);
        let all = parse(words("--scenario all")).unwrap().unwrap().scenarios;
        assert_eq!(all.len(), SCENARIOS.len());
    }

    #[test]
    fn mistakes() {
        for line in [
            "--rounds",
            "--rounds 0",
            "--rounds x",
            "--seconds 0",
            "--json",
            "--svg",
            "--scenario",
            "--scenario no",
            "more",
        ] {
            assert!(parse(words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn every_scenario_is_explained() {
        let usage = usage();
        assert!(SCENARIOS.iter().all(|s| usage.contains(s.about)));
        assert!(usage.lines().all(|line| line.len() <= 90), "{usage}");
    }
}

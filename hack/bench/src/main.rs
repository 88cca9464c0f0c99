//! Compares container runtimes side by side: time, system calls and memory of each command.
//!
//! Every round runs every runtime once, in an order that turns from round to round, so that what
//! slows the machine down for a while slows all of them down. The figures are for reading: this
//! program never fails because something was slow.
#![allow(clippy::disallowed_methods)]

mod bundle;
mod cgroup_view;
mod count;
mod lifecycle;
mod report;
mod runtime;
mod stats;

use bundle::Bundle;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: bench [--rounds N] [--quick] [--json FILE]

Compares orun, crun, runc and youki, and the floor: the kernel work that the default
bundle asks for. Needs root. A runtime that is not found is left out; ORUN, CRUN, RUNC
and YOUKI are paths of binaries that are not in PATH.

  --rounds N    measure N times (100)
  --quick       the same as --rounds 10
  --json FILE   write the figures to FILE too
";

/// Rounds that are run and not counted, to fill the caches.
const WARM_UP: usize = 3;

struct Options {
    rounds: usize,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => compare(&options),
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => Err(format!("{message}\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when help was asked for.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { rounds: 100, json: None };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.rounds = 10,
            "--rounds" => {
                let value = args.next().ok_or("--rounds needs a number")?;
                options.rounds = value.parse().map_err(|e| format!("--rounds {value}: {e}"))?;
                if options.rounds == 0 {
                    return Err("--rounds 0: nothing to measure".into());
                }
            }
            "--json" => options.json = Some(args.next().ok_or("--json needs a file")?.into()),
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("{arg}: unknown argument")),
        }
    }
    Ok(Some(options))
}

fn compare(options: &Options) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root: sudo make bench".into());
    }
    let bundle = Bundle::create()?;
    let runtimes = runtime::find_all(&bundle)?;
    cgroup_view::enter(runtimes.iter().any(|r| r.name == "crun"))?;
    // What `create` leaves behind becomes our child, so that its end can be waited for.
    rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1))
        .map_err(|e| format!("PR_SET_CHILD_SUBREAPER: {e}"))?;
    println!("{} rounds, {}", options.rounds, report::machine());

    let mut times = stats::Times::default();
    for round in 0..WARM_UP + options.rounds {
        for turn in 0..runtimes.len() {
            let runtime = &runtimes[(round + turn) % runtimes.len()];
            let measured = lifecycle::measure(runtime, &bundle)?;
            if round >= WARM_UP {
                times.add(&runtime.name, measured);
            }
        }
    }
    let counts = runtimes.iter().map(|r| count::measure(r, &bundle)).collect::<Result<_, _>>()?;
    let report = report::Report { rounds: options.rounds, runtimes, times, counts };
    print!("{}", report.text());
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = String> {
        line.split_whitespace().map(String::from).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn arguments() {
        let options = parse(words("--rounds 7 --json out")).unwrap().unwrap();
        assert_eq!((options.rounds, options.json), (7, Some(PathBuf::from("out"))));
        assert!(parse(words("--help --nonsense")).unwrap().is_none());
        for line in ["--rounds", "--rounds 0", "--rounds x", "--json", "more"] {
            assert!(parse(words(line)).is_err(), "{line}");
        }
    }
}

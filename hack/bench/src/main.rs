//! Compares container runtimes side by side: time, system calls and memory of each command.
//!
//! Everything runs in a mount and a process namespace of its own: nothing else of the machine is
//! in the way, and nothing stays behind when it is killed. The figures are for reading: this
//! program never fails because something was slow.
#![allow(clippy::disallowed_methods)]

mod bundle;
mod cgroup_view;
mod chart;
mod config;
mod count;
mod crowd;
mod field;
mod json;
mod lifecycle;
mod many;
mod options;
mod pairs;
mod profile;
mod report;
mod runtime;
mod scenario;
mod stats;
mod table;
mod terminal;
mod tools;

use bench_sys::sys;
use bundle::Bundle;
use options::Options;
use report::Report;
use rustix::process::{
    Pid, Signal, WaitOptions, geteuid, set_parent_process_death_signal, waitpid,
};
use scenario::Scenario;
use std::fs;
use std::process::ExitCode;

const INIT: &str = "the benchmark's own init";

fn main() -> ExitCode {
    let result = match options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => contained(&options),
        Ok(None) => {
            print!("{}", options::usage());
            return ExitCode::SUCCESS;
        }
        Err(message) => Err(format!("{message}\n\n{}", options::usage())),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measures in namespaces of its own, as their init; the bundles are removed from outside.
fn contained(options: &Options) -> Result<u8, String> {
    if !geteuid().is_root() {
        return Err("needs root: sudo make bench".into());
    }
    let bundle = Bundle::create()?;
    let pid = sys::clone3(libc::CLONE_NEWPID | libc::CLONE_NEWNS, None)
        .map_err(|e| format!("{INIT}: clone3: {e}"))?;
    let Some(pid) = Pid::from_raw(pid) else {
        let done = set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|e| format!("PR_SET_PDEATHSIG: {e}"))
            .and_then(|()| compare(options, &bundle));
        if let Err(message) = &done {
            eprintln!("bench: {message}");
        }
        // The parent has a bundle to remove, and its own words to say.
        std::process::exit(i32::from(done.is_err()));
    };
    let waited = waitpid(Some(pid), WaitOptions::empty()).map_err(|e| format!("{INIT}: {e}"))?;
    let status = waited.and_then(|(_, status)| status.exit_status());
    drop(bundle);
    status.map(|status| status as u8).ok_or(format!("{INIT} was killed"))
}

fn compare(options: &Options, bundle: &Bundle) -> Result<(), String> {
    let runtimes = runtime::find_all(bundle)?;
    cgroup_view::prepare(&bundle.states(), runtimes.iter().any(|r| r.name == "crun"))?;
    let machine = report::machine();
    println!("{} rounds, {machine}", options.rounds);
    print!("{}", table::programs(&runtimes));

    let (rounds, cap) = (options.rounds, options.cap);
    let setup = field::Setup { bundle, runtimes, rounds, cap };
    let (mut results, mut failed) = (Vec::new(), Vec::new());
    for scenario in options.scenarios.iter().filter_map(|name| Scenario::named(name)) {
        match scenario.run(&setup) {
            Ok(outcome) => {
                print!("{}", table::scenario(scenario, &outcome, &setup.runtimes));
                results.push((scenario, outcome));
            }
            // What the others found out is not lost.
            Err(message) => {
                eprintln!("bench: {message}");
                failed.push(scenario.name);
            }
        }
    }
    let report = Report { machine, rounds, runtimes: &setup.runtimes, results };
    for (file, text) in
        [(&options.json, json::write(&report)), (&options.svg, chart::write(&report))]
    {
        if let Some(file) = file {
            fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("failed: {}", failed.join(", "))),
    }
}

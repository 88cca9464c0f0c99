//! The runtime is killed at each of its system calls, or the call fails: nothing may be left after
//! `delete --force`, and what fails must say so and leave nothing by itself.
//!
//! `CRASH=all` hits every call; else a part of them is hit, another one each day.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the bans are for the runtime; here a panic is how a test fails"
)]

mod failures;
mod kills;
mod random;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use behaviour::{Bundle, host, left_of, watch};
use libtest_mimic::{Arguments, Trial};

/// How many points of a command are hit when not all are.
const PART: usize = 24;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list
        && let Some(code) = behaviour::sandbox::enter()
    {
        return code;
    }
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("crash: the tracer is only written for x86_64");
        return ExitCode::SUCCESS;
    }
    let cases = [kills::CASES, failures::CASES, random::CASES].concat();
    let trials = cases.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            // A thread of its own, as the mount namespace that the test gets belongs to it.
            let run = std::thread::spawn(move || watch(test)).join();
            run.map_err(|_| "see the panic above".into())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Whether every call is hit.
fn all() -> bool {
    std::env::var("CRASH").is_ok_and(|word| word == "all")
}

/// The points to hit of `count`, counted from 1.
fn points(count: usize) -> Vec<usize> {
    if all() {
        return (1..=count).collect();
    }
    let days = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let step = count.div_ceil(PART).max(1);
    (1..=count).skip(days as usize % step).step_by(step).collect()
}

/// Demands that nothing is left of a container, in a moment.
#[track_caller]
fn nothing_is_left(container: &Bundle, when: &str) {
    let left = left(container);
    assert!(left.is_empty(), "left after {when}:\n{}", left.join("\n"));
}

/// What is left of a container, after a moment.
fn left(container: &Bundle) -> Vec<String> {
    let left = || {
        let mut left = left_of(&container.id, &container.root());
        left.extend(host::names_in(&container.root()));
        left
    };
    host::within(Duration::from_secs(3), || left().is_empty());
    left()
}

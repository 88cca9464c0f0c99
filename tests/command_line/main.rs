//! The same command line for the runtime under test and for a peer: exit code, standard output, and
//! the words that engines look for must be the same.
//!
//! What differs is listed in `differences`, with the reason. A listed difference that is none fails too.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the bans are for the runtime; here a panic is how a test fails"
)]

mod compare;
mod differences;
mod line;
mod lines;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::line::Line;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list
        && let Some(code) = behaviour::sandbox::enter()
    {
        return code;
    }
    let mut trials: Vec<Trial> = lines::all().map(trial).collect();
    trials.push(Trial::test("every difference is that of a line", || {
        let unknown: Vec<_> = differences::names()
            .filter(|name| !lines::all().any(|line| line.name() == *name))
            .collect();
        if unknown.is_empty() { Ok(()) } else { Err(format!("no such line: {unknown:?}").into()) }
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(line: &'static Line) -> Trial {
    Trial::test(line.name(), move || {
        // A thread of its own, as the mount namespace that it gets belongs to the thread.
        let compared = std::thread::spawn(move || compare::compare(line));
        match compared.join() {
            Ok(found) => differences::judge(line, &found).map_err(Failed::from),
            Err(panic) => Err(panic
                .downcast_ref::<String>()
                .map_or("panic", String::as_str)
                .to_owned()
                .into()),
        }
    })
}

//! `peak FILE COMMAND [ARG...]`: runs a command and writes two numbers into FILE: the most memory
//! that it, or any process that it waited for, used at once, in KiB, and the page faults of all.
//!
//! A program of its own because a process starts with the memory figure of the one that spawned
//! it: measured from a large program, every small one would look large.
#![allow(clippy::disallowed_methods)]

use bench_sys::sys;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (args.next(), args.next()) else {
        eprintln!("usage: peak FILE COMMAND [ARG...]");
        return ExitCode::from(2);
    };
    let status = match Command::new(&program).args(args).status() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("peak: {}: {error}", program.display());
            return ExitCode::from(127);
        }
    };
    let written = sys::children_usage()
        .and_then(|usage| std::fs::write(&file, format!("{} {}", usage.peak_kib, usage.faults)));
    if let Err(error) = written {
        eprintln!("peak: {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    ExitCode::from(status.code().unwrap_or(255) as u8)
}

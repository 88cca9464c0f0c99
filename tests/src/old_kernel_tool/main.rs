//! `old-kernel 4.18 PROGRAM [ARGUMENT...]`: runs a program as on an older kernel.
#![allow(
    clippy::disallowed_methods,
    reason = "the bans are for the runtime; a test tool starts processes"
)]

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use behaviour::old_kernel::Kernel;
use behaviour::sys;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let kernel = words.next().and_then(|name| Kernel::named(name.to_str()?));
    let (Some(kernel), Some(program)) = (kernel, words.next()) else {
        eprintln!("usage: old-kernel 4.18|5.4|busy PROGRAM [ARGUMENT...]");
        return ExitCode::from(64);
    };
    let mut command = Command::new(&program);
    command.args(words);
    sys::prepare(&mut command, sys::Prepare { kernel: Some(kernel), ..sys::Prepare::default() });
    let error = command.exec();
    eprintln!("old-kernel: {}: {error}", program.display());
    ExitCode::from(127)
}

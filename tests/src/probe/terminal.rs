//! Facts of the terminal on the standard descriptors.

use std::fs;

use behaviour::sys;
use rustix::termios::{OutputModes, isatty, tcgetattr, tcgetwinsize};
use serde_json::{Value, json};

use crate::{files, outcome};

/// What standard input is as a terminal, and what `/dev/tty` and `/dev/console` are.
pub fn facts() -> Value {
    let stdin = std::io::stdin();
    let size = tcgetwinsize(&stdin).ok();
    let modes = tcgetattr(&stdin).ok().map(|attributes| attributes.output_modes);
    json!({
        "terminals": [isatty(&stdin), isatty(std::io::stdout()), isatty(std::io::stderr())],
        "name": fs::read_link("/proc/self/fd/0").ok(),
        "rows": size.map(|size| size.ws_row),
        "columns": size.map(|size| size.ws_col),
        "adds_carriage_returns": modes.map(|modes| modes.contains(OutputModes::ONLCR)),
        "controlling": files::open("/dev/tty", "rw"),
        "console": files::stat("/dev/console"),
    })
}

/// Types a character into the terminal as if its user had, with TIOCSTI.
pub fn type_in(text: &str) -> Value {
    let letter = text.as_bytes().first().copied().unwrap_or(b' ');
    let arguments = [0, libc::TIOCSTI as usize, (&raw const letter) as usize, 0, 0, 0];
    outcome(sys::call(libc::SYS_ioctl, arguments))
}

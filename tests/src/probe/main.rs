//! The program inside the containers: does one step per argument, and answers each with a line.
//!
//! A step is a verb and its operands, separated by spaces: `probe self 'stat /dev/null' 'exit 3'`.
//! An answer is a JSON object with the `step` as given and its `result`. A result is a fact, or
//! `ok`, or the name of an error number.

mod actions;
mod attack;
mod files;
mod hook;
mod kernel;
mod process;
mod seccomp;
mod terminal;

use std::io::Write;

use serde_json::{Value, json};

fn main() {
    for step in std::env::args().skip(1) {
        let (verb, operands) = step.split_once(' ').unwrap_or((&step, ""));
        let result = answer(verb, operands);
        say(&json!({ "step": step, "result": result }).to_string());
    }
}

/// Does one step; what asks the kernel is a fact, what changes something is an action.
fn answer(verb: &str, operands: &str) -> Value {
    let words: Vec<&str> = operands.split_whitespace().collect();
    match (verb, words.as_slice()) {
        ("self", []) => process::facts(),
        ("namespaces", []) => process::namespaces(),
        ("clock", []) => process::clock(),
        ("fds", []) => files::open_descriptors(),
        ("mounts", []) => files::mounts(),
        ("tty", []) => terminal::facts(),
        ("type", [text]) => terminal::type_in(text),
        ("loopback", []) => kernel::loopback(),
        ("stdin", []) => files::stdin(),
        ("read", [path]) => files::read(path),
        ("list", [path]) => files::list(path),
        ("stat", [path]) => files::stat(path),
        ("lstat", [path]) => files::lstat(path),
        ("statfs", [path]) => files::statfs(path),
        ("open", [path, mode]) => files::open(path, mode),
        ("write", [path, ..]) => {
            let text = operands.split_once(' ').map_or("", |(_, text)| text);
            files::write(path, text)
        }
        ("mkdir", [path]) => files::mkdir(path),
        ("mknod", [path, kind, major, minor]) => files::mknod(path, kind, major, minor),
        ("call", [number, arguments @ ..]) => kernel::call(number, arguments),
        ("mkdir_i386", [path]) => seccomp::mkdir_i386(path),
        ("mkdir_x32", [path]) => seccomp::mkdir_x32(path),
        ("trapped", [number, arguments @ ..]) => seccomp::trapped(number, arguments),
        ("traced", [number, arguments @ ..]) => seccomp::traced(number, arguments),
        ("thread", [number, arguments @ ..]) => seccomp::call_in_thread(number, arguments),
        ("mount", [kind, path]) => kernel::mount(kind, path),
        ("umount", [path]) => kernel::umount(path),
        ("writable", [path]) => kernel::remount_writable(path),
        ("overwrite", [milliseconds]) => attack::overwrite(milliseconds),
        ("spy", [milliseconds, marker]) => attack::spy(milliseconds, marker),
        ("hook", [log, rest @ ..]) => hook::record(log, rest.first().copied()),
        _ => actions::act(verb, operands, &words),
    }
}

/// Writes one line at once; nobody may be left to read it.
fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

/// The answer of an action: `ok` or the name of the error.
fn outcome<T, E: Into<std::io::Error>>(result: Result<T, E>) -> Value {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => failure(error),
    }
}

/// The answer of a step that failed.
fn failure(error: impl Into<std::io::Error>) -> Value {
    let error: std::io::Error = error.into();
    error.raw_os_error().map_or_else(|| error.to_string(), behaviour::names::errno).into()
}

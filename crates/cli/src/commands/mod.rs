//! One function for each command: words in, a call of the library, text and an exit status out.

mod create;
mod delete;
mod doctor;
mod events;
mod exec;
mod kill;
mod list;
mod mounts;
mod plan;
mod ps;
mod regex;
mod seccomp;
mod spec;
mod state;
mod stats;
mod update;
mod validate;
mod wait;

use std::ffi::CString;

use libcontainer_core::container::{Container, Report};
use libcontainer_core::error::{Cause, Error};
use libcontainer_core::plan::clean_path;
use libcontainer_core::step::Step;
use libcontainer_core::store::Store;
use libcontainer_core::{features, pause, start};

use crate::log::Log;
use crate::parse::Words;
use crate::surroundings;

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// The name that the program was called by.
    pub program: String,
    /// The log.
    pub log: Log,
    /// The caller's environment.
    pub env: Vec<CString>,
}

/// A command that failed: what to say, and the exit status.
#[derive(Debug)]
pub struct Failure {
    message: String,
    status: i32,
    /// Said without the form of a log line, as runc does when the last execve fails.
    bare: bool,
}

impl Failure {
    /// The failure of a command, in runc's words and with its exit status.
    pub fn of(program: &str, command: &str, error: Error) -> Failure {
        let exec_failed = error.step == Step::Exec;
        let message = match command {
            _ if exec_failed => error.to_string(),
            "create" | "run" => format!("{program} {command} failed: {error}"),
            "exec" => format!("exec failed: {error}"),
            _ => error.to_string(),
        };
        let status = match error.signal() {
            // As a shell would say of a command that the signal ended.
            Some(signal) => 128 + signal,
            None if command == "exec" || (command == "run" && exec_failed) => 255,
            None => 1,
        };
        Failure { message, status, bare: exec_failed && command != "start" }
    }

    /// A failure that is no error of the library's.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: 1, bare: false }
    }

    /// Writes it to the log; if that is not stderr, in plain words to stderr too. Gives the exit status.
    pub fn report(self, log: &Log) -> i32 {
        if log.is_elsewhere() {
            log.write("error", &self.message);
        }
        if log.is_elsewhere() || self.bare {
            let line = format!("{}\n", crate::log::escape_controls(&self.message));
            let _ = crate::sys::write_to_stderr(line.as_bytes());
        } else {
            log.write("error", &self.message);
        }
        self.status
    }
}

/// Runs a command; its exit status.
pub fn run(
    context: &Context,
    global: &Words,
    command: &'static str,
    words: &Words,
    inherited: Vec<i32>,
) -> Result<i32, Failure> {
    let root =
        global.last("root").map_or_else(|| surroundings::state_root(&context.env), str::to_owned);
    if root.starts_with('/') && clean_path(&root) == "/" {
        return Err(Failure::new("Option --root argument should not be set to /"));
    }
    let failed = |error| Failure::of(&context.program, command, error);
    let id = || words.args.first().map_or("", String::as_str);
    match command {
        "create" => create::create(context, global, words, inherited, &root),
        "run" => create::run(context, global, words, inherited, &root),
        "exec" => exec::exec(context, words, inherited, &root),
        "plan" => plan::plan(context, global, words),
        "spec" => spec::spec(words),
        "list" => list::list(words, &root, global.last("root").is_some()),
        "features" => {
            let document = features::document(
                env!("CARGO_PKG_VERSION"),
                option_env!("ORUN_COMMIT").unwrap_or("unknown"),
            );
            // A tree of our own making always has a JSON form.
            Ok(crate::print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&document).unwrap_or_default()
            )))
        }
        "delete" => delete::delete(context, words, &root),
        "doctor" => Ok(doctor::doctor(words)),
        "start" => find_by(&root, id(), Container::load_to_start)
            .and_then(|container| {
                start::start(&container, surroundings::notify_socket(&context.env))
            })
            .map(|()| 0)
            .map_err(failed),
        "state" => find_by(&root, id(), Report::of)
            .map_err(failed)
            .and_then(|report| state::state(&report)),
        "kill" => kill::kill(context, words, &root),
        "events" => events::events(words, &root).map_err(failed),
        "checkpoint" | "restore" => {
            if command == "checkpoint" {
                find(&root, id()).map_err(failed)?;
            }
            Err(Failure::new(format!("{command} is not supported: orun has no CRIU client yet")))
        }
        "mounts" => mounts::mounts(context, words, &root),
        "pause" => find(&root, id())
            .and_then(|container| pause::pause(&container))
            .map(|()| 0)
            .map_err(failed),
        "resume" => find(&root, id())
            .and_then(|container| pause::resume(&container))
            .map(|()| 0)
            .map_err(failed),
        "seccomp" => seccomp::seccomp(context, words),
        "validate" => validate::validate(context, global, words),
        "update" => update::update(context, words, &root).map_err(failed),
        "stats" => stats::stats(words, &root).map_err(failed),
        "top" => stats::top(words, &root).map_err(failed),
        "ps" => ps::ps(words, &root, command, context),
        "wait" => wait::wait(context, words, &root),
        _ => Err(Failure::new(format!("No help topic for '{command}'"))),
    }
}

/// Finds a container below a state root that need not be there.
fn find(root: &str, id: &str) -> libcontainer_core::Result<Container> {
    find_by(root, id, Container::load)
}

fn find_by<T>(
    root: &str,
    id: &str,
    load: impl FnOnce(&Store, &str) -> libcontainer_core::Result<T>,
) -> libcontainer_core::Result<T> {
    libcontainer_core::store::check_id(id)?;
    match Store::open(root)? {
        Some(store) => load(&store, id),
        None => Err(Error::new(Step::FindContainer, id)),
    }
}

fn warn(context: &Context, warnings: &[String]) {
    for warning in warnings {
        context.log.write("warning", warning);
    }
}

/// An option whose value is not understood.
fn bad_option(option: &str, value: &str, wanted: &str) -> Error {
    Error {
        cause: Cause::Reason(format!("{value:?} is not {wanted}")),
        ..Error::new(Step::CheckOption, option)
    }
}

//! `orun`, the command: reads the command line, calls the library, prints, and gives the exit status.
#![cfg_attr(not(test), no_main)]

mod commands;
mod help;
mod log;
mod log_place;
mod parse;
mod size;
mod surroundings;
mod sys;
mod table;

use std::ffi::{CString, OsString};
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;

use libcontainer_core::{caller, seal, trace};

use crate::commands::{Context, Failure};
use crate::log::Log;
use crate::log_place::Place;
use crate::parse::{Invocation, UsageError, Words};

#[cfg_attr(not(test), global_allocator)]
#[cfg_attr(test, allow(dead_code))]
static ALLOCATOR: sys::Bump = sys::Bump::new();

/// The program; its exit status.
#[cfg_attr(test, allow(dead_code))]
fn start(argv: Vec<CString>, env: Vec<CString>) -> i32 {
    let program = program_name(&argv);
    let words: Vec<OsString> =
        argv.iter().skip(1).map(|word| OsString::from_vec(word.as_bytes().to_vec())).collect();
    let invocation = match parse::parse(words.iter().cloned()) {
        Ok(invocation) => invocation,
        Err(error) => return misunderstood(&program, &words, &error),
    };
    let Invocation { global, command, words } = invocation;
    if command.is_none() || words.has("help") {
        return talk(&program, &global, command);
    }
    let log = match log_of(&program, &global) {
        Ok(log) => log,
        Err(failure) => return failure.report(&Log::default()),
    };
    let traced = surroundings::variable(&env, "ORUN_TRACE").filter(|path| !path.is_empty());
    let traced = global.last("trace").or(traced).map(str::to_owned);
    if traced.is_some() {
        trace::start();
    }
    let context = Context { program, log: log.clone(), env };
    let status = match run(&context, &global, command.unwrap_or_default(), &words, &argv) {
        Ok(status) => status,
        Err(failure) => failure.report(&log),
    };
    if let Some(path) = traced
        && let Err(error) = write_timeline(&path)
    {
        log.write("warning", &format!("unable to write the timeline to {path}: {error}"));
    }
    status
}

/// A file of its own: a link that somebody else put there is not followed.
fn write_timeline(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    options.open(path)?.write_all(trace::document().as_bytes())
}

fn run(
    context: &Context,
    global: &Words,
    command: &'static str,
    words: &Words,
    argv: &[CString],
) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, command, error);
    let wanted = surroundings::wanted_descriptors(&context.env, words).map_err(failed)?;
    let inherited = caller::open_descriptors(wanted);
    surroundings::check_preserved(&context.env, words, &inherited).map_err(failed)?;
    if table::command(command).is_some_and(|command| command.enters) {
        // Before anything else is opened: the new process image starts from here.
        seal::ensure(argv, &context.env).map_err(failed)?;
    }
    surroundings::fill_standard_streams().map_err(failed)?;
    caller::mark_descriptors().map_err(failed)?;
    if global.has("debug") || global.last("log-level") == Some("debug") {
        // An error means that there is a subscriber already, which only a test has.
        let _ = tracing::subscriber::set_global_default(log::Events(context.log.clone()));
        if table::command(command).is_some_and(|command| command.enters) {
            tracing::debug!("{} exeseal: using /proc/self/exe clone", context.program);
        }
    }
    commands::run(context, global, command, words, inherited)
}

/// The name that the program was called by: engines ask a runtime called `runc` for runc's version.
fn program_name(argv: &[CString]) -> String {
    let name = argv.first().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    match name.rsplit('/').next() {
        Some(name) if !name.is_empty() && !name.bytes().all(|byte| byte.is_ascii_digit()) => {
            name.to_owned()
        }
        _ => "orun".to_owned(),
    }
}

fn log_of(program: &str, global: &Words) -> Result<Log, Failure> {
    let json = match global.last("log-format").unwrap_or_default() {
        "" | "text" => false,
        "json" => true,
        other => return Err(Failure::new(format!("invalid log-format: {other}"))),
    };
    let level = global.last("log-level").unwrap_or("warning");
    if !matches!(level, "error" | "warning" | "debug") {
        return Err(Failure::new(format!(
            "unknown log level {level}: it is error, warning or debug"
        )));
    }
    let place = Place::parse(global.last("log").unwrap_or_default(), program);
    place.prepare().map_err(|error| {
        Failure::new(format!("unable to write the log to {}: {error}", place.name()))
    })?;
    Ok(Log { place, json, no_warnings: level == "error" })
}

/// Help and version.
fn talk(program: &str, global: &Words, command: Option<&'static str>) -> i32 {
    let text = if global.has("version") {
        let commit = option_env!("ORUN_COMMIT").unwrap_or("unknown");
        format!(
            "{program} version {}\ncommit: {commit}\nspec: {}\n",
            env!("CARGO_PKG_VERSION"),
            libcontainer_core::spec::OCI_VERSION
        )
    } else {
        help::text(program, command.and_then(table::command))
    };
    print(&text)
}

/// Writes to stdout; a reader that went away is no error of ours.
fn print(text: &str) -> i32 {
    let mut out = std::io::stdout().lock();
    i32::from(out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err())
}

/// runc's exit statuses: 3 for an unknown command, 1 for anything else.
fn misunderstood(program: &str, words: &[OsString], error: &UsageError) -> i32 {
    let mut text = match error {
        UsageError::NoCommand(_) => format!("{error}\n"),
        _ => format!("{program}: {error}\n"),
    };
    if let Some(tip) = help::suggestion(program, words) {
        text += &format!("hint: {tip}\n");
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
    // Engines show what is in the log.
    if let Ok(log) = log_of(program, &parse::global(words.iter().cloned()))
        && log.is_elsewhere()
    {
        log.write("error", text.trim_end());
    }
    if matches!(error, UsageError::NoCommand(_)) { 3 } else { 1 }
}

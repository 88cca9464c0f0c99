//! `seccomp`: what a profile does, told without a container.

mod check;
mod explain;

use libcontainer_core::create::parse as parse_config;
use libcontainer_core::error::{At, Error, Result};
use libcontainer_core::seccomp::CompileError;
use libcontainer_core::seccomp::spec::Profile;
use libcontainer_core::spec;
use libcontainer_core::step::Step;
use serde_json::Value;

use super::{Context, Failure};
use crate::parse::Words;

/// `seccomp`
pub fn seccomp(context: &Context, words: &Words) -> std::result::Result<i32, Failure> {
    let as_json = match words.last("format").unwrap_or("text") {
        "json" => true,
        "text" => false,
        other => {
            let words = format!("invalid format option {other:?}: it is text or json");
            return Err(Failure::new(words));
        }
    };
    let args: Vec<&str> = words.args.iter().map(String::as_str).collect();
    let failed = |error| Failure::of(&context.program, "seccomp", error);
    match &args[..] {
        ["check", path] => {
            let text = read(path).map_err(failed)?;
            let document = Document::find(path, &text).map_err(failed)?;
            check::run(context, &document, as_json).map_err(failed)
        }
        ["explain", path, syscall, arguments @ ..] => {
            let text = read(path).map_err(failed)?;
            let document = Document::find(path, &text).map_err(failed)?;
            let call = explain::call(words.last("arch"), syscall, arguments).map_err(failed)?;
            explain::run(&call, &document, as_json).map_err(failed)
        }
        _ => {
            let words = "\"seccomp\" requires: check PROFILE | explain PROFILE SYSCALL [ARG...]";
            Err(Failure::new(words))
        }
    }
}

/// A profile, and where it is from.
struct Document<'a> {
    /// The file.
    name: &'a str,
    profile: Profile<'a>,
    /// Where the profile is in the file: nowhere below the top, or in a config.json.
    place: &'static str,
    /// The profile as it is written.
    raw: Value,
}

/// Where the profile is in a config.json.
const IN_CONFIG: &str = "linux.seccomp";

impl<'a> Document<'a> {
    /// Finds the profile that a file is or, in a config.json, has.
    fn find(name: &'a str, text: &'a [u8]) -> Result<Document<'a>> {
        let mut raw: Value = serde_json::from_slice(text).unwrap_or_default();
        if raw.get("ociVersion").is_none() && raw.get("linux").is_none() {
            let profile = spec::parse(text).map_err(|error| {
                let field = if error.path.is_empty() { name.to_owned() } else { error.path };
                Error::config(field, error.message)
            })?;
            return Ok(Document { name, profile, place: "", raw });
        }
        match parse_config(text)?.linux.and_then(|linux| linux.seccomp) {
            Some(profile) => {
                let raw = raw["linux"]["seccomp"].take();
                Ok(Document { name, profile, place: IN_CONFIG, raw })
            }
            None => Err(Error::config(IN_CONFIG, "is missing: every system call is allowed")),
        }
    }

    /// The path in the file of one in the profile.
    fn path(&self, path: &str) -> String {
        let dot = if self.place.is_empty() || path.is_empty() { "" } else { "." };
        format!("{}{dot}{path}", self.place)
    }

    fn refusal(&self, error: &CompileError) -> Error {
        let path = self.path(error.path());
        let field = if path.is_empty() { self.name.to_owned() } else { path };
        Error::config(field, error.message())
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    let file = if path == "-" { "/dev/stdin" } else { path };
    let errno = |error: std::io::Error| {
        rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)
    };
    std::fs::read(file).map_err(errno).at(Step::ReadConfig, path)
}

fn print(value: &Value) -> i32 {
    crate::print(&format!("{value:#}\n"))
}

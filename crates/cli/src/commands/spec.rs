//! `spec`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use libcontainer_core::template::Template;

use libcontainer_core::error::At;
use libcontainer_core::step::Step;
use rustix::io::Errno;

use super::Failure;
use crate::parse::Words;

/// `spec`
pub fn spec(words: &Words) -> Result<i32, Failure> {
    let dir = words.last("bundle").unwrap_or(".");
    let name = words.last("file").unwrap_or("config.json");
    let path = if dir == "." { name.to_owned() } else { format!("{dir}/{name}") };
    let template = Template {
        rootless: words.has("rootless"),
        unified: cgroups_are_unified(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                Failure::new(format!("File {name} exists. Remove it first"))
            } else {
                failed(&path, &error)
            }
        })?;
    file.write_all(template.to_json().as_bytes()).map_err(|error| failed(&path, &error))?;
    Ok(0)
}

fn failed(path: &str, error: &std::io::Error) -> Failure {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    let result: libcontainer_core::Result<()> = Err(errno).at(Step::WriteProc, path);
    Failure::new(result.err().map_or_else(String::new, |error| error.to_string()))
}

fn cgroups_are_unified() -> bool {
    libcontainer_core::has_unified_cgroups()
}

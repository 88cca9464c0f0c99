//! `spec`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use libcontainer_core::template::Template;

use super::Failure;
use crate::parse::Words;

/// `spec`
pub fn spec(words: &Words) -> Result<i32, Failure> {
    let dir = words.last("bundle").unwrap_or(".");
    let path = if dir == "." { "config.json".to_owned() } else { format!("{dir}/config.json") };
    let template = Template {
        rootless: words.has("rootless"),
        unified: cgroups_are_unified(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                Failure::new("File config.json exists. Remove it first")
            } else {
                Failure::new(format!("write {path}: {error}"))
            }
        })?;
    file.write_all(template.to_json().as_bytes())
        .map_err(|error| Failure::new(format!("write {path}: {error}")))?;
    Ok(0)
}

fn cgroups_are_unified() -> bool {
    libcontainer_core::has_unified_cgroups()
}

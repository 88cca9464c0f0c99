//! The probe as a hook: records what it was given, see the section "POSIX-platform Hooks" of
//! the specification's config.md.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::{outcome, process};

/// Appends one line to `log`: arguments, environment, folder, the state from standard input, the
/// namespaces, and whether the file `landmark` can be seen.
pub fn record(log: &str, landmark: Option<&str>) -> Value {
    let mut state = String::new();
    let _ = std::io::stdin().read_to_string(&mut state);
    let entry = json!({
        "args": std::env::args().collect::<Vec<_>>(),
        "env": process::environment(),
        "cwd": std::env::current_dir().ok(),
        "state": serde_json::from_str::<Value>(&state).unwrap_or(Value::Null),
        "namespaces": process::namespaces(),
        "sees": landmark.map(|path| Path::new(path).exists()),
    });
    let line = format!("{entry}\n");
    let file = OpenOptions::new().append(true).create(true).open(log);
    outcome(file.and_then(|mut file| file.write_all(line.as_bytes())))
}

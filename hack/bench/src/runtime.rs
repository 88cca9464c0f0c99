//! The runtimes that are there.

use crate::bundle::{self, Bundle};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One program to measure.
pub struct Runtime {
    /// `orun`, `crun`, `runc`, `youki` or `floor`.
    pub name: String,
    /// The binary.
    pub program: PathBuf,
    /// The first line of `--version`.
    pub version: String,
    /// Its `--root`; the floor keeps no state.
    root: PathBuf,
}

/// The order of the report. The first one is what the others are compared with.
const NAMES: [(&str, &str); 5] =
    [("ORUN", "orun"), ("CRUN", "crun"), ("RUNC", "runc"), ("YOUKI", "youki"), ("FLOOR", "floor")];
/// Whose `spec` is the default bundle, best first.
const SPEC_MAKERS: [&str; 2] = ["runc", "orun"];

/// Finds the runtimes and writes the configuration of the bundles; says which one is left out.
pub fn find_all(bundle: &Bundle) -> Result<Vec<Runtime>, String> {
    let mut found = Vec::new();
    for (variable, name) in NAMES {
        match bundle::find(variable, name) {
            Some(program) => found.push(Runtime {
                name: name.into(),
                version: version(name, &program)?,
                program,
                root: bundle.states().join(name),
            }),
            None => println!("{name}: not in PATH and {variable} is not set: left out"),
        }
    }
    let maker = SPEC_MAKERS.iter().find_map(|name| found.iter().find(|r| r.name == *name));
    let maker = maker.ok_or("neither runc nor orun is there to make the default bundle")?;
    bundle.configure(&maker.program)?;
    Ok(found)
}

impl Runtime {
    /// A call of the runtime with these words, separated by spaces.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.args(words));
        command
    }

    /// The arguments of such a call, for a program that runs the runtime.
    pub fn args(&self, words: &str) -> Vec<String> {
        let words = words.split(' ').map(String::from);
        if self.keeps_state() {
            let root = ["--root".to_string(), self.root.display().to_string()];
            root.into_iter().chain(words).collect()
        } else {
            words.collect()
        }
    }

    /// The arguments that run a bundle in the foreground.
    pub fn run_words(&self, bundle: &Path) -> String {
        if self.keeps_state() {
            format!("run --bundle {} bench", bundle.display())
        } else {
            bundle.display().to_string()
        }
    }

    /// One that is not there.
    #[cfg(test)]
    pub fn example(name: &str) -> Runtime {
        let program = PathBuf::from(format!("/programs/{name}"));
        let version = format!("{name} version 1");
        Runtime { name: name.into(), program, version, root: PathBuf::new() }
    }

    /// Whether it has the other commands of a runtime.
    pub fn keeps_state(&self) -> bool {
        self.name != "floor"
    }
}

fn version(name: &str, program: &Path) -> Result<String, String> {
    if name == "floor" {
        return Ok(String::new());
    }
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Some say the name twice.
    let line = text.lines().next().unwrap_or_default();
    Ok(line.trim_start_matches(&format!("{name}: ")).to_string())
}

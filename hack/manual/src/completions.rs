//! Completions for bash, zsh and fish.

use clap::ValueHint;
use clap_complete::{Shell, generate};

use crate::help;

/// A file for each shell, under the name that it looks for.
pub fn all() -> Vec<(&'static str, String)> {
    [(Shell::Bash, "orun"), (Shell::Zsh, "_orun"), (Shell::Fish, "orun.fish")]
        .map(|(shell, name)| (name, completion(shell)))
        .into()
}

fn completion(shell: Shell) -> String {
    let mut tree = with_hints(help::tree("orun")).mut_subcommands(with_hints);
    let mut text = Vec::new();
    generate(shell, &mut tree, "orun", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Tells which values are files and folders.
fn with_hints(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let hint = match arg.get_value_names() {
            Some([name]) if name == "DIR" => ValueHint::DirPath,
            Some([name]) if name == "FILE" || name == "PATH" => ValueHint::FilePath,
            _ => return arg,
        };
        arg.value_hint(hint)
    })
}

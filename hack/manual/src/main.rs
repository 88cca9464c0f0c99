//! Writes docs/man and docs/completions, which are in the tree so that installing needs no compiler.
//!
//! They are made from the table that the command itself reads, by a program of its own: the runtime
//! has none of this in it. `cargo run --package manual` writes them anew, `cargo test` compares.
#![allow(dead_code, reason = "the modules of the command, of which this uses a part")]

#[path = "../../../crates/cli/src/help.rs"]
mod help;
#[cfg(test)]
#[path = "../../../crates/cli/src/parse.rs"]
mod parse;
#[path = "../../../crates/cli/src/table/mod.rs"]
mod table;

mod completions;
mod pages;
mod prose;

use std::io::Result;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    for (path, text) in all() {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Every file, with its content.
fn all() -> Vec<(PathBuf, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let pages = pages::all().into_iter().map(|(name, text)| (docs.join("man").join(name), text));
    let completions = completions::all()
        .into_iter()
        .map(|(name, text)| (docs.join("completions").join(name), text));
    pages.chain(completions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_those_of_the_table() {
        for (path, text) in all() {
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            let name = path.display();
            assert!(there == text, "{name} is old: cargo run --package manual writes it anew");
        }
    }

    #[test]
    fn nothing_else_is_there() {
        let wanted: Vec<PathBuf> = all().into_iter().map(|(path, _)| path).collect();
        for folder in ["man", "completions"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(folder);
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                assert!(wanted.contains(&path), "{} belongs to no command", path.display());
            }
        }
    }

    #[test]
    fn every_command_has_a_page_with_prose_and_an_example() {
        for command in table::COMMANDS {
            assert!(!prose::of(command.name).is_empty(), "{}", command.name);
            assert!(command.example.starts_with(&format!("orun {}", command.name)));
        }
    }
}

//! `kill`

use libcontainer_core::error::{Error, Result};
use libcontainer_core::step::Step;
use libcontainer_core::{kill, signal};

use super::find;
use crate::parse::Words;

/// `kill`
pub fn kill(words: &Words, root: &str) -> Result<i32> {
    let word = words.args.get(1).map_or("TERM", String::as_str);
    let number = signal::parse(word).ok_or_else(|| {
        Error::because(Step::CheckOption, "SIGNAL", format!("unknown signal {word:?}"))
    })?;
    let container = find(root, &words.args[0])?;
    kill::kill(&container, number, words.has("all")).map(|()| 0)
}

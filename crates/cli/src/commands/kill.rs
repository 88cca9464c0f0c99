//! `kill`

use libcontainer_core::container::Container;
use libcontainer_core::error::Error;
use libcontainer_core::step::Step;
use libcontainer_core::{kill, signal};

use super::{Context, Failure, find, regex};
use crate::parse::Words;

/// `kill`
pub fn kill(context: &Context, words: &Words, root: &str) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "kill", error);
    let word = words.args.get(1).filter(|word| !word.is_empty()).map_or("TERM", String::as_str);
    let number = signal::parse(word).ok_or_else(|| {
        failed(Error::because(Step::CheckOption, "SIGNAL", format!("unknown signal {word:?}")))
    })?;
    let all = words.has("all");
    if words.has("regex") {
        return regex::for_each(context, "kill", root, &words.args[0], |store, id| {
            kill::kill(&Container::load(store, id)?, number, all)
        });
    }
    let container = find(root, &words.args[0]).map_err(failed)?;
    kill::kill(&container, number, all).map(|()| 0).map_err(failed)
}

//! `--regex`: a command for all containers whose ID matches, as crun has it.

use libcontainer_core::error::{Error, Result};
use libcontainer_core::step::Step;
use libcontainer_core::store::Store;

use super::{Context, Failure};
use crate::sys::Pattern;

/// Does it for each container that matches. One that fails keeps none of the others from their turn.
pub fn for_each(
    context: &Context,
    command: &str,
    root: &str,
    expression: &str,
    act: impl Fn(&Store, &str) -> Result<()>,
) -> std::result::Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, command, error);
    let pattern = Pattern::new(expression).ok_or_else(|| {
        let reason = format!("invalid regular expression {expression:?}");
        failed(Error::because(Step::CheckOption, "--regex", reason))
    })?;
    let Some(store) = Store::open(root).map_err(failed)? else { return Ok(0) };
    let mut last: Option<Failure> = None;
    for id in store.ids().map_err(failed)?.iter().filter(|id| pattern.matches(id)) {
        if let Err(error) = act(&store, id)
            && let Some(before) = last.replace(Failure::new(format!("{id}: {error}")))
        {
            before.report(&context.log);
        }
    }
    last.map_or(Ok(0), Err)
}

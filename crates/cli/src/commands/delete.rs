//! `delete`

use libcontainer_core::delete::delete as delete_container;
use libcontainer_core::error::Error;
use libcontainer_core::step::Step;
use libcontainer_core::store::{Store, check_id};

use super::{Context, Failure, regex, warn};
use crate::parse::Words;

/// `delete`
pub fn delete(context: &Context, words: &Words, root: &str) -> Result<i32, Failure> {
    let (id, force) = (&*words.args[0], words.has("force"));
    if words.has("regex") {
        return regex::for_each(context, "delete", root, id, |store, id| {
            delete_container(store, id, force).map(|warnings| warn(context, &warnings))
        });
    }
    let failed = |error| Failure::of(&context.program, "delete", error);
    let Some(store) = Store::open(root).map_err(failed)? else {
        check_id(id).map_err(failed)?;
        let missing = || failed(Error::new(Step::FindContainer, id));
        return if force { Ok(0) } else { Err(missing()) };
    };
    let warnings = delete_container(&store, id, force).map_err(failed)?;
    warn(context, &warnings);
    Ok(0)
}

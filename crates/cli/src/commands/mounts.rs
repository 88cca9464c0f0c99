//! `mounts`, a command of crun's.

use libcontainer_core::mounts::{add, remove};

use super::exec::read;
use super::{Context, Failure, find, warn};
use crate::parse::Words;

/// `mounts add` and `mounts remove`
pub fn mounts(context: &Context, words: &Words, root: &str) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "mounts", error);
    let [verb, id, file] = &*words.args else {
        return Err(Failure::new("mounts requires exactly 3 argument(s)"));
    };
    if !matches!(&**verb, "add" | "remove") {
        return Err(Failure::new(format!("unknown command {verb:?}: it is add or remove")));
    }
    let container = find(root, id).map_err(failed)?;
    let document = read(if file == "-" { "/dev/stdin" } else { file }).map_err(failed)?;
    if verb == "remove" {
        return remove(&container, &document).map(|()| 0).map_err(failed);
    }
    let warnings = add(&container, &document).map_err(failed)?;
    warn(context, &warnings);
    Ok(0)
}

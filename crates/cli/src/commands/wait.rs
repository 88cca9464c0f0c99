//! `wait`

use libcontainer_core::wait::wait as wait_for;

use super::{Context, Failure, find};
use crate::parse::Words;

/// The exit status when that of the container is not known. A container may end with it as well;
/// then it is printed, too.
const UNKNOWN: i32 = 125;

/// `wait`
pub fn wait(context: &Context, words: &Words, root: &str) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "wait", error);
    let container = find(root, &words.args[0]).map_err(failed)?;
    match wait_for(&container).map_err(failed)? {
        Some(status) => Ok(status.max(crate::print(&format!("{status}\n")))),
        None => {
            let id = &container.state.id;
            context.log.write(
                "warning",
                &format!("container {id} has ended; its exit status is not known"),
            );
            Ok(UNKNOWN)
        }
    }
}

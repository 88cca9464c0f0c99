//! `state`

use libcontainer_core::container::Container;

use super::Failure;

/// `state`
pub fn state(container: &Container) -> Result<i32, Failure> {
    // A tree of our own making always has a JSON form. runc ends it without a newline.
    Ok(crate::print(&serde_json::to_string_pretty(&container.report()).unwrap_or_default()))
}

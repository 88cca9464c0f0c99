//! `state`

use libcontainer_core::container::Report;

use super::Failure;

/// `state`
pub fn state(report: &Report) -> Result<i32, Failure> {
    // A tree of our own making always has a JSON form. runc ends it without a newline.
    Ok(crate::print(&serde_json::to_string_pretty(report).unwrap_or_default()))
}

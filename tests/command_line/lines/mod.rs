//! The lines, by chapter.

mod exec;
mod lifecycle;
mod limits;
mod others;
mod reports;
mod usage;

use crate::line::Line;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Line> {
    [usage::LINES, lifecycle::LINES, exec::LINES, limits::LINES, reports::LINES, others::LINES]
        .into_iter()
        .flatten()
}

//! `linux.resources.pids`: how many tasks.

use std::borrow::Cow;

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Pids;

pub(crate) fn steps(to: &mut Steps<'_>, pids: &Pids) -> Result<(), PlanError> {
    let Some(limit) = pids.limit else { return Ok(()) };
    to.write("pids", "pids.max", max(limit), "linux.resources.pids.limit")
}

/// What to write to `pids.max`.
///
/// 0 means "no new task", and is 1: the container's own first task is there before the limit is.
pub(crate) fn max(limit: i64) -> Cow<'static, str> {
    match limit {
        ..0 => "max".into(),
        0 => "1".into(),
        limit => limit.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        for (limit, expected) in [
            (i64::MIN, "max"),
            (-1, "max"),
            (0, "1"),
            (1, "1"),
            (2048, "2048"),
            (i64::MAX, "9223372036854775807"),
        ] {
            assert_eq!(max(limit), expected, "{limit}");
        }
    }
}

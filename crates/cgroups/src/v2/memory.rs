//! `linux.resources.memory` in version 2.
//!
//! The kernel words, swappiness, the OOM switch and the hierarchy switch have no counterpart and
//! are left alone, as engines give them to whatever machine there is.

use std::borrow::Cow;

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Memory;
use crate::step::Step;

const LIMIT: &str = "linux.resources.memory.limit";
const SWAP: &str = "linux.resources.memory.swap";
const RESERVATION: &str = "linux.resources.memory.reservation";

pub(crate) fn steps(to: &mut Steps<'_>, memory: &Memory) -> Result<(), PlanError> {
    check_signs(memory)?;
    let swap = swap_max(memory.limit, memory.swap)?;
    if memory.check_before_update == Some(true) {
        // Engines know these words.
        let both = [
            (memory.swap, "rejecting memory+swap limit"),
            (memory.limit, "rejecting memory limit"),
        ];
        for (limit, step) in both {
            let Some(limit) = limit.filter(|limit| *limit > 0) else { continue };
            let usage = to.make("memory", "memory.current", "", LIMIT)?;
            to.steps.push(Step::Above { usage, limit: limit.unsigned_abs(), step });
        }
    }
    if let Some(swap) = swap {
        // Without swap accounting the file is missing, and neither value asks for anything.
        let optional = swap == "max" || swap == "0";
        match optional {
            true => to.write_optional("memory", "memory.swap.max", swap, SWAP)?,
            false => to.write("memory", "memory.swap.max", swap, SWAP)?,
        }
    }
    if let Some(limit) = max(memory.limit) {
        to.write("memory", "memory.max", limit, LIMIT)?;
    }
    if let Some(low) = max(memory.reservation) {
        to.write("memory", "memory.low", low, RESERVATION)?;
    }
    Ok(())
}

/// Refuses what is negative and not -1: no version has a meaning for it.
pub(crate) fn check_signs(memory: &Memory) -> Result<(), PlanError> {
    for (value, path) in [
        (memory.limit, LIMIT),
        (memory.swap, SWAP),
        (memory.reservation, RESERVATION),
        (memory.kernel, "linux.resources.memory.kernel"),
        (memory.kernel_tcp, "linux.resources.memory.kernelTCP"),
    ] {
        if let Some(value) = value.filter(|value| *value < -1) {
            let message = format!("{value} is neither a number of bytes nor -1 for no limit");
            return Err(PlanError::new(path, message));
        }
    }
    Ok(())
}

/// A limit as the files have it; 0 and absent leave what is there.
pub(crate) fn max(limit: Option<i64>) -> Option<Cow<'static, str>> {
    match limit.unwrap_or(0) {
        0 => None,
        ..0 => Some("max".into()),
        limit => Some(limit.to_string().into()),
    }
}

/// The limit of swap alone, from the spec's limit of memory with swap.
pub(crate) fn swap_max(
    limit: Option<i64>,
    swap: Option<i64>,
) -> Result<Option<Cow<'static, str>>, PlanError> {
    let value = match (limit.unwrap_or(0), swap.unwrap_or(0)) {
        (-1, 0) | (_, -1) => "max".into(),
        (_, 0) => return Ok(None),
        (-1, swap) => swap.to_string().into(),
        (0, _) => {
            return Err(PlanError::new(SWAP, "unable to set swap limit without memory limit"));
        }
        (limit, swap) if swap < limit => {
            return Err(PlanError::new(SWAP, "memory+swap limit should be >= memory limit"));
        }
        (limit, swap) => (swap - limit).to_string().into(),
    };
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap() {
        for (limit, swap, expected) in [
            (None, None, None),
            (Some(1024), None, None),
            (Some(1024), Some(0), None),
            (Some(1024), Some(-1), Some("max")),
            (Some(1024), Some(1024), Some("0")),
            (Some(1024), Some(3072), Some("2048")),
            (Some(-1), None, Some("max")),
            (Some(-1), Some(-1), Some("max")),
            (Some(-1), Some(4096), Some("4096")),
            (None, Some(-1), Some("max")),
            (Some(1), Some(i64::MAX), Some("9223372036854775806")),
        ] {
            assert_eq!(swap_max(limit, swap).unwrap().as_deref(), expected, "{limit:?} {swap:?}");
        }
        for (limit, swap) in [(None, Some(1)), (Some(0), Some(1)), (Some(2), Some(1))] {
            assert_eq!(swap_max(limit, swap).unwrap_err().path, SWAP, "{limit:?} {swap:?}");
        }
    }

    #[test]
    fn limits() {
        for (limit, expected) in
            [(None, None), (Some(0), None), (Some(-1), Some("max")), (Some(4096), Some("4096"))]
        {
            assert_eq!(max(limit).as_deref(), expected, "{limit:?}");
        }
    }

    #[test]
    fn signs() {
        let memory = Memory { reservation: Some(-2), ..Memory::default() };
        assert_eq!(check_signs(&memory).unwrap_err().path, RESERVATION);
        let memory = Memory { limit: Some(-1), swap: Some(-1), ..Memory::default() };
        assert_eq!(check_signs(&memory), Ok(()));
    }
}

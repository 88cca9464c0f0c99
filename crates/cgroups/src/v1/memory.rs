//! `linux.resources.memory` in version 1.

use crate::error::PlanError;
use crate::resources::{Purpose, Steps};
use crate::spec::Memory;
use crate::step::{Step, Write};

const LIMIT: &str = "linux.resources.memory.limit";
const SWAP: &str = "linux.resources.memory.swap";

pub(crate) fn steps(to: &mut Steps<'_>, memory: &Memory) -> Result<(), PlanError> {
    crate::v2::memory::check_signs(memory)?;
    let bounds = bounds(memory, to.purpose)?;
    let mut writes = Vec::new();
    if let Some(limit) = bounds.limit {
        writes.push(to.make("memory", "memory.limit_in_bytes", limit.to_string(), LIMIT)?);
    }
    if let Some(swap) = bounds.swap {
        let write = to.make("memory", "memory.memsw.limit_in_bytes", swap.to_string(), SWAP)?;
        // Without swap accounting the file is missing, and swap is unlimited anyway.
        writes.push(Write { optional: swap == -1, ..write });
    }
    // The limit must not be above the limit with swap: which one can go first depends on whether
    // they grow or shrink.
    match writes.len() {
        2 => to.steps.push(Step::Together(writes)),
        _ => to.steps.extend(writes.into_iter().map(Step::Write)),
    }
    if let Some(soft) = memory.reservation.filter(|soft| *soft != 0) {
        let field = "linux.resources.memory.reservation";
        to.write("memory", "memory.soft_limit_in_bytes", soft.to_string(), field)?;
    }
    if let Some(kernel) = memory.kernel.filter(|kernel| *kernel != 0) {
        let field = "linux.resources.memory.kernel";
        to.write_optional("memory", "memory.kmem.limit_in_bytes", kernel.to_string(), field)?;
    }
    if let Some(tcp) = memory.kernel_tcp.filter(|tcp| *tcp != 0) {
        let field = "linux.resources.memory.kernelTCP";
        to.write("memory", "memory.kmem.tcp.limit_in_bytes", tcp.to_string(), field)?;
    }
    switches(to, memory)
}

fn switches(to: &mut Steps<'_>, memory: &Memory) -> Result<(), PlanError> {
    // Linux 5.11 has no other hierarchy than this, and refuses 0.
    if memory.use_hierarchy == Some(true) {
        let field = "linux.resources.memory.useHierarchy";
        to.write_optional("memory", "memory.use_hierarchy", "1", field)?;
    }
    if memory.disable_oom_killer == Some(true) {
        let field = "linux.resources.memory.disableOOMKiller";
        to.write("memory", "memory.oom_control", "1", field)?;
    }
    // Engines say "leave it" with -1 in 64 bits.
    if let Some(swappiness) = memory.swappiness.filter(|value| *value != u64::MAX) {
        let field = "linux.resources.memory.swappiness";
        if swappiness > 100 {
            let message =
                format!("invalid memory swappiness value: {swappiness} (valid range is 0-100)");
            return Err(PlanError::new(field, message));
        }
        to.write("memory", "memory.swappiness", swappiness.to_string(), field)?;
    }
    Ok(())
}

/// The two limits as they are to be written; `None` leaves what is there.
#[derive(Debug, PartialEq, Eq)]
struct Bounds {
    limit: Option<i64>,
    swap: Option<i64>,
}

/// The spec's swap includes memory, as memsw does. 0 leaves what is there.
fn bounds(memory: &Memory, purpose: Purpose) -> Result<Bounds, PlanError> {
    let limit = memory.limit.unwrap_or(0);
    let swap = match memory.swap.unwrap_or(0) {
        // No limit of memory, and a limit of memory with swap, is no state that can be.
        0 if limit == -1 => -1,
        swap => swap,
    };
    if swap > 0 && limit == 0 && purpose != Purpose::Update {
        return Err(PlanError::new(SWAP, "unable to set swap limit without memory limit"));
    }
    if swap > 0 && swap < limit {
        return Err(PlanError::new(SWAP, "memory+swap limit should be >= memory limit"));
    }
    let some = |value: i64| Some(value).filter(|value| *value != 0);
    Ok(Bounds { limit: some(limit), swap: some(swap) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let create = Purpose::Create { rootless: false };
        // limit, swap; written limit, written swap
        for (limit, swap, written) in [
            (None, None, (None, None)),
            (Some(0), Some(0), (None, None)),
            (Some(1024), None, (Some(1024), None)),
            (Some(1024), Some(2048), (Some(1024), Some(2048))),
            (Some(1024), Some(1024), (Some(1024), Some(1024))),
            (Some(1024), Some(-1), (Some(1024), Some(-1))),
            (Some(-1), None, (Some(-1), Some(-1))),
            (Some(-1), Some(2048), (Some(-1), Some(2048))),
            (None, Some(-1), (None, Some(-1))),
        ] {
            let memory = Memory { limit, swap, ..Memory::default() };
            let bounds = bounds(&memory, create).unwrap();
            assert_eq!((bounds.limit, bounds.swap), written, "{limit:?} {swap:?}");
        }
        for (limit, swap) in [(None, Some(1)), (Some(2048), Some(1024))] {
            let memory = Memory { limit, swap, ..Memory::default() };
            assert_eq!(bounds(&memory, create).unwrap_err().path, SWAP, "{limit:?} {swap:?}");
        }
        let swap_only = Memory { swap: Some(1), ..Memory::default() };
        let kept = Bounds { limit: None, swap: Some(1) };
        assert_eq!(bounds(&swap_only, Purpose::Update), Ok(kept));
    }
}

//! `linux.resources.cpu.cpus` and `mems`: on which CPUs and memory nodes.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Cpu;

pub(crate) fn steps(to: &mut Steps<'_>, cpu: &Cpu<'_>) -> Result<(), PlanError> {
    for (list, file, field) in [
        (&cpu.cpus, "cpuset.cpus", "linux.resources.cpu.cpus"),
        (&cpu.mems, "cpuset.mems", "linux.resources.cpu.mems"),
    ] {
        let Some(list) = list.as_deref().filter(|list| !list.is_empty()) else { continue };
        if !is_list(list) {
            return Err(PlanError::new(field, format!("{list:?} is no list such as `0-3,7`")));
        }
        to.write("cpuset", file, list.to_owned(), field)?;
    }
    Ok(())
}

/// Whether this can be a list of numbers and ranges; the kernel has the last word.
fn is_list(list: &str) -> bool {
    list.trim_end()
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b',' | b'-' | b':' | b'/' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (list, expected) in [
            ("0", true),
            ("0-3,7", true),
            ("0-31:2/4", true),
            ("0\n", true),
            ("0\n1", false),
            ("all", false),
        ] {
            assert_eq!(is_list(list), expected, "{list:?}");
        }
    }
}

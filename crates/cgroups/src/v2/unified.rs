//! `linux.resources.unified`: any file of version 2 by name; last, so that it overrides.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::PlanError;
use crate::layout::Kind;
use crate::resources::Steps;

const FIELD: &str = "linux.resources.unified";

pub(crate) fn steps(
    to: &mut Steps<'_>,
    unified: &BTreeMap<Cow<'_, str>, Cow<'_, str>>,
) -> Result<(), PlanError> {
    if !unified.is_empty() && to.record.kind != Kind::V2 {
        return Err(PlanError::new(FIELD, "invalid configuration: cgroup v1 has no such files"));
    }
    for (file, value) in unified {
        let field = format!("{FIELD}.{file}");
        if !is_control_file(file) {
            return Err(PlanError::new(field, "not the name of a file of a cgroup controller"));
        }
        // A file such as io.max takes one line in one write.
        for line in value.split('\n') {
            if line.is_empty() && value.contains('\n') {
                continue;
            }
            to.write("unified", file.clone().into_owned(), line.to_owned(), field.clone())?;
        }
    }
    Ok(())
}

/// Whether this is `controller.file`, in letters that no path could leave the directory with.
fn is_control_file(file: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    file.bytes().all(allowed)
        && file.split_once('.').is_some_and(|(controller, rest)| {
            !controller.is_empty() && !rest.is_empty() && !rest.starts_with('.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for file in ["memory.high", "io.bfq.weight", "hugetlb.2MB.rsvd.max", "cgroup.max.depth"] {
            assert!(is_control_file(file), "{file}");
        }
        for file in [
            "",
            ".",
            "..",
            "memory",
            "memory.",
            ".max",
            "../x",
            "memory.max/..",
            "a/b.c",
            "a..b",
            "a.b\0",
        ] {
            assert!(!is_control_file(file), "{file}");
        }
    }
}

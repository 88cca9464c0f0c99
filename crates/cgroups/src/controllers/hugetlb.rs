//! `linux.resources.hugepageLimits`: bytes of huge pages, by page size.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::HugepageLimit;

/// The limit of pages in use, and the limit of pages reserved (Linux 5.7).
///
/// The spec prefers the second, whose breach fails an `mmap` where the first's kills; a kernel
/// without it has the first only.
pub(crate) fn steps(
    to: &mut Steps<'_>,
    index: usize,
    limit: &HugepageLimit<'_>,
) -> Result<(), PlanError> {
    let size = limit.page_size.as_ref();
    if !is_page_size(size) {
        let field = format!("linux.resources.hugepageLimits[{index}].pageSize");
        return Err(PlanError::new(field, format!("{size:?} is no page size such as `2MB`")));
    }
    let field = format!("linux.resources.hugepageLimits[{index}].limit");
    let word = if to.is_v1("hugetlb") { "limit_in_bytes" } else { "max" };
    let data = limit.limit.to_string();
    to.write("hugetlb", format!("hugetlb.{size}.{word}"), data.clone(), field.clone())?;
    to.write_optional("hugetlb", format!("hugetlb.{size}.rsvd.{word}"), data, field)
}

/// Whether this is a number and a unit, as the kernel's file names have it.
fn is_page_size(size: &str) -> bool {
    let Some(number) = ["KB", "MB", "GB"].iter().find_map(|unit| size.strip_suffix(unit)) else {
        return false;
    };
    !number.is_empty() && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes() {
        for size in ["64KB", "2MB", "1GB", "1024MB"] {
            assert!(is_page_size(size), "{size}");
        }
        for size in ["", "MB", "2", "2mb", "0MB", "02MB", "2MiB", "-2MB", "../2MB", "2MB/x"] {
            assert!(!is_page_size(size), "{size}");
        }
    }
}

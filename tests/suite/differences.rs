//! Where another runtime is known to differ, and why.

mod crun;
mod runc;

use behaviour::Runtime;

/// One reason, and the tests that fail for it.
pub struct Difference {
    /// The start of what the runtime's `--version` says.
    runtime: &'static str,
    pub reason: &'static str,
    /// Whether the tests pass now and then, as the outcome is a matter of time.
    pub sometimes: bool,
    tests: &'static [&'static str],
}

/// Tells why a test is known to fail with a runtime.
pub fn known(test: &str, runtime: &Runtime) -> Option<&'static Difference> {
    let mut listed = all().filter(|difference| runtime.is(difference.runtime));
    listed.find(|difference| difference.tests.contains(&test))
}

/// All tests that the table mentions.
pub fn tests() -> impl Iterator<Item = &'static str> {
    all().flat_map(|difference| difference.tests).copied()
}

fn all() -> impl Iterator<Item = &'static Difference> {
    runc::DIFFERENCES.iter().chain(crun::DIFFERENCES)
}

const fn always(
    runtime: &'static str,
    reason: &'static str,
    tests: &'static [&'static str],
) -> Difference {
    Difference { runtime, reason, sometimes: false, tests }
}

const fn sometimes(
    runtime: &'static str,
    reason: &'static str,
    tests: &'static [&'static str],
) -> Difference {
    Difference { runtime, reason, sometimes: true, tests }
}

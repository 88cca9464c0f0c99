//! What other runtimes do differently with an engine, each with its reason.

/// Runtime (the name of its binary), test, reason: the test must fail with that runtime.
pub type Difference = (&'static str, &'static str, &'static str);

/// Why a test is known to fail with a runtime.
pub fn difference(all: &[Difference], runtime: &str, test: &str) -> Option<&'static str> {
    all.iter().find(|one| one.0 == runtime && one.1 == test).map(|one| one.2)
}

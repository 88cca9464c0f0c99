//! What other runtimes do differently, each with its reason.

/// Runtime, test, reason.
type Difference = (&'static str, &'static str, &'static str);

/// A test that is listed here must fail with that runtime (the name of its binary).
const DIFFERENCES: [Difference; 3] = [
    ("runc", "docker_security::apparmor", "its error does not name the profile that is not loaded"),
    (
        "runc",
        "user_session::exec_is_in_the_scope",
        "1.1 leaves an exec of an ordinary user in the caller's cgroup",
    ),
    (
        "runc",
        "user_session::exec_follows_an_init_that_moved",
        "1.1 leaves an exec of an ordinary user in the caller's cgroup",
    ),
];

/// Why a test is known to fail with a runtime.
pub fn difference(runtime: &str, test: &str) -> Option<&'static str> {
    DIFFERENCES.iter().find(|d| d.0 == runtime && d.1 == test).map(|d| d.2)
}

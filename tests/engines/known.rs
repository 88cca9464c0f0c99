//! What other runtimes do differently, each with its reason.

/// Runtime, test, reason.
type Difference = (&'static str, &'static str, &'static str);

/// A test that is listed here must fail with that runtime (the name of its binary).
const DIFFERENCES: [Difference; 4] = [
    ("crun", "podman_errors::not_a_program", "its error does not name the file"),
    (
        "runc",
        "snippets::podman_uses_the_runtime_by_its_name",
        "has no --cgroup-manager, which podman gives to a runtime without cgroups",
    ),
    ("crun", "podman_exec::missing_program", "its error does not name the file"),
    (
        "orun",
        "podman_resources::pids",
        "podman 4.3 writes `pids.limit: 0` for -1; since runc 1.5, 0 means no new process at all",
    ),
];

/// Why a test is known to fail with a runtime.
pub fn difference(runtime: &str, test: &str) -> Option<&'static str> {
    DIFFERENCES.iter().find(|d| d.0 == runtime && d.1 == test).map(|d| d.2)
}

//! What other runtimes do differently, each with its reason.

use behaviour::known::Difference;

pub const DIFFERENCES: [Difference; 4] = [
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

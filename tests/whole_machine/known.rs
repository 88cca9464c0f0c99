//! What other runtimes do differently, each with its reason.

use behaviour::known::Difference;

pub const DIFFERENCES: [Difference; 3] = [
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

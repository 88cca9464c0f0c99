//! Container engines drive the runtime under test: podman, buildah and containerd.
//!
//! `RUNTIME` names the runtime (default: `target/release/orun`), so that a difference can be told
//! from a mistake of a test: `RUNTIME=runc cargo test --test engines`. Every test has a
//! [`World`](world::World) of its own, and a script in it that could be typed by hand. A test
//! whose programs are not installed says so and passes, unless `ENGINES_REQUIRED` is set.
#![allow(
    clippy::disallowed_methods,
    reason = "the bans are for the runtime; a test tool starts processes and threads"
)]

mod containerd;
mod images;
mod known;
mod podman_build;
mod podman_errors;
mod podman_exec;
mod podman_files;
mod podman_hooks;
mod podman_lifecycle;
mod podman_namespaces;
mod podman_notify;
mod podman_process;
mod podman_resources;
mod podman_rootless;
mod podman_security;
mod run;
mod snippets;
mod world;

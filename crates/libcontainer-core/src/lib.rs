//! The container runtime as a library: plans, creates, starts, executes in, and deletes containers
//! as the OCI runtime specification says.
//!
//! It never prints and never exits the caller: results, warnings and errors are values. The layers
//! point one way: `spec` is read, `plan` decides, `create`, `exec` and their like do the parent's
//! half, `init` the container's half. See docs/architecture.md.

pub mod caller;
pub mod capability;
mod console_socket;
pub mod container;
mod conversation;
pub mod create;
mod death;
pub mod delete;
pub mod doctor;
mod errno;
pub mod error;
pub mod events;
pub mod exec;
pub mod features;
pub mod foreground;
mod gate;
mod guards;
mod hint;
mod hooks;
mod host;
mod init;
mod inside;
mod intel_rdt;
mod interrupt;
pub mod kill;
mod listener;
mod maps;
pub mod mounts;
mod net_devices;
mod netlink;
mod network;
mod notify;
pub mod oci_state;
mod own_cgroup;
pub mod pause;
mod pid_file;
pub mod plan;
mod procfs;
pub mod ps;
mod record;
mod relay;
mod rootfs;
pub mod run;
pub mod seal;
pub mod signal;
mod spawn;
pub mod spec;
pub mod start;
pub mod state;
mod state_dir;
pub mod step;
pub mod store;
pub mod sync;
mod sys;
pub mod template;
pub mod trace;
pub mod update;
pub mod usage;
pub mod validate;
pub mod wait;
mod walk;
mod whole;

pub use ::seccomp;
pub use error::{Error, Result};
pub use host::has_unified_cgroups;

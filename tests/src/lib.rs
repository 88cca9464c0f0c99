//! A small language for tests that run a real container and look at it from inside.
//!
//! A [`Bundle`] is a private root file system with the probe in it and a `config.json` that a test
//! edits. Its methods are the commands of the runtime under test; a [`Finished`] is how such a
//! command ended; a [`Seen`] is what the probe answered from inside the container.
#![allow(
    clippy::disallowed_methods,
    reason = "the bans are for the runtime; a test tool starts processes and threads"
)]

mod agent;
mod bundle;
mod call;
mod config;
mod console;
mod container;
pub mod host;
pub mod known;
mod leaks;
pub mod mountinfo;
pub mod names;
pub mod old_kernel;
pub mod ordinary_user;
mod output;
mod probe;
mod runtime;
pub mod sandbox;
pub mod script;
mod seen;
pub mod sys;

pub use agent::Agent;
pub use bundle::Bundle;
pub use call::{Call, Finished, Running, copy_program};
pub use console::{ConsoleSocket, Pty};
pub use leaks::{left_of, watch};
pub use output::Output;
pub use runtime::{Runtime, runtime};
pub use seen::{Seen, pick};

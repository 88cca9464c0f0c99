//! The crate on the cgroups of the machine that runs the tests: as root, in cgroups of its own.
//!
//! What needs something that the machine lacks says `skipped` on stderr, and why.
#![allow(clippy::unwrap_used, reason = "tests")]

mod both;
mod harness;
mod systemd;
mod unified;
mod v1;
mod v2;

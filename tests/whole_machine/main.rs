//! Engines that take the whole machine drive the runtime: docker's daemon with it as its default
//! runtime, podman with systemd's manager and with a user's, containerd with systemd's cgroups. An
//! ordinary user after a login drives it by hand.
//!
//! `RUNTIME` names the runtime. A test is a script that could be typed by hand. All of them change
//! the machine, so that they are ignored unless `DISPOSABLE_MACHINE` is set, as in the test VM.
#![allow(
    clippy::disallowed_methods,
    reason = "the bans are for the runtime; a test tool starts processes and threads"
)]

mod case;
mod containerd;
mod docker;
mod docker_build;
mod docker_daemon;
mod docker_network;
mod docker_security;
mod known;
mod machine;
mod podman;
mod podman_init;
mod podman_rootless;
mod user_session;

use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let chapters = [
        docker::CHAPTER,
        docker_build::CHAPTER,
        docker_network::CHAPTER,
        docker_security::CHAPTER,
        podman::CHAPTER,
        podman_init::CHAPTER,
        podman_rootless::CHAPTER,
        user_session::CHAPTER,
        containerd::CHAPTER,
        docker_daemon::CHAPTER,
    ];
    let trials = chapters.into_iter().flat_map(case::trials).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

//! The behaviour suite: one file per chapter of the specification.
//!
//! `RUNTIME` names the runtime under test, by path or name. Arguments are those of Rust's own
//! test programs: a filter, `--list`, `--test-threads`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the bans are for the runtime; here a panic is how a test fails"
)]

mod attacks;
mod binds;
mod case;
mod cgroups;
mod cgroups_v1;
mod cgroups_v1_rare;
mod cgroups_v2;
mod cli;
mod commands;
mod concurrency;
mod credentials;
mod devices;
mod differences;
mod doctor;
mod errors;
mod exec;
mod exec_options;
mod extensions;
mod fds;
mod full_disk;
mod hardening;
mod hook_failures;
mod hook_fields;
mod hooks;
mod idmaps;
mod interruptions;
mod kernel;
mod labels;
mod large;
mod leaks;
mod lifecycle;
mod limits;
mod mount_options;
mod mount_words;
mod mounts;
mod mounts_command;
mod namespaces;
mod net_devices;
mod notify;
mod process;
mod races;
mod relay;
mod rootfs;
mod rootless;
mod scheduling;
mod seccomp;
mod seccomp_abis;
mod seccomp_actions;
mod seccomp_arguments;
mod seccomp_command;
mod seccomp_notify;
mod seccomp_record;
mod security;
mod systemd;
mod terminal;
mod user_namespaces;
mod validate;
mod wait;
mod words;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list
        && let Some(code) = behaviour::sandbox::enter()
    {
        return code;
    }
    let chapters = [
        ("lifecycle", lifecycle::CASES),
        ("interruptions", interruptions::CASES),
        ("concurrency", concurrency::CASES),
        ("commands", commands::CASES),
        ("cli", cli::CASES),
        ("validate", validate::CASES),
        ("wait", wait::CASES),
        ("notify", notify::CASES),
        ("mounts_command", mounts_command::CASES),
        ("words", words::CASES),
        ("errors", errors::CASES),
        ("process", process::CASES),
        ("scheduling", scheduling::CASES),
        ("credentials", credentials::CASES),
        ("labels", labels::CASES),
        ("terminal", terminal::CASES),
        ("relay", relay::CASES),
        ("namespaces", namespaces::CASES),
        ("user_namespaces", user_namespaces::CASES),
        ("rootless", rootless::CASES),
        ("net_devices", net_devices::CASES),
        ("mounts", mounts::CASES),
        ("binds", binds::CASES),
        ("idmaps", idmaps::CASES),
        ("mount_options", mount_options::CASES),
        ("mount_words", mount_words::CASES),
        ("rootfs", rootfs::CASES),
        ("devices", devices::CASES),
        ("kernel", kernel::CASES),
        ("hooks", hooks::CASES),
        ("hook_failures", hook_failures::CASES),
        ("hook_fields", hook_fields::CASES),
        ("cgroups", cgroups::CASES),
        ("cgroups_v1", cgroups_v1::CASES),
        ("cgroups_v1_rare", cgroups_v1_rare::CASES),
        ("full_disk", full_disk::CASES),
        ("limits", limits::CASES),
        ("systemd", systemd::CASES),
        ("cgroups_v2", cgroups_v2::CASES),
        ("seccomp", seccomp::CASES),
        ("seccomp_arguments", seccomp_arguments::CASES),
        ("seccomp_abis", seccomp_abis::CASES),
        ("seccomp_actions", seccomp_actions::CASES),
        ("seccomp_notify", seccomp_notify::CASES),
        ("seccomp_record", seccomp_record::CASES),
        ("seccomp_command", seccomp_command::CASES),
        ("exec", exec::CASES),
        ("exec_options", exec_options::CASES),
        ("extensions", extensions::CASES),
        ("fds", fds::CASES),
        ("security", security::CASES),
        ("hardening", hardening::CASES),
        ("attacks", attacks::CASES),
        ("races", races::CASES),
        ("doctor", doctor::CASES),
        ("large", large::CASES),
        ("leaks", leaks::CASES),
    ];
    let trials: Vec<_> =
        chapters.into_iter().flat_map(|(name, cases)| case::trials(name, cases)).collect();
    for test in differences::tests() {
        assert!(trials.iter().any(|trial| trial.name() == test), "no test is called {test}");
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

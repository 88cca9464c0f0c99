//! What the caller left in the process: standard streams, `LISTEN_FDS`, the user's runtime directory.

use std::ffi::CString;

use libcontainer_core::caller;
use libcontainer_core::error::{At, Error, Result};
use libcontainer_core::step::Step;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags};

use crate::parse::Words;

/// A closed standard stream becomes /dev/null, so that no file of ours takes its number.
///
/// An error if there is no /dev/null to open.
pub fn fill_standard_streams() -> Result<()> {
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let mut fds = streams.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::empty()));
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).at(Step::Fds, "look at the standard streams")?;
    for _ in fds.iter().filter(|fd| fd.revents().contains(PollFlags::NVAL)) {
        // The lowest free number is the closed one.
        let null = rustix::fs::openat(CWD, "/dev/null", OFlags::RDWR, Mode::empty())
            .at(Step::Fds, "/dev/null in place of a closed standard stream")?;
        std::mem::forget(null);
    }
    Ok(())
}

/// The value of a variable in the caller's environment.
pub fn variable<'e>(env: &'e [CString], name: &str) -> Option<&'e str> {
    // Each command asks for some ten of them: no look at what the others are.
    let mut values = env
        .iter()
        .filter_map(|entry| entry.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    values.find_map(|value| str::from_utf8(value).ok())
}

/// `LISTEN_FDS`, if it is meant for this process (`sd_listen_fds(3)`).
pub fn listen_fds(env: &[CString]) -> u32 {
    let for_us = variable(env, "LISTEN_PID")
        .is_none_or(|pid| pid.is_empty() || pid.parse() == Ok(std::process::id()));
    if !for_us {
        return 0;
    }
    variable(env, "LISTEN_FDS")
        .and_then(|count| count.parse().ok())
        .filter(|count| *count < 1024)
        .unwrap_or(0)
}

/// `NOTIFY_SOCKET`, the socket of who wants to know when the container is ready (`sd_notify(3)`).
pub fn notify_socket(env: &[CString]) -> Option<&str> {
    variable(env, "NOTIFY_SOCKET").filter(|path| !path.is_empty())
}

/// The agent of seccomp profiles that name none, as for crun.
pub fn seccomp_receiver(env: &[CString]) -> Option<String> {
    variable(env, "RUN_OCI_SECCOMP_RECEIVER").filter(|path| !path.is_empty()).map(str::to_owned)
}

/// How many descriptors from 3 on the caller means to pass.
pub fn wanted_descriptors(env: &[CString], words: &Words) -> Result<u32> {
    let preserved = match words.last("preserve-fds") {
        None => 0,
        Some(count) => count.parse().ok().filter(|count| *count < 1 << 20).ok_or_else(|| {
            Error::because(
                Step::CheckOption,
                "--preserve-fds",
                format!("{count:?} is not a number of descriptors"),
            )
        })?,
    };
    Ok(listen_fds(env) + preserved)
}

/// Each descriptor that the caller asks to pass must be open, as with runc: a hole is a mistake.
pub fn check_preserved(env: &[CString], words: &Words, open: &[i32]) -> Result<()> {
    let listen = listen_fds(env);
    let wanted = wanted_descriptors(env, words)? - listen;
    match (0..wanted).find(|index| !open.contains(&((3 + listen + index) as i32))) {
        None => Ok(()),
        Some(index) => Err(Error::because(
            Step::CheckOption,
            "--preserve-fds",
            format!(
                "unable to stat preserved-fd {index} (of {wanted}): descriptor {} is not open",
                3 + listen + index
            ),
        )),
    }
}

/// Whether this is an ordinary user, or root of a user namespace that one made.
pub fn is_rootless(env: &[CString]) -> bool {
    if caller::ids().0 != 0 {
        return true;
    }
    // Only a user with a session has this variable, so root pays nothing for the question.
    let session = variable(env, "XDG_RUNTIME_DIR").is_some_and(|dir| !dir.is_empty());
    session && variable(env, "USER") != Some("root") && in_user_namespace()
}

fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().ne(["0", "0", "4294967295"])
}

/// The default state root: below the user's runtime directory for an ordinary user.
pub fn state_root(env: &[CString]) -> String {
    match variable(env, "XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) if is_rootless(env) => format!("{dir}/orun"),
        _ => "/run/orun".to_owned(),
    }
}

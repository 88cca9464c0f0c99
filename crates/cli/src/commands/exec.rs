//! `exec`

use std::os::fd::AsFd;

use libcontainer_core::error::{At, Error, Result};
use libcontainer_core::exec::{ExecRequest, exec as exec_in};
use libcontainer_core::plan::{ExecOverrides, Options};
use libcontainer_core::step::Step;
use rustix::fs::{CWD, Mode, OFlags};

use super::{Context, Failure, bad_option, find, warn};
use crate::parse::Words;
use crate::surroundings;

/// `exec`
pub fn exec(
    context: &Context,
    words: &Words,
    inherited: Vec<i32>,
    root: &str,
) -> std::result::Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "exec", error);
    let request = request(context, words, inherited).map_err(failed)?;
    let container = find(root, &words.args[0]).map_err(failed)?;
    let (status, warnings) = exec_in(&container, &request).map_err(failed)?;
    warn(context, &warnings);
    Ok(status)
}

fn request(context: &Context, words: &Words, inherited: Vec<i32>) -> Result<ExecRequest> {
    let text = |name: &str| words.last(name).map(str::to_owned);
    let process = |path: &str| Ok((path.to_owned(), read(path)?));
    let process = words.last("process").map(process).transpose()?;
    let args = words.args[1..].to_vec();
    if args.is_empty() && process.is_none() {
        return Err(Error::because(
            Step::CheckOption,
            "COMMAND",
            "exec args cannot be empty: it needs a command, or --process",
        ));
    }
    let cgroup = words.all("cgroup");
    cgroups(&cgroup)?;
    Ok(ExecRequest {
        overrides: ExecOverrides {
            args: (!args.is_empty()).then_some(args),
            env: words.all("env"),
            cwd: text("cwd"),
            // An empty user is a mistake, not whom the configuration names: that may be root.
            user: words.all("user").last().map(|text| user(text)).transpose()?,
            additional_gids: words
                .all("additional-gids")
                .iter()
                .map(|gid| {
                    id(gid).ok_or_else(|| bad_option("--additional-gids", gid, "a group id"))
                })
                .collect::<Result<_>>()?,
            caps: words.all("cap"),
            terminal: words.has("tty"),
            no_new_privs: words.switch("no-new-privs"),
            apparmor: text("apparmor"),
            label: text("process-label"),
        },
        options: Options {
            new_keyring: !words.has("no-new-keyring"),
            listen_fds: surroundings::listen_fds(&context.env),
            listen_names: surroundings::variable(&context.env, "LISTEN_FDNAMES").map(str::to_owned),
            inherited,
            seccomp_receiver: surroundings::seccomp_receiver(&context.env),
            ..Options::default()
        },
        process,
        console_socket: text("console-socket"),
        pidfd_socket: text("pidfd-socket"),
        pid_file: text("pid-file"),
        cgroup,
        detach: words.has("detach"),
        ignore_paused: words.has("ignore-paused"),
        no_subreaper: words.has("no-subreaper"),
        ignored_signals: libcontainer_core::caller::ignored_signals(),
    })
}

/// The file may be a pipe: engines pass /dev/fd/N.
pub fn read(path: &str) -> Result<Vec<u8>> {
    let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .at(Step::ReadConfig, path)?;
    let mut text = Vec::new();
    let mut buffer = [0u8; 8192];
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::read(file.as_fd(), &mut buffer))
            .at(Step::ReadConfig, path)?
        {
            0 => return Ok(text),
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
}

/// `UID` or `UID:GID`, strictly: what is not all digits is no id (CVE-2016-3697, CVE-2026-30892).
fn user(text: &str) -> Result<(u32, Option<u32>)> {
    let read = |kind: &str, text: &str| {
        let reason = || format!("bad {kind}: {text:?} is not a number below 4294967295");
        id(text).ok_or_else(|| Error::because(Step::CheckOption, "--user", reason()))
    };
    match text.split_once(':') {
        None => Ok((read("uid", text)?, None)),
        Some((uid, gid)) => Ok((read("uid", uid)?, Some(read("gid", gid)?))),
    }
}

/// `PATH` or `CONTROLLER,...:PATH`, each controller once.
fn cgroups(words: &[String]) -> Result<()> {
    let bad = |words: String| Err(Error::because(Step::CheckOption, "--cgroup", words));
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        let Some((controllers, _)) = word.split_once(':') else {
            if words.len() > 1 {
                return bad(format!("{word:?}: missing <controller>: prefix"));
            }
            continue;
        };
        for controller in controllers.split(',') {
            if controller.is_empty() {
                return bad(format!("{word:?}: empty <controller> prefix"));
            }
            if seen.contains(&controller) {
                return bad(format!("controller {controller} specified multiple times"));
            }
            seen.push(controller);
        }
    }
    Ok(())
}

fn id(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_have_each_controller_once() {
        let check = |words: &[&str]| {
            cgroups(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        for good in [&[][..], &["a"], &["memory:a"], &["cpu,cpuacct:a", "memory:b"]] {
            assert!(check(good).is_ok(), "{good:?}");
        }
        for bad in [&["a", "b"][..], &["memory:a", "b"], &[":a"], &["a,:b"], &["a:x", "a:y"]] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_are_digits_and_nothing_else() {
        assert_eq!(user("1").unwrap(), (1, None));
        assert_eq!(user("1000:1000").unwrap(), (1000, Some(1000)));
        for bad in
            ["-1", "4294967295", "4294967296", "1:", ":1", "", "1 ", "+1", "0x1", "abc", "1:x"]
        {
            assert!(user(bad).is_err(), "{bad:?}");
        }
    }
}

//! `create` and `run`.

use libcontainer_core::create::{CreateRequest, create as create_container};
use libcontainer_core::error::Result;
use libcontainer_core::plan::Options;
use libcontainer_core::run::{RunRequest, run as run_container};
use libcontainer_core::store::Store;

use super::{Context, Failure, bad_option, warn};
use crate::parse::{Words, boolean};
use crate::surroundings;

/// `create`
pub fn create(
    context: &Context,
    global: &Words,
    words: &Words,
    inherited: Vec<i32>,
    root: &str,
) -> std::result::Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "create", error);
    let request = request(context, global, words, inherited, true).map_err(failed)?;
    let store = Store::create(root).map_err(failed)?;
    let created = create_container(&store, &request).map_err(failed)?;
    warn(context, &created.warnings);
    Ok(0)
}

/// `run`
pub fn run(
    context: &Context,
    global: &Words,
    words: &Words,
    inherited: Vec<i32>,
    root: &str,
) -> std::result::Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "run", error);
    let detach = words.has("detach");
    let request = request(context, global, words, inherited, detach).map_err(failed)?;
    let store = Store::create(root).map_err(failed)?;
    let how = RunRequest {
        detach,
        keep: words.has("keep"),
        no_subreaper: words.has("no-subreaper"),
        record_seccomp: words.last("record-seccomp").map(str::to_owned),
    };
    let ended = run_container(store, &request, how).map_err(failed)?;
    warn(context, &ended.warnings);
    Ok(ended.status)
}

fn request(
    context: &Context,
    global: &Words,
    words: &Words,
    inherited: Vec<i32>,
    detached: bool,
) -> Result<CreateRequest> {
    let text = |name: &str| words.last(name).map(str::to_owned);
    Ok(CreateRequest {
        options: options(context, global, words, inherited)?,
        config: text("config"),
        console_socket: text("console-socket"),
        pidfd_socket: text("pidfd-socket"),
        pid_file: text("pid-file"),
        notify_socket: surroundings::notify_socket(&context.env).map(str::to_owned),
        detached,
        ignored_signals: libcontainer_core::caller::ignored_signals(),
    })
}

/// What the command line says about the plan.
pub fn options(
    context: &Context,
    global: &Words,
    words: &Words,
    inherited: Vec<i32>,
) -> Result<Options> {
    let driver = global.last("cgroup-manager").unwrap_or("cgroupfs");
    if !matches!(driver, "cgroupfs" | "systemd" | "disabled") {
        return Err(bad_option("--cgroup-manager", driver, "one of cgroupfs, systemd, disabled"));
    }
    let rootless = match global.last("rootless").unwrap_or("auto") {
        word if word.eq_ignore_ascii_case("auto") => surroundings::is_rootless(&context.env),
        word => boolean(word)
            .ok_or_else(|| bad_option("--rootless", word, "one of true, false, auto"))?,
    };
    Ok(Options {
        id: words.args.first().cloned().unwrap_or_default(),
        bundle: absolute(words.last("bundle").unwrap_or("."))?,
        no_pivot: words.has("no-pivot"),
        new_keyring: !words.has("no-new-keyring"),
        listen_fds: surroundings::listen_fds(&context.env),
        inherited,
        listen_names: surroundings::variable(&context.env, "LISTEN_FDNAMES").map(str::to_owned),
        systemd_cgroup: global.has("systemd-cgroup") || driver == "systemd",
        no_cgroups: driver == "disabled",
        seccomp_receiver: surroundings::seccomp_receiver(&context.env),
        rootless,
    })
}

/// The bundle's path as the state keeps it.
fn absolute(path: &str) -> Result<String> {
    use libcontainer_core::error::At;
    use libcontainer_core::step::Step;
    if path.starts_with('/') {
        return Ok(libcontainer_core::plan::clean_path(path));
    }
    let cwd = rustix::process::getcwd(Vec::new()).at(Step::ReadConfig, "the current directory")?;
    Ok(libcontainer_core::plan::clean_path(&format!("{}/{path}", cwd.to_string_lossy())))
}

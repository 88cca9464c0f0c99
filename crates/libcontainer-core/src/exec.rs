//! `exec`: another process in a container that is there.
//!
//! A helper enters the container's cgroup and namespaces, the pid namespace last, and makes the
//! process: what the container can see of it has the container's root, is not dumpable, and holds
//! no descriptor of the host (CVE-2016-9962, CVE-2024-21626).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ::namespaces::{Child, CloneRequest, Namespace, NamespaceSet};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::container::{Container, Live};
use crate::create::{parse, tell_pid};
use crate::error::{At, Error, Result, Side, cgroup_failed};
use crate::foreground::attend;
use crate::guards::Guard;
use crate::init::{self, process};
use crate::interrupt::Signals;
use crate::plan::{self, ExecOverrides, Host, Namespaces, Options, ProcessPlan};
use crate::relay::{self, Relay};
use crate::spec::{self, Process};
use crate::start::Hearing;
use crate::step::Step;
use crate::sync::{self, Message, Pipe};
use crate::{console_socket, death, inside, listener, spawn, sys, trace};

/// What `exec` is asked for.
#[derive(Clone, Debug, Default)]
pub struct ExecRequest {
    /// The `--process` file: its name, and what is in it.
    pub process: Option<(String, Vec<u8>)>,
    /// What the command line says.
    pub overrides: ExecOverrides,
    /// Passed descriptors and the keyring.
    pub options: Options,
    /// Socket that gets the terminal's master.
    pub console_socket: Option<String>,
    /// Socket that gets a pidfd of the process.
    pub pidfd_socket: Option<String>,
    /// File that gets the pid of the process.
    pub pid_file: Option<String>,
    /// Cgroups below the container's, `PATH` or `CONTROLLERS:PATH`.
    pub cgroup: Vec<String>,
    /// Return when the program runs.
    pub detach: bool,
    /// Also in a paused container.
    pub ignore_paused: bool,
    /// Do not take over orphans.
    pub no_subreaper: bool,
    /// Signals that the caller ignored.
    pub ignored_signals: u64,
}

/// Runs a program in a container; its exit status, or 0 for a detached one, and warnings.
pub fn exec(container: &Container, request: &ExecRequest) -> Result<(i32, Vec<String>)> {
    let live = container.executable(request.ignore_paused)?;
    exec_beside(container, live, request).map_err(|error| {
        if error.signal().is_some() || !death::has_ended(live.pid, live.as_fd()) {
            return error;
        }
        // Its namespaces and cgroups were going, so there are many ways to fail.
        let words = "cannot exec in a stopped container: it ended meanwhile";
        Error::because(Step::CheckStatus, words, error.to_string())
    })
}

fn exec_beside(
    container: &Container,
    live: &Live,
    request: &ExecRequest,
) -> Result<(i32, Vec<String>)> {
    let text = container.dir.read_config()?;
    let spec = parse(&text)?;
    let host = Host::probe(&Options { no_cgroups: true, ..Options::default() })?;
    let mut process: Process<'_> = match (&request.process, spec.process) {
        (Some((name, text)), _) => spec::parse(text).map_err(|error| {
            let dot = if error.path.is_empty() { "" } else { ": " };
            Error::config(format!("{name}{dot}{}", error.path), error.message)
        })?,
        (None, Some(process)) => Process { terminal: false, ..process },
        (None, None) => Process::default(),
    };
    trace::phase("plan");
    let namespaces = plan::namespaces_of(spec.linux.as_ref(), &host)?;
    let mut warnings = Vec::new();
    let plan = plan::plan_exec(
        &plan::Around {
            linux: spec.linux.as_ref(),
            annotations: &spec.annotations,
            options: &request.options,
        },
        &mut process,
        &request.overrides,
        &namespaces,
        &mut warnings,
    )?;
    let socket = request.console_socket.as_deref();
    console_socket::check(plan.terminal.is_some(), request.detach, socket)?;
    let console = request.console_socket.as_deref().map(console_socket::connect).transpose()?;
    let signals =
        if request.detach { None } else { Some(Signals::catch(request.ignored_signals)?) };
    if !request.detach && !request.no_subreaper {
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
    if let Some(cpus) = &plan.initial_cpus {
        let mask = cpus.iter().filter(|cpu| **cpu < 64).fold(0u64, |mask, cpu| mask | 1 << cpu);
        tracing::debug!("nsexec: affinity: {mask:#x}");
    }
    tracing::debug!("nsexec container setup: exec in {}", container.dir.id());
    trace::phase("clone, and join the namespaces");
    let (pipe, child) = spawn_process(container, live, &namespaces, &plan, request)?;
    let guard = Guard(Some(child));
    let Some(child) = &guard.0 else { return Err(Error::new(Step::Clone, "")) };
    if let Some(group) = container.state.intel_rdt.as_ref().filter(|group| group.exists()) {
        group.enter(child.pid.as_raw_nonzero().get()).map_err(|error| error.on(Side::Starting))?;
    }
    let state = container.state.oci_state("running").to_json();
    let deliver = |place| {
        let pid = child.pid.as_raw_nonzero().get();
        listener::deliver(plan.agent.as_ref(), &pipe, (pid, child.pidfd.as_fd()), place, &state)
    };
    trace::phase("talk with the process");
    let terminal = converse(&pipe, console, signals.as_ref(), &deliver)?;
    terminal.iter().for_each(relay::fit);
    tell_pid(request.pidfd_socket.as_deref(), request.pid_file.as_deref(), child)?;
    trace::phase("the program runs");
    pipe.send(&Message::Proceed { gate: false })?;
    let process = (child.pid.as_raw_nonzero().get(), child.pidfd.as_fd());
    let (state, listening) = (&container.state, signals.as_ref());
    Hearing { executing: false, process, state, signals: listening }.hear(&pipe, &deliver)?;
    let status = match &signals {
        None => 0,
        Some(signals) => {
            let relay = terminal.map(Relay::new).transpose()?;
            attend(child.pid, &child.pidfd, signals, relay, None)?
        }
    };
    guard.keep();
    Ok((status, warnings))
}

fn spawn_process(
    container: &Container,
    live: &Live,
    namespaces: &Namespaces,
    plan: &ProcessPlan,
    request: &ExecRequest,
) -> Result<(Pipe, Child)> {
    let record = match &container.state.cgroup {
        Some(record) => Some(choose_cgroup(record, &request.cgroup)?),
        None => None,
    };
    let spawn = |record: Option<&cgroups::Record>| {
        spawn_in(record, container, live, namespaces, plan, request)
    };
    let (error, record) = match (spawn(record.as_ref()), record) {
        (Err(error), Some(record)) => (error, record),
        (result, _) => return result,
    };
    // An init system has moved itself to a sub-cgroup, so that the container's own takes nobody (which a
    // user's systemd calls a lack of permission); or to one elsewhere, and the container's own is gone.
    let is_full = error.step == Step::Clone && error.errno() == Some(Errno::BUSY);
    if (is_full || error.step == Step::EnterCgroup)
        && request.cgroup.is_empty()
        && let Ok(moved) = record.of_process(container.state.pid)
        && moved != record
    {
        return spawn(Some(&moved));
    }
    if !is_full {
        return Err(error);
    }
    let of_v2 = record.paths().find(|(controllers, _)| controllers.is_empty());
    Err(Errno::BUSY).at(Step::EnterCgroup, of_v2.map_or_else(String::new, |(_, path)| path))
}

fn spawn_in(
    record: Option<&cgroups::Record>,
    container: &Container,
    live: &Live,
    namespaces: &Namespaces,
    plan: &ProcessPlan,
    request: &ExecRequest,
) -> Result<(Pipe, Child)> {
    let mut join = match record {
        Some(record) => record.join().map_err(|error| cgroup_failed(Step::EnterCgroup, &error))?,
        None => cgroups::Join::default(),
    };
    let (ours, theirs) = sync::pair()?;
    let target = live
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO));
    let target = (live.pid, target.at(Step::JoinNamespace, "pidfd")?);
    // The helper starts in the v2 cgroup, and the process with it; only the `tasks` files are left.
    let into = join.v2.take();
    let clone = CloneRequest { cgroup: into.as_ref().map(AsFd::as_fd), ..CloneRequest::default() };
    let pipe = theirs.as_fd();
    let keyring = request.options.new_keyring.then(|| format!("_ses.{}", container.dir.id()));
    let child = spawn::spawn_by_helper(
        &clone,
        NamespaceSet::EMPTY,
        |answer| enter(answer, pipe, target, &join, namespaces, plan, &request.options),
        |()| run(pipe, &join, plan, keyring.as_deref(), request),
    )
    .map_err(|error| error.on(Side::Init))?;
    Ok((ours, child))
}

/// The directories that the process joins.
fn choose_cgroup(record: &cgroups::Record, wanted: &[String]) -> Result<cgroups::Record> {
    let mut chosen = record.clone();
    for word in wanted {
        let (controllers, path) = match word.split_once(':') {
            Some((controllers, path)) => (Some(controllers), path),
            None => (None, &**word),
        };
        let below = record.below(controllers, path).map_err(|error| match error.cause {
            cgroups::Cause::NoController { controller } => {
                Error::new(Step::UnknownController, controller)
            }
            _ => Error::new(Step::SubCgroup, format!("{path:?}")),
        })?;
        for directory in below.directories {
            let same = chosen.directories.iter_mut().find(|known| known.mount == directory.mount);
            same.into_iter().for_each(|known| *known = directory.clone());
        }
    }
    Ok(chosen)
}

/// The helper's part: everything that must be done before the container can see the process.
fn enter(
    answer: BorrowedFd<'_>,
    pipe: BorrowedFd<'_>,
    target: (i32, OwnedFd),
    cgroup: &cgroups::Join,
    namespaces: &Namespaces,
    plan: &ProcessPlan,
    options: &Options,
) -> Result<()> {
    cgroup.attach().map_err(|error| cgroup_failed(Step::EnterCgroup, &error))?;
    process::set_oom_score("self", plan)?;
    for (file, value, field) in init::open_labels(Some(plan))? {
        // Takes effect at the next execve, of the child too, which inherits it.
        rustix::io::write(&file, value.as_bytes())
            .map(drop)
            .at(Step::Label, value)
            .map_err(|e| e.field(field))?;
    }
    if namespaces.has(Namespace::User) {
        process::raise_limits(plan, 0)?;
    }
    if let Some(cpus) = &plan.initial_cpus {
        process::set_cpus(cpus, "process.execCPUAffinity.initial")?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(Step::Ids, "not dumpable")?;
    let process = (target.0, target.1.as_fd());
    let root = inside::root_to_enter(process, namespaces)?;
    let mut needed = vec![answer, pipe, process.1];
    needed.extend(cgroup.tasks.iter().map(AsFd::as_fd));
    needed.extend(root.as_ref().map(AsFd::as_fd));
    init::left::settle_descriptors(&options.inherited, &needed)?;
    inside::join(process, namespaces, root)
}

/// The process's part: like the tail of the container init.
fn run(
    pipe: BorrowedFd<'_>,
    cgroup: &cgroups::Join,
    plan: &ProcessPlan,
    keyring: Option<&str>,
    request: &ExecRequest,
) {
    let Ok(own) = pipe.try_clone_to_owned() else { return };
    let pipe = Pipe::from(own);
    let Err(error) = run_steps(&pipe, cgroup, plan, keyring, request);
    // The other side may be gone; then there is nobody to tell.
    let _ = pipe.send(&Message::Failed(error));
}

fn run_steps(
    pipe: &Pipe,
    cgroup: &cgroups::Join,
    plan: &ProcessPlan,
    keyring: Option<&str>,
    request: &ExecRequest,
) -> Result<std::convert::Infallible> {
    trace::change_sides();
    trace::phase("cgroups, limits, ids, capabilities");
    rustix::process::umask(rustix::fs::Mode::empty());
    cgroups::enter(cgroup, drop).map_err(|error| cgroup_failed(Step::JoinCgroup, &error))?;
    if let Some(name) = keyring {
        init::join_keyring(name)?;
    }
    rustix::process::setsid().map(drop).at(Step::Session, "")?;
    let terminal = match plan.terminal {
        None => None,
        Some(size) => Some(init::open_terminal(pipe, size, plan)?),
    };
    let needed = [pipe.as_fd()];
    let descriptors = process::Descriptors { passed: &request.options.inherited, needed: &needed };
    let ready =
        process::prepare(plan, Vec::new(), terminal, request.ignored_signals, &descriptors)?;
    for notes in trace::take() {
        pipe.send(&Message::Traced(notes))?;
    }
    pipe.send(&Message::Ready)?;
    match pipe.receive()? {
        Some(Message::Proceed { .. }) => pipe.send(&Message::Executing)?,
        _ => sys::exit_now(1),
    }
    process::filter(plan, pipe)?;
    process::execute(&ready)
}

/// The parent's half of the conversation, until the process is ready.
fn converse(
    pipe: &Pipe,
    console: Option<OwnedFd>,
    signals: Option<&Signals>,
    deliver: &dyn Fn((u32, u64)) -> Result<()>,
) -> Result<Option<OwnedFd>> {
    let mut terminal = None;
    tracing::debug!("child process in init()");
    loop {
        signals.map_or(Ok(()), |signals| signals.wait_for(pipe.as_fd()))?;
        match pipe.receive().map_err(|error| error.on(Side::Starting))? {
            Some(Message::Traced(notes)) => trace::adopt(&notes),
            Some(Message::Ready) => {
                tracing::debug!("setns_init: about to exec");
                return Ok(terminal);
            }
            Some(Message::Terminal(master)) => match &console {
                Some(socket) => console_socket::send_master(socket, master.as_fd())?,
                None => terminal = Some(master),
            },
            Some(Message::ListenerAt(number, flag)) => deliver((number, flag))?,
            Some(Message::Failed(error)) => return Err(error.on(Side::Init)),
            None => {
                return Err(Error::new(Step::InitDied, "before it was ready").on(Side::Starting));
            }
            Some(_) => return Err(Error::because(Step::Talk, "", "unexpected message")),
        }
    }
}

//! `create`: from a bundle to a container that waits to be started. `run` goes the same way.
//!
//! Five paragraphs: read, plan, claim, spawn and talk, commit. What was claimed is given back on
//! every way out but the last.

use std::os::fd::{AsFd, OwnedFd};
use std::time::SystemTime;

use ::namespaces::{Child, CloneRequest, Namespace};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::console_socket;
use crate::container::identity;
use crate::conversation::Conversation;
use crate::error::{At, Error, Result, Side};
use crate::guards::{Aftermath, Claim, Guard};
use crate::init::{self, Inheritance};
use crate::interrupt::Signals;
use crate::listener::check_agent;
use crate::own_cgroup::OwnCgroup;
use crate::plan::{self, CreatePlan, Host, Options};
use crate::record::Recorder;
use crate::spec::{self, Spec};
use crate::state::{Owned, State};
use crate::step::Step;
use crate::store::{StateDir, Store, check_id};
use crate::sync::{self, Message, Pipe};
use crate::whole::read_sized;
use crate::{death, delete, gate, hooks, intel_rdt, net_devices, notify, pid_file, spawn, trace};

/// The largest configuration, in bytes.
const CONFIG_MAX: i64 = 64 << 20;

/// What `create` and `run` are asked for.
#[derive(Clone, Debug, Default)]
pub struct CreateRequest {
    /// What goes into the plan.
    pub options: Options,
    /// Another configuration file than the bundle's config.json.
    pub config: Option<String>,
    /// Socket that gets the terminal's master.
    pub console_socket: Option<String>,
    /// Socket that gets a pidfd of the container.
    pub pidfd_socket: Option<String>,
    /// File that gets the container's pid.
    pub pid_file: Option<String>,
    /// `NOTIFY_SOCKET` of the caller.
    pub notify_socket: Option<String>,
    /// Whether nobody stays to serve a terminal, so that a console socket must.
    pub detached: bool,
    /// Signals that the caller ignored, which the program must not inherit (bit N-1 for signal N).
    pub ignored_signals: u64,
}

/// A container that was created.
#[derive(Debug)]
pub struct Created {
    /// Its state directory.
    pub dir: StateDir,
    /// Its state.
    pub state: State,
    /// Its process.
    pub child: Child,
    /// The master of its terminal, if no socket took it.
    pub terminal: Option<OwnedFd>,
    /// The init pipe, on which `run` hears whether the program runs.
    pub pipe: Pipe,
    /// What was noticed.
    pub warnings: Vec<String>,
}

/// Creates a container that waits at its gate.
pub fn create(store: &Store, request: &CreateRequest) -> Result<Created> {
    let signals = Signals::catch(request.ignored_signals)?;
    let created = launch(store, request, &signals, true, None)?;
    match created.pipe.send(&Message::Proceed { gate: true }) {
        Ok(()) => Ok(created),
        Err(error) => {
            // The init is gone. Why counts for more than an error of the removal.
            let (process, cgroup) = (created.child.pidfd.as_fd(), created.state.cgroup.as_ref());
            let error = match error.errno() {
                Some(Errno::PIPE) => death::explain(process, cgroup, "before it waited for start"),
                _ => error,
            };
            let _ = delete::destroy(created.dir, true, &|_| Ok(()), Some(&signals));
            Err(error)
        }
    }
}

/// Brings a container to where its init waits for `Proceed`, with its state committed; `gated` if it
/// will be told to wait for `start`. With a recorder, the process asks it about every call. A signal
/// that asks to end is an error, after which nothing is left.
pub fn launch(
    store: &Store,
    request: &CreateRequest,
    signals: &Signals,
    gated: bool,
    recorder: Option<&Recorder>,
) -> Result<Created> {
    check_id(&request.options.id)?;
    trace::phase("read");
    let text = read_config(&request.options.bundle, request.config.as_deref(), Some(signals))?;
    let (host, mut plan) = read_and_plan(store, request, &text)?;
    if let Some(recorder) = recorder {
        recorder.take_over(&mut plan);
    }
    let mut warnings = std::mem::take(&mut plan.warnings);
    check_terminal(&plan, request)?;
    plan.init.process.as_ref().map_or(Ok(()), check_agent)?;
    trace::phase("open");
    let console = request.console_socket.as_deref().map(console_socket::connect).transpose()?;
    let files = spawn::open_namespaces(&plan)?;
    spawn::check_parameters(&plan, &files)?;
    let network = net_devices::joined(&plan, &files)?;
    let group = match &plan.intel_rdt {
        Some(rdt) => Some((intel_rdt::claim(intel_rdt::find_root()?, rdt)?, rdt)),
        None => None,
    };

    trace::phase("claim the id");
    let mut state = first_state(&plan, &host);
    state.intel_rdt = group.as_ref().map(|(claim, _)| claim.record().clone());
    // Dropped after the claim: these hooks run when all else is undone.
    let mut aftermath = Aftermath(None, signals);
    let claim = Claim(Some(store.claim(&plan.id, &state)?));
    let Some(dir) = &claim.0 else { return Err(Error::new(Step::WriteState, &*plan.id)) };
    // Next to what the init keeps, so that it closes the rest in fewer pieces.
    let (pipe, theirs) = sync::pair()?;
    if request.notify_socket.is_some() {
        notify::make_directory(dir)?;
    }
    trace::phase("make the cgroup");
    let mut cgroup = OwnCgroup::begin(&plan, dir)?;
    let gate = if gated { Some(gate::make(dir)?) } else { None };
    let waits = gated || !plan.hooks.start_container.is_empty();
    let hidden = waits && init::can_be_hidden();

    trace::phase("clone");
    let join = cgroup.as_ref().map(OwnCgroup::join);
    let clone = CloneRequest {
        namespaces: plan.clone_namespaces(),
        cgroup: join.and_then(|join| join.v2.as_ref()).map(AsFd::as_fd),
        sibling: false,
    };
    tracing::debug!("nsexec container setup: {:?}", plan.clone_namespaces());
    let child = spawn::spawn(&plan, files, &clone, join, |namespaces| {
        let inheritance = Inheritance {
            namespaces,
            cgroup: join,
            passed: &request.options.inherited,
            ignored_signals: request.ignored_signals,
            hidden,
        };
        init::run(&plan, theirs, gate, inheritance)
    })
    .map_err(|error| error.on(Side::Starting))?;
    let guard = Guard(Some(child));
    let Some(child) = &guard.0 else { return Err(Error::new(Step::Clone, "")) };
    tracing::debug!("child process in init(): pid {}", child.pid.as_raw_nonzero());
    trace::phase("beside the init");
    cgroup.as_mut().map_or(Ok(()), OwnCgroup::complete)?;
    warnings.extend(unkillable(&plan, cgroup.as_ref()).map(str::to_owned));
    let group = group.map(|(claim, rdt)| claim.make(rdt)).transpose()?;
    aftermath.0 = Some(state.clone());
    let mut conversation = Conversation {
        plan: &plan,
        host: &host,
        pipe: &pipe,
        child,
        recorder,
        console,
        terminal: None,
        network: network.as_ref(),
        group: group.as_ref(),
        signals,
    };
    conversation.outfit()?;
    state.pid = child.pid.as_raw_nonzero().get();
    (state.start_time, state.pidfd_inode) = identity(dir, state.pid, child.pidfd.as_fd())?;
    state.cgroup = cgroup.as_ref().map(|made| made.record().clone());
    dir.draft(&state, &text)?;
    trace::phase("talk with the init");
    conversation.run()?;
    let terminal = conversation.terminal;

    trace::phase("commit");
    let receiver = plan::extensions::pidfd_receiver(&plan.annotations);
    let receiver = request.pidfd_socket.as_deref().or(receiver);
    tell_pid(receiver, request.pid_file.as_deref(), child)?;
    cgroup.as_mut().map_or(Ok(()), OwnCgroup::settle)?;
    dir.commit()?;
    state.owned = Owned::Whole;
    if let Some(cgroup) = cgroup {
        cgroup.keep();
    }
    if let Some(group) = group {
        group.keep();
    }
    aftermath.0 = None;
    // It goes with the descriptor, at the latest.
    let _ = dir.unlock();
    let (Some(dir), Some(child)) = (claim.keep(), guard.keep()) else {
        return Err(Error::new(Step::WriteState, &*plan.id));
    };
    Ok(Created { dir, state, child, terminal, pipe, warnings })
}

/// What the configuration asks for, on this host.
fn read_and_plan(
    store: &Store,
    request: &CreateRequest,
    text: &[u8],
) -> Result<(Host, CreatePlan)> {
    let mut spec = parse(text)?;
    if request.notify_socket.is_some() {
        notify::provide(&mut spec, &store.path_of(&request.options.id)?);
    }
    let host = Host::probe(&request.options)?;
    trace::phase("plan");
    let plan = plan::plan(&spec, &request.options, &host)?;
    Ok((host, plan))
}

/// A terminal needs somebody to serve it, and nothing else takes a console socket.
fn check_terminal(plan: &CreatePlan, request: &CreateRequest) -> Result<()> {
    let terminal = plan.init.process.as_ref().is_some_and(|process| process.terminal.is_some());
    console_socket::check(terminal, request.detached, request.console_socket.as_deref())
        .map_err(|error| error.field("process.terminal"))
}

/// Tells engines which process it is: the socket first, then the file that they wait for.
pub fn tell_pid(socket: Option<&str>, file: Option<&str>, child: &Child) -> Result<()> {
    if let Some(path) = socket {
        console_socket::send_pidfd(path, child.pidfd.as_fd())?;
    }
    match file {
        Some(path) => pid_file::write(path, child.pid.as_raw_nonzero().get()),
        None => Ok(()),
    }
}

/// Reads the configuration of a bundle, or another file in its place: also a pipe, or `-` for stdin.
pub fn read_config(
    bundle: &str,
    config: Option<&str>,
    signals: Option<&Signals>,
) -> Result<Vec<u8>> {
    let name = match config {
        Some("-") => "/dev/stdin".to_owned(),
        Some(path) => path.to_owned(),
        None => format!("{}/config.json", bundle.trim_end_matches('/')),
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let opened = rustix::fs::openat(CWD, &*name, flags, Mode::empty());
    if opened.is_err() || config.is_some() {
        hooks::open_bundle(bundle)?;
    }
    let file = opened.at_with(Step::ReadConfig, || name.clone())?;
    let stat = rustix::fs::fstat(&file).at_with(Step::ReadConfig, || name.clone())?;
    let text = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_size > CONFIG_MAX => Ok(Vec::new()),
        FileType::RegularFile => read_sized(file, stat.st_size.max(0) as usize),
        // Whoever names one waits for who writes it; the bundle's own would be a trap.
        FileType::Fifo if config.is_some() => return read_pipe(&file, &name, signals),
        _ => return Err(Error::because(Step::ReadConfig, name, "it is not a regular file")),
    }
    .at_with(Step::ReadConfig, || name.clone())?;
    if stat.st_size > CONFIG_MAX { Err(too_large(&name)) } else { Ok(text) }
}

fn read_pipe(pipe: &OwnedFd, name: &str, signals: Option<&Signals>) -> Result<Vec<u8>> {
    rustix::fs::fcntl_setfl(pipe, OFlags::empty()).at(Step::ReadConfig, name)?;
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while text.len() <= CONFIG_MAX as usize {
        signals.map_or(Ok(()), |signals| signals.wait_for(pipe.as_fd()))?;
        match rustix::io::read(pipe, &mut part) {
            Ok(0) => return Ok(text),
            Ok(count) => text.extend_from_slice(&part[..count]),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).at(Step::ReadConfig, name),
        }
    }
    Err(too_large(name))
}

fn too_large(name: &str) -> Error {
    Error::because(Step::ReadConfig, name, format!("it is larger than {} MiB", CONFIG_MAX >> 20))
}

/// Reads a configuration; an error names the property, line and column.
pub fn parse(text: &[u8]) -> Result<Spec<'_>> {
    spec::parse(text).map_err(|error| {
        let field = if error.path.is_empty() { "config.json".to_owned() } else { error.path };
        Error::config(field, error.message)
    })
}

fn first_state(plan: &CreatePlan, host: &Host) -> State {
    State {
        id: plan.id.clone(),
        pid: 0,
        start_time: 0,
        pidfd_inode: 0,
        created: humantime::format_rfc3339_nanos(SystemTime::now()).to_string(),
        bundle: plan.bundle.clone(),
        rootfs: plan.rootfs.clone(),
        owner: host.euid,
        annotations: plan.annotations.clone(),
        cgroup: plan.cgroup.as_ref().map(|cgroup| cgroup.record().clone()),
        intel_rdt: None,
        owned: Owned::Nothing,
        pid_namespace: plan.namespaces.create.contains(Namespace::Pid),
        agent: plan.init.process.as_ref().and_then(|process| process.agent.clone()),
        poststart: plan.hooks.poststart.clone(),
        poststop: plan.hooks.poststop.clone(),
    }
}

/// What to say of a container whose processes nothing holds together, which only an ordinary user's
/// can be.
fn unkillable(plan: &CreatePlan, made: Option<&OwnCgroup<'_>>) -> Option<&'static str> {
    let nowhere = made.is_some_and(|made| made.record().directories.is_empty());
    (nowhere && !plan.namespaces.create.contains(Namespace::Pid)).then_some(
        "Creating a rootless container with no cgroup and no private pid namespace. Such configuration \
         is strongly discouraged (as it is impossible to properly kill all container's processes)",
    )
}

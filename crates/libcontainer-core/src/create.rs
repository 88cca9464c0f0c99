//! `create`: from a bundle to a container that waits to be started. `run` goes the same way.
//!
//! Five paragraphs: read, plan, claim, spawn and talk, commit. What was claimed is given back on
//! every way out but the last.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::SystemTime;

use ::namespaces::{Child, CloneRequest, Namespace};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{WaitId, WaitIdOptions};

use crate::console_socket;
use crate::container::process_facts;
use crate::error::{At, Error, Result, Side, cgroup_failed};
use crate::hooks::{self, HookRun};
use crate::init::{self, Inheritance};
use crate::oci_state::OciState;
use crate::plan::{self, CreatePlan, FsOp, Host, Options};
use crate::spec::{self, Spec};
use crate::step::Step;
use crate::store::{GATE, State, StateDir, Store, read_all};
use crate::sync::{self, Message, Pipe};
use crate::{maps, pid_file, spawn, sys};

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
    let created = launch(store, request, true)?;
    created.pipe.send(&Message::Proceed { gate: true })?;
    Ok(created)
}

/// Brings a container to where its init waits for `Proceed`, with its state committed; `gated` if it
/// will be told to wait for `start`.
pub fn launch(store: &Store, request: &CreateRequest, gated: bool) -> Result<Created> {
    let (text, bundle) = read_config(&request.options.bundle, request.config.as_deref())?;
    let spec: Spec<'_> = parse(&text)?;
    let host = Host::probe(&request.options)?;
    let mut plan = plan::plan(&spec, &request.options, &host)?;
    let warnings = std::mem::take(&mut plan.warnings);
    check_terminal(&plan, request)?;
    let console = request.console_socket.as_deref().map(console_socket::connect).transpose()?;
    let files = spawn::open_namespaces(&plan)?;

    let claim = Claim(Some(store.claim(&plan.id)?));
    let Some(dir) = &claim.0 else { return Err(Error::new(Step::WriteState, &*plan.id)) };
    let mut state = first_state(&plan, &host);
    dir.write_intent(&state)?;
    dir.write_config(&text)?;
    let cgroup = match &plan.cgroup {
        Some(cgroup) => Some(cgroup.create().map_err(resources_failed)?),
        None => None,
    };
    dir.own_cgroup()?;
    let gate = if gated { Some(make_gate(dir)?) } else { None };

    let (pipe, theirs) = sync::pair()?;
    let join = cgroup.as_ref().map(cgroups::Created::join);
    let clone = CloneRequest {
        namespaces: plan.clone_namespaces(),
        cgroup: join.and_then(|join| join.v2.as_ref()).map(AsFd::as_fd),
        sibling: false,
    };
    let child = spawn::spawn(&plan, files, &clone, |namespaces| {
        let inheritance = Inheritance {
            gate,
            namespaces,
            cgroup: join,
            passed: &request.options.inherited,
            ignored_signals: request.ignored_signals,
        };
        init::run(&plan, theirs, inheritance)
    })
    .map_err(|error| error.on(Side::Starting))?;
    let guard = Guard(Some(child));
    let Some(child) = &guard.0 else { return Err(Error::new(Step::Clone, "")) };
    if let (Some(plan), Some(created)) = (&plan.cgroup, &cgroup) {
        plan.apply(created).map_err(resources_failed)?;
    }
    let mut conversation = Conversation {
        plan: &plan,
        host: &host,
        pipe: &pipe,
        child,
        bundle: bundle.as_fd(),
        console,
        terminal: None,
    };
    conversation.run().map_err(|error| explain_death(error, &plan))?;
    let terminal = conversation.terminal;

    let pid = child.pid.as_raw_nonzero().get();
    state.pid = pid;
    state.start_time = process_facts(pid).map_or(0, |(start_time, _)| start_time);
    tell_pid(request.pidfd_socket.as_deref(), request.pid_file.as_deref(), child)?;
    state.cgroup = cgroup.map(cgroups::Created::keep);
    dir.commit(&state)?;
    let (Some(dir), Some(child)) = (claim.keep(), guard.keep()) else {
        return Err(Error::new(Step::WriteState, &*plan.id));
    };
    Ok(Created { dir, state, child, terminal, pipe, warnings })
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

/// Reads the configuration of a bundle, or another file in its place; gives a handle on the bundle too.
pub fn read_config(bundle: &str, config: Option<&str>) -> Result<(Vec<u8>, OwnedFd)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(bundle, flags, Mode::empty())
        .at(Step::ReadConfig, format!("bundle {bundle}"))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let (opened, name) = match config {
        Some(path) => (rustix::fs::openat(CWD, path, flags, Mode::empty()), path.to_owned()),
        None => (
            rustix::fs::openat(&dir, "config.json", flags, Mode::empty()),
            format!("{}/config.json", bundle.trim_end_matches('/')),
        ),
    };
    let text = opened.and_then(read_all).at(Step::ReadConfig, name)?;
    Ok((text, dir))
}

/// Reads a configuration; an error names the property, line and column.
pub fn parse(text: &[u8]) -> Result<Spec<'_>> {
    spec::parse(text).map_err(|error| {
        let field = if error.path.is_empty() { "config.json".to_owned() } else { error.path };
        Error::config(field, error.message)
    })
}

/// A terminal needs somebody who serves it (runc's docs/terminals.md).
fn check_terminal(plan: &CreatePlan, request: &CreateRequest) -> Result<()> {
    let terminal = plan.init.process.as_ref().is_some_and(|process| process.terminal.is_some());
    let refuse = |words: &str| {
        Err(Error::because(Step::CheckOption, "--console-socket", words).field("process.terminal"))
    };
    match (terminal, request.detached, &request.console_socket) {
        (true, true, None) => {
            refuse("cannot allocate tty if runc will detach without setting console socket")
        }
        (false, _, Some(_)) | (true, false, Some(_)) => {
            refuse("cannot use console socket if runc will not detach or allocate tty")
        }
        _ => Ok(()),
    }
}

fn first_state(plan: &CreatePlan, host: &Host) -> State {
    State {
        id: plan.id.clone(),
        pid: 0,
        start_time: 0,
        created: humantime::format_rfc3339_nanos(SystemTime::now()).to_string(),
        bundle: plan.bundle.clone(),
        rootfs: plan.rootfs.clone(),
        owner: host.euid,
        annotations: plan.annotations.clone(),
        cgroup: plan.cgroup.as_ref().map(|cgroup| cgroup.record().clone()),
        cgroup_owned: false,
        pid_namespace: plan.namespaces.create.contains(Namespace::Pid),
        poststart: plan.hooks.poststart.clone(),
        poststop: plan.hooks.poststop.clone(),
    }
}

/// The socket at which the init waits: bound in the state directory, whose path may be too long for
/// a socket address.
fn make_gate(dir: &StateDir) -> Result<OwnedFd> {
    let fail = |result: std::result::Result<(), rustix::io::Errno>| result.at(Step::Gate, dir.id());
    let gate = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .at(Step::Gate, dir.id())?;
    let path = format!("/proc/self/fd/{}/{GATE}", dir.as_fd().as_raw_fd());
    let address = SocketAddrUnix::new(path).at(Step::Gate, dir.id())?;
    fail(rustix::net::bind(&gate, &address))?;
    fail(rustix::net::listen(&gate, 8))?;
    Ok(gate)
}

fn resources_failed(error: cgroups::Error) -> Error {
    cgroup_failed(Step::Cgroup, &error).field("linux.resources").on(Side::Starting)
}

/// An init that was killed says nothing; its cgroup may tell why.
fn explain_death(error: Error, plan: &CreatePlan) -> Error {
    if error.step != Step::InitDied {
        return error;
    }
    let oom = plan.cgroup.as_ref().is_some_and(|cgroup| cgroup.record().oom_killed());
    if !oom {
        return error;
    }
    let reason = "container init was OOM-killed (memory limit too low?)";
    Error::because(Step::InitDied, "", reason)
        .field("linux.resources.memory.limit")
        .on(Side::Starting)
}

/// The parent's half of the conversation on the init pipe.
struct Conversation<'a> {
    plan: &'a CreatePlan,
    host: &'a Host,
    pipe: &'a Pipe,
    child: &'a Child,
    bundle: BorrowedFd<'a>,
    console: Option<OwnedFd>,
    terminal: Option<OwnedFd>,
}

impl Conversation<'_> {
    /// Talks until the init is ready.
    fn run(&mut self) -> Result<()> {
        self.outfit().map_err(|error| error.on(Side::Starting))?;
        loop {
            match self.pipe.receive().map_err(|error| error.on(Side::Starting))? {
                Some(Message::Ready) => return Ok(()),
                Some(Message::NeedSource(index)) => self.send_source(index)?,
                Some(Message::Mounted) => {
                    self.run_hooks().map_err(|error| error.on(Side::Starting))?;
                    self.pipe.send(&Message::HooksDone)?;
                }
                Some(Message::Terminal(master)) => match &self.console {
                    Some(socket) => console_socket::send_master(socket, master.as_fd())?,
                    None => self.terminal = Some(master),
                },
                Some(Message::Failed(error)) => return Err(error.on(Side::Init)),
                None => {
                    return Err(
                        Error::new(Step::InitDied, "before it was ready").on(Side::Starting)
                    );
                }
                Some(_) => return Err(Error::because(Step::Talk, "", "unexpected message")),
            }
        }
    }

    /// What only the parent may do to the new process.
    fn outfit(&self) -> Result<()> {
        let process = self.plan.init.process.as_ref();
        if let Some(score) = process.and_then(|process| process.oom_score_adj) {
            let path = format!("{}/oom_score_adj", self.child.pid.as_raw_nonzero());
            let written = crate::procfs::write(&path, score.to_string().as_bytes());
            match written {
                // An ordinary user may only raise it.
                Err(rustix::io::Errno::ACCESS) if self.host.euid != 0 => {}
                other => other
                    .at(Step::WriteProc, format!("/proc/{path}"))
                    .map_err(|error| error.field("process.oomScoreAdj"))?,
            }
        }
        if self.plan.namespaces.create.contains(Namespace::User) {
            if let Some(process) = process {
                init::process::raise_limits(process, self.child.pid.as_raw_nonzero().get())?;
            }
            maps::write(self.plan, self.child, self.host.euid, self.host.egid)?;
            self.pipe.send(&Message::Mapped)?;
        }
        Ok(())
    }

    fn send_source(&self, index: u32) -> Result<()> {
        let field = format!("mounts[{index}]");
        let bind = self.plan.init.before_pivot.iter().find_map(|op| match op {
            FsOp::Bind(bind) if bind.field == field => Some(bind),
            _ => None,
        });
        let Some(bind) = bind else {
            return Err(Error::because(Step::Talk, field, "no such bind mount"));
        };
        let tree = init::open_source(&bind.source, &bind.options)
            .at_with(Step::Mount, || {
                format!("{:?} to rootfs at {:?}", bind.source, bind.destination)
            })
            .map_err(|error| error.field(format!("{field}.source")).on(Side::Starting))?;
        self.pipe.send(&Message::Source(tree))
    }

    fn run_hooks(&self) -> Result<()> {
        let state = OciState {
            id: &self.plan.id,
            status: "creating",
            pid: self.child.pid.as_raw_nonzero().get(),
            bundle: &self.plan.bundle,
            annotations: &self.plan.annotations,
        }
        .to_json();
        let lists = [
            ("prestart", &self.plan.hooks.prestart),
            ("createRuntime", &self.plan.hooks.create_runtime),
        ];
        for (kind, hooks) in lists {
            hooks::run(&HookRun {
                kind,
                hooks,
                state: &state,
                cwd: self.bundle,
                default_env: &[],
            })?;
        }
        Ok(())
    }
}

/// A state directory that is removed unless it is kept.
struct Claim(Option<StateDir>);

impl Claim {
    fn keep(mut self) -> Option<StateDir> {
        self.0.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(dir) = self.0.take() {
            // On the way out with an error already; `delete --force` removes what is left.
            let _ = dir.remove();
        }
    }
}

/// A process that is killed and waited for unless it is kept.
struct Guard(Option<Child>);

impl Guard {
    fn keep(mut self) -> Option<Child> {
        self.0.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            let _ = sys::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
            let _ = rustix::io::retry_on_intr(|| {
                rustix::process::waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
            });
        }
    }
}

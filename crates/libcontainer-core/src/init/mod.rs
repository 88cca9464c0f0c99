//! The container init: from the clone to `execve`, one straight list of steps. It knows a plan, never the configuration.
//!
//! Whatever fails is told to the parent over the init pipe (or to `start`, at the gate), and the
//! process ends. Nothing here returns to its caller.

mod before;
mod bind;
mod cgroupfs;
mod console;
mod copy_up;
mod dev;
mod folder;
mod fs;
pub mod left;
mod mask;
mod mount;
pub mod process;
mod root;
mod tree;

pub use bind::{open_source, prepare as prepare_source};
pub use console::open as open_terminal;
pub use mount::{detached, tree_options};
pub use tree::{Change, Tree};

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use ::namespaces::{Namespace, NamespaceFile, NamespaceSet};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::error::{At, Error, Result, cgroup_failed};
use crate::hooks::{self, HookRun};
use crate::oci_state::OciState;
use crate::plan::{CreatePlan, ProcessPlan, RootChange};
use crate::procfs;
use crate::rootfs::Root;
use crate::step::Step;
use crate::sync::{Message, Pipe};
use crate::{spawn, sys, trace};

/// What the parent hands to the init, besides the plan.
#[derive(Debug)]
pub struct Inheritance<'c> {
    /// Namespaces to join; the pid and user ones are joined already.
    pub namespaces: Vec<NamespaceFile>,
    /// The container's cgroup.
    pub cgroup: Option<&'c cgroups::Join>,
    /// Descriptors that are passed to the program, by their numbers.
    pub passed: &'c [RawFd],
    /// Signals that the caller ignored.
    pub ignored_signals: u64,
    /// Whether nobody without the right to trace may look into the process while it waits.
    pub hidden: bool,
}

/// Whether a process that is not dumpable still lets later commands of this caller in: `setns(2)`
/// asks for the right to trace it.
pub fn can_be_hidden() -> bool {
    let own = rustix::thread::capabilities(None);
    own.is_ok_and(|own| own.effective.contains(rustix::thread::CapabilitySet::SYS_PTRACE))
}

/// Runs the init in the new process; `gate` is the listening socket at which it waits, if it does.
pub fn run(
    plan: &CreatePlan,
    pipe: Pipe,
    gate: Option<OwnedFd>,
    inheritance: Inheritance<'_>,
) -> ! {
    trace::change_sides();
    trace::phase("close the parent's descriptors");
    let mut channel = Channel { other: pipe, gate };
    // The parent's own descriptors go at once: with its end of the pipe still open here, its death
    // would not be noticed.
    let mut needed = channel.ends();
    needed.extend(inheritance.namespaces.iter().map(AsFd::as_fd));
    needed.extend(inheritance.cgroup.iter().flat_map(|join| &join.tasks).map(AsFd::as_fd));
    needed.extend(inheritance.cgroup.iter().flat_map(|join| &join.root).map(|root| root.as_fd()));
    if let Err(error) = left::settle_descriptors(inheritance.passed, &needed) {
        let _ = channel.other.send(&Message::Failed(error));
        sys::exit_now(1)
    }
    left::allow();
    let Err(error) = steps(plan, &mut channel, inheritance);
    // The other side may be gone; then there is nobody to tell.
    let _ = channel.other.send(&Message::Failed(error));
    sys::exit_now(1)
}

fn steps(
    plan: &CreatePlan,
    channel: &mut Channel,
    inheritance: Inheritance<'_>,
) -> Result<Infallible> {
    let Inheritance { namespaces, cgroup, passed, ignored_signals, hidden } = inheritance;
    trace::phase("join cgroups and namespaces");
    let labels = enter_surroundings(plan, &channel.other, namespaces, cgroup)?;
    trace::phase("build the root filesystem");
    let top = build_root(plan, &channel.other, cgroup)?;
    if hidden {
        // It has the caller's environment in its memory, and programs of the image may run beside
        // it: hooks, or what is executed before the start.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).at(Step::Ids, "not dumpable")?;
    }
    trace::phase("finish the root filesystem");
    let Some(process) = &plan.init.process else {
        left::leave(top);
        left::settle_descriptors(&[], &channel.ends())?;
        process::give_up_capabilities()?;
        sys::unblock_signals();
        channel.pass_gate(false)?;
        return Err(Error::config("process", "is missing, so there is no program to start"));
    };
    let terminal = match process.terminal {
        None => None,
        Some(size) => Some(console::set_up(&channel.other, size, process)?),
    };
    fs::run(&plan.init.after_pivot, &Root::new(top.as_fd()), &channel.other)?;
    left::leave(top);
    trace::phase("limits, ids, capabilities");
    let descriptors = process::Descriptors { passed, needed: &channel.ends() };
    let ready = process::prepare(process, labels, terminal, ignored_signals, &descriptors)?;
    let hooks = !plan.hooks.start_container.is_empty();
    channel.pass_gate(!hooks)?;
    process::filter(process, &channel.other)?;
    if hooks {
        // Under the filter, as with runc: they are programs of the image.
        start_hooks(plan, process, &ready)?;
        // The filter may forbid it; that this process lives on tells the same.
        let _ = channel.other.send(&Message::Executing);
    }
    process::execute(&ready)
}

/// The way to the other side.
struct Channel {
    /// Where failures are told: the init pipe until the state is committed, then the connection of
    /// `start`.
    other: Pipe,
    /// The listening socket at which a created container waits.
    gate: Option<OwnedFd>,
}

impl Channel {
    fn ends(&self) -> Vec<BorrowedFd<'_>> {
        let gate = self.gate.iter().map(AsFd::as_fd);
        std::iter::once(self.other.as_fd()).chain(gate).collect()
    }

    /// Tells that all is ready, and waits until the program may run; if it is `last`, tells that this
    /// is what comes next.
    fn pass_gate(&mut self, last: bool) -> Result<()> {
        if self.gate.is_some() {
            sys::die_of_signals();
        }
        for notes in trace::take() {
            self.other.send(&Message::Traced(notes))?;
        }
        self.other.send(&Message::Ready)?;
        match self.other.receive()? {
            Some(Message::Proceed { gate: false }) if last => {
                return self.other.send(&Message::Executing);
            }
            Some(Message::Proceed { gate: false }) => return Ok(()),
            Some(Message::Proceed { gate: true }) => {}
            // The parent died before the state was committed: so does the container.
            None => sys::exit_now(1),
            Some(_) => return Err(Error::because(Step::Talk, "Proceed", "unexpected message")),
        }
        let Some(gate) = self.gate.take() else { return Err(Error::new(Step::Gate, "")) };
        self.other = Pipe::from(gate);
        let answer = if last { Message::Executing } else { Message::Accepted };
        self.other = wait_at(&self.other, &answer)?;
        Ok(())
    }
}

/// Accepts connections until one asks to start; a `start` that was killed before that does not count.
fn wait_at(gate: &Pipe, answer: &Message) -> Result<Pipe> {
    loop {
        match rustix::net::accept_with(gate, SocketFlags::CLOEXEC) {
            Ok(connection) => {
                let pipe = Pipe::from(connection);
                let asked = matches!(pipe.receive(), Ok(Some(Message::Proceed { .. })));
                if asked && pipe.send(answer).is_ok() {
                    return Ok(pipe);
                }
            }
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            // Out of memory or descriptors: `start` finds the gate closed.
            Err(errno) => return Err(errno).at(Step::Gate, ""),
        }
    }
}

/// A label file below /proc/self/attr, what to write, and the property.
pub type OpenLabel<'p> = (OwnedFd, &'p str, &'static str);

/// Namespaces, session, kernel parameters, and, unless it does that late, the cgroup: all that needs
/// the host's /proc.
fn enter_surroundings<'p>(
    plan: &'p CreatePlan,
    pipe: &Pipe,
    namespaces: Vec<NamespaceFile>,
    cgroup: Option<&cgroups::Join>,
) -> Result<Vec<OpenLabel<'p>>> {
    rustix::process::umask(rustix::fs::Mode::empty());
    let labels = open_labels(plan.init.process.as_ref())?;
    let own = plan.own_namespaces();
    if !own.is_empty() {
        ::namespaces::unshare(own).map_err(|errno| spawn::no_namespaces(own, errno))?;
    }
    if !plan.arrives_late() {
        arrive(plan, pipe, cgroup)?;
    }
    if !plan.namespaces.create.contains(Namespace::Pid) {
        // Others see this process: they must not look into it before it is confined (CVE-2016-9962).
        set_dumpable_behavior(DumpableBehavior::NotDumpable).at(Step::Ids, "not dumpable")?;
    }
    let (mount, others): (Vec<_>, Vec<_>) =
        namespaces.into_iter().partition(|file| file.kind() == Namespace::Mount);
    for file in &others {
        join(file)?;
    }
    if let Some(name) = &plan.init.keyring {
        join_keyring(name)?;
    }
    rustix::process::setsid().map(|_| ()).or_else(already_leader).at(Step::Session, "")?;
    if plan.namespaces.create.contains(Namespace::Network) {
        bring_up_loopback()?;
    }
    for (file, value, field) in &plan.init.sysctls {
        procfs::write(&format!("sys/{file}"), value.as_bytes())
            .at(Step::Sysctl, file)
            .map_err(|error| error.field(field))?;
    }
    if let Some(name) = &plan.init.hostname {
        rustix::system::sethostname(name.as_bytes()).at(Step::Hostname, name)?;
    }
    if let Some(name) = &plan.init.domainname {
        rustix::system::setdomainname(name.as_bytes()).at(Step::Domainname, name)?;
    }
    mount.iter().try_for_each(join)?;
    Ok(labels)
}

/// Waits for what only the parent can do, and joins the cgroup.
fn arrive(plan: &CreatePlan, pipe: &Pipe, cgroup: Option<&cgroups::Join>) -> Result<()> {
    trace::phase("join the cgroup");
    if plan.needs_outfit() {
        wait_for_outfit(pipe)?;
    }
    if let Some(join) = cgroup {
        let entered = cgroups::enter(join, left::leave);
        entered.map_err(|error| cgroup_failed(Step::JoinCgroup, &error))?;
    }
    if plan.namespaces.create.contains(Namespace::User) {
        process::take_root_ids()?;
    }
    if plan.namespaces.create.contains(Namespace::Cgroup) {
        ::namespaces::unshare(NamespaceSet::EMPTY.with(Namespace::Cgroup))
            .at(Step::NewNamespace, "cgroup")?;
    }
    Ok(())
}

fn already_leader(errno: Errno) -> std::result::Result<(), Errno> {
    if errno == Errno::PERM { Ok(()) } else { Err(errno) }
}

fn join(file: &NamespaceFile) -> Result<()> {
    file.join().map_err(|error| {
        Error::because(Step::JoinNamespace, file.kind().name(), error.to_string())
            .field("linux.namespaces")
    })
}

/// The label files are opened while only the host's /proc is there (CVE-2019-19921), written later.
pub fn open_labels(process: Option<&ProcessPlan>) -> Result<Vec<OpenLabel<'_>>> {
    let mut labels = Vec::new();
    for (file, value, field) in process.iter().flat_map(|process| &process.labels) {
        let path = format!("self/attr/{file}");
        let opened = procfs::open_for_write(&path).or_else(|errno| {
            // Before Linux 5.8 AppArmor has no folder of its own.
            let plain = path.replace("apparmor/", "");
            if errno == Errno::NOENT { procfs::open_for_write(&plain) } else { Err(errno) }
        });
        let fd =
            opened.at_with(Step::Label, || format!("/proc/{path}")).map_err(|e| e.field(*field))?;
        labels.push((fd, value.as_str(), *field));
    }
    Ok(labels)
}

/// Waits until the parent has done what only it can do.
fn wait_for_outfit(pipe: &Pipe) -> Result<()> {
    match pipe.receive()? {
        Some(Message::Outfitted) => Ok(()),
        None => sys::exit_now(1),
        Some(_) => Err(Error::because(Step::Talk, "Outfitted", "unexpected message")),
    }
}

/// A keyring is a comfort: a kernel without keys, or a used up quota, is no error (as for runc).
pub fn join_keyring(name: &str) -> Result<()> {
    let name = std::ffi::CString::new(name).unwrap_or_default();
    match sys::join_session_keyring(&name) {
        Ok(()) | Err(Errno::NOSYS | Errno::DQUOT | Errno::ACCESS | Errno::PERM) => Ok(()),
        Err(errno) => Err(errno).at(Step::Keyring, name.to_string_lossy()),
    }
}

fn bring_up_loopback() -> Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .at(Step::Loopback, "")?;
    sys::loopback_up(socket.as_fd()).at(Step::Loopback, "")?;
    left::leave(socket);
    Ok(())
}

/// The container's tree of mounts, the hooks of that moment, and the change of root; gives a handle
/// on it.
fn build_root(plan: &CreatePlan, pipe: &Pipe, cgroup: Option<&cgroups::Join>) -> Result<OwnedFd> {
    let late = || if plan.arrives_late() { arrive(plan, pipe, cgroup) } else { Ok(()) };
    let rootfs = root::open_directory(&plan.rootfs)?;
    if plan.init.root == RootChange::Chroot {
        late()?;
        run_create_hooks(plan, pipe, &rootfs)?;
        root::change(plan.init.root, &rootfs, None)?;
        return Ok(rootfs);
    }
    let top = root::bind(&rootfs, plan.init.propagation, &plan.rootfs)?;
    left::leave(rootfs);
    let operations = &plan.init.before_pivot;
    let needs_cgroup = operations.iter().position(|operation| !fs::is_plain(operation));
    let (plain, others) = operations.split_at(needs_cgroup.unwrap_or(operations.len()));
    fs::run(plain, &Root::new(top.as_fd()), pipe)?;
    late()?;
    fs::run(others, &Root::new(top.as_fd()), pipe)?;
    run_create_hooks(plan, pipe, &top)?;
    root::change(plan.init.root, &top, plan.init.propagation)?;
    Ok(top)
}

fn run_create_hooks(plan: &CreatePlan, pipe: &Pipe, top: &OwnedFd) -> Result<()> {
    let hooks = &plan.hooks;
    if !hooks.prestart.is_empty() || !hooks.create_runtime.is_empty() {
        pipe.send(&Message::Mounted)?;
        match pipe.receive()? {
            Some(Message::HooksDone) => {}
            None => sys::exit_now(1),
            Some(_) => return Err(Error::because(Step::Talk, "HooksDone", "unexpected message")),
        }
    }
    if hooks.create_container.is_empty() {
        return Ok(());
    }
    hooks::run(&HookRun {
        kind: "createContainer",
        hooks: &hooks.create_container,
        state: &own_state(plan, "creating"),
        cwd: top.as_fd(),
        default_env: Some(&[]),
        signals: None,
        process: None,
    })
}

fn start_hooks(plan: &CreatePlan, process: &ProcessPlan, ready: &process::Prepared) -> Result<()> {
    if plan.hooks.start_container.is_empty() {
        return Ok(());
    }
    let cwd = rustix::fs::open(
        ".",
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .at(Step::Cwd, &*process.cwd)?;
    hooks::run(&HookRun {
        kind: "startContainer",
        hooks: &plan.hooks.start_container,
        state: &own_state(plan, "created"),
        cwd: cwd.as_fd(),
        default_env: Some(&ready.env),
        signals: None,
        process: None,
    })
}

/// The state as hooks inside the container get it: with the pid as it is seen there.
fn own_state(plan: &CreatePlan, status: &str) -> Vec<u8> {
    OciState {
        id: &plan.id,
        status,
        pid: rustix::process::getpid().as_raw_nonzero().get(),
        bundle: &plan.bundle,
        annotations: &plan.annotations,
    }
    .to_json()
}

//! The parent's half of what is said on the init pipe while a container is brought up.

use std::os::fd::{AsFd, OwnedFd};

use ::namespaces::{Child, Namespace, NamespaceFile};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::console_socket;
use crate::error::{At, Error, Result, Side};
use crate::hooks::{self, HookRun};
use crate::interrupt::Signals;
use crate::oci_state::OciState;
use crate::plan::{BindMount, CreatePlan, FsOp, Host, IdMaps};
use crate::record::Recorder;
use crate::step::Step;
use crate::sync::{Message, Pipe};
use crate::{death, init, intel_rdt, listener, maps, net_devices, procfs, sys, trace};

/// The parent's half of the conversation on the init pipe.
pub struct Conversation<'a> {
    /// The plan.
    pub plan: &'a CreatePlan,
    /// The host.
    pub host: &'a Host,
    /// The parent's end.
    pub pipe: &'a Pipe,
    /// The container init.
    pub child: &'a Child,
    /// What records the calls of the process, in place of an agent.
    pub recorder: Option<&'a Recorder>,
    /// The socket that gets the terminal's master.
    pub console: Option<OwnedFd>,
    /// The master, if there is no socket.
    pub terminal: Option<OwnedFd>,
    /// The network namespace that is joined, if devices move there.
    pub network: Option<&'a NamespaceFile>,
    /// The container's group of the resctrl filesystem.
    pub group: Option<&'a intel_rdt::Group>,
    /// Signals to the runtime.
    pub signals: &'a Signals,
}

impl Conversation<'_> {
    /// Talks until the init is ready.
    pub fn run(&mut self) -> Result<()> {
        loop {
            let waiting = trace::span(|| "wait for the init".to_owned());
            self.signals.wait_for(self.pipe.as_fd())?;
            drop(waiting);
            match self.pipe.receive().map_err(|error| error.on(Side::Starting))? {
                Some(Message::Ready) => {
                    tracing::debug!("init: closing the pipe to signal completion");
                    return Ok(());
                }
                Some(Message::Traced(notes)) => trace::adopt(&notes),
                Some(Message::NeedSource(index)) => self.send_source(index)?,
                Some(Message::MapMount(index, tree)) => {
                    self.map_ids(self.bind_mount(index)?, &tree)?;
                    self.pipe.send(&Message::MountMapped)?;
                }
                Some(Message::Mounted) => {
                    self.run_hooks().map_err(|error| error.on(Side::Starting))?;
                    self.pipe.send(&Message::HooksDone)?;
                }
                Some(Message::Terminal(master)) => match &self.console {
                    Some(socket) => console_socket::send_master(socket, master.as_fd())?,
                    None => self.terminal = Some(master),
                },
                Some(Message::ListenerAt(number, flag)) => self.deliver((number, flag))?,
                Some(Message::Failed(error)) => return Err(error.on(Side::Init)),
                None => {
                    let cgroup = self.plan.cgroup.as_ref().map(cgroups::Plan::record);
                    let process = self.child.pidfd.as_fd();
                    return Err(death::explain(process, cgroup, "before it was ready"));
                }
                Some(_) => return Err(Error::because(Step::Talk, "", "unexpected message")),
            }
        }
    }

    /// What only the parent may do to the new process; then that goes on.
    pub fn outfit(&self) -> Result<()> {
        let done = self.provide().and_then(|()| self.tell_outfitted());
        done.map_err(|error| self.failure_of_init().unwrap_or(error.on(Side::Starting)))
    }

    /// What the init has said it failed with: then much else fails too, as there is no process.
    fn failure_of_init(&self) -> Option<Error> {
        let mut fds = [PollFd::new(self.pipe, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let said = ::namespaces::poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0);
        match said.then(|| self.pipe.receive()) {
            Some(Ok(Some(Message::Failed(error)))) => Some(error.on(Side::Init)),
            _ => None,
        }
    }

    fn provide(&self) -> Result<()> {
        let process = self.plan.init.process.as_ref();
        if let Some(process) = process {
            init::process::set_oom_score(&self.child.pid.as_raw_nonzero().to_string(), process)?;
        }
        if self.plan.namespaces.create.contains(Namespace::User) {
            if let Some(process) = process {
                init::process::raise_limits(process, self.child.pid.as_raw_nonzero().get())?;
            }
            maps::write(self.plan, self.child, self.host.euid, self.host.egid)?;
        }
        net_devices::provide(self.plan, self.network, self.child)?;
        if let Some(group) = self.group {
            group.enter(self.child.pid.as_raw_nonzero().get())?;
        }
        Ok(())
    }

    fn tell_outfitted(&self) -> Result<()> {
        if !self.plan.needs_outfit() {
            return Ok(());
        }
        match self.pipe.send(&Message::Outfitted) {
            // It failed meanwhile, and has said so.
            Err(error) if error.errno() == Some(Errno::PIPE) => Ok(()),
            sent => sent,
        }
    }

    fn bind_mount(&self, index: u32) -> Result<&BindMount> {
        let field = format!("mounts[{index}]");
        let bind = self.plan.init.before_pivot.iter().find_map(|op| match op {
            FsOp::Bind(bind) if bind.field == field => Some(bind),
            _ => None,
        });
        bind.ok_or_else(|| Error::because(Step::Talk, field, "no such bind mount"))
    }

    fn send_source(&self, index: u32) -> Result<()> {
        let bind = self.bind_mount(index)?;
        let subject = || format!("{:?} to rootfs at {:?}", bind.source, bind.destination);
        let mut tree = init::open_source(&bind.source, &bind.options)
            .at_with(Step::Mount, subject)
            .map_err(|error| error.field(format!("{}.source", bind.field)).on(Side::Starting))?;
        if let Some(tree) = tree.handle() {
            self.map_ids(bind, tree)?;
        }
        init::prepare_source(&mut tree, &bind.options)
            .at_with(Step::Mount, subject)
            .map_err(|error| error.field(&*bind.field).on(Side::Starting))?;
        let tree = tree.detached().ok_or_else(|| {
            let reason = "a source that the user namespace can't reach needs Linux 5.12";
            Error::because(Step::Mount, subject(), reason).field(&*bind.field).on(Side::Starting)
        })?;
        self.pipe.send(&Message::Source(tree))
    }

    fn map_ids(&self, bind: &BindMount, tree: &OwnedFd) -> Result<()> {
        let namespace = match &bind.id_maps {
            None => return Ok(()),
            Some(IdMaps::Own(uids, gids)) => maps::user_namespace(uids, gids)?,
            Some(IdMaps::Container) => {
                let pid = self.child.pid.as_raw_nonzero().to_string();
                let dir = procfs::open_directory(&pid).at(Step::MapIds, "/proc")?;
                maps::namespace_of(dir.as_fd())?
            }
        };
        let flags = if bind.options.idmap == Some(true) { sys::AT_RECURSIVE } else { 0 };
        sys::map_mount_ids(tree.as_fd(), flags, namespace.as_fd())
            .at_with(Step::MapMountIds, || {
                format!("{:?} to rootfs at {:?}", bind.source, bind.destination)
            })
            .map_err(|error| error.field(&*bind.field).on(Side::Starting))
    }

    /// Hands the listener of a filter to its agent.
    pub fn deliver(&self, place: (u32, u64)) -> Result<()> {
        let process = (self.child.pid.as_raw_nonzero().get(), self.child.pidfd.as_fd());
        if let Some(recorder) = self.recorder {
            return recorder.attach(self.pipe, process, place);
        }
        let agent = self.plan.init.process.as_ref().and_then(|process| process.agent.as_ref());
        listener::deliver(agent, self.pipe, process, place, &self.state("creating"))
    }

    fn state(&self, status: &str) -> Vec<u8> {
        OciState {
            id: &self.plan.id,
            status,
            pid: self.child.pid.as_raw_nonzero().get(),
            bundle: &self.plan.bundle,
            annotations: &self.plan.annotations,
        }
        .to_json()
    }

    fn run_hooks(&self) -> Result<()> {
        // The environment is created when prestart hooks run (runtime.md, "Lifecycle", steps 2 and
        // 3), and runtime-tools wants to see that; createRuntime hooks get what runc gives them.
        let lists = [
            ("prestart", "created", &self.plan.hooks.prestart),
            ("createRuntime", "creating", &self.plan.hooks.create_runtime),
        ];
        for (kind, status, hooks) in lists.into_iter().filter(|(.., hooks)| !hooks.is_empty()) {
            let state = self.state(status);
            let cwd = hooks::open_bundle(&self.plan.bundle)?;
            hooks::run(&HookRun {
                kind,
                hooks,
                state: &state,
                cwd: cwd.as_fd(),
                default_env: None,
                signals: Some(self.signals),
                process: Some(self.child.pidfd.as_fd()),
            })?;
        }
        Ok(())
    }
}

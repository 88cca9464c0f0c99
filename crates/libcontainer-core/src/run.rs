//! `run`: create, start, and, unless detached, stay until the end and delete.

use std::os::fd::AsFd;

use crate::container::Container;
use crate::create::{self, CreateRequest, Created};
use crate::delete;
use crate::error::{Error, Result};
use crate::foreground::{Relay, Signals, attend};
use crate::listener;
use crate::notify::Proxy;
use crate::record::Recorder;
use crate::start::{hear_of_program, run_poststart};
use crate::step::Step;
use crate::store::Store;
use crate::sync::Message;

/// What `run` is asked for besides what `create` is.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// Return when the program runs.
    pub detach: bool,
    /// Leave the container there when it has ended.
    pub keep: bool,
    /// Do not take over orphans of the container's processes.
    pub no_subreaper: bool,
    /// File that gets the smallest seccomp profile which the run needed.
    pub record_seccomp: Option<String>,
}

/// The end of a `run`.
#[derive(Debug)]
pub struct Ended {
    /// Exit status of the program; 0 for a detached one.
    pub status: i32,
    /// What was noticed.
    pub warnings: Vec<String>,
}

/// Runs a container.
pub fn run(store: &Store, create: &CreateRequest, request: RunRequest) -> Result<Ended> {
    let recorder = recorder(&request)?;
    let signals = if request.detach { None } else { Some(Signals::catch()?) };
    if !request.detach && !request.no_subreaper {
        let own = rustix::process::getpid();
        // Only a comfort: without it, orphans go to the host's init.
        let _ = rustix::process::set_child_subreaper(Some(own));
    }
    let mut created = create::launch(store, create, false, recorder.as_ref())?;
    let mut warnings = std::mem::take(&mut created.warnings);
    let terminal = created.terminal.take();
    let result = Proxy::open(&created.dir, create.notify_socket.as_deref()).and_then(|proxy| {
        start_program(&created, recorder.as_ref())?;
        let child = &created.child;
        match (&signals, proxy) {
            (None, None) => Ok(0),
            (None, Some(proxy)) => proxy.wait(child.pidfd.as_fd(), created.state.pid).map(|()| 0),
            (Some(signals), proxy) => {
                let relay = terminal.map(Relay::new).transpose()?;
                attend(child.pid, &child.pidfd, signals, relay, proxy)
            }
        }
    });
    if !(request.detach || request.keep) || result.is_err() {
        let container = Container::load(store, created.dir.id())?;
        warnings.extend(delete::destroy(&container)?);
    }
    let status = result?;
    if let Some(recorder) = recorder {
        warnings.extend(recorder.finish()?);
    }
    Ok(Ended { status, warnings })
}

/// The record is written when the program has ended, by who stays until then.
fn recorder(request: &RunRequest) -> Result<Option<Recorder>> {
    let Some(path) = request.record_seccomp.as_deref() else { return Ok(None) };
    if request.detach {
        let words = "writes its file when the container ends, and so goes without --detach";
        return Err(Error::because(Step::CheckOption, "--record-seccomp", words));
    }
    Recorder::new(path).map(Some)
}

/// Lets the init go, and hears on the pipe whether the program runs.
fn start_program(created: &Created, recorder: Option<&Recorder>) -> Result<()> {
    created.pipe.send(&Message::Proceed { gate: false })?;
    let process = (created.state.pid, created.child.pidfd.as_fd());
    hear_of_program(&created.pipe, &|place| match recorder {
        Some(recorder) => recorder.attach(&created.pipe, process, place),
        None => {
            listener::deliver_running(&created.dir, &created.state, &created.pipe, process, place)
        }
    })?;
    run_poststart(&created.state, created.child.pidfd.as_fd())
}

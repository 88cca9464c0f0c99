//! `run`: create, start, and, unless detached, stay until the end and delete.

use std::os::fd::AsFd;

use crate::create::{self, CreateRequest, Created};
use crate::delete;
use crate::error::{Error, Result};
use crate::foreground::attend;
use crate::interrupt::Signals;
use crate::listener;
use crate::notify::Proxy;
use crate::record::Recorder;
use crate::relay::{self, Relay};
use crate::start::{Hearing, run_poststart};
use crate::step::Step;
use crate::store::Store;
use crate::sync::Message;
use crate::trace;

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
///
/// What it leaves open is closed by the end of the program, for which this is the last thing to do.
pub fn run(store: Store, create: &CreateRequest, request: RunRequest) -> Result<Ended> {
    let recorder = recorder(&request)?;
    let signals = Signals::catch(create.ignored_signals)?;
    let mut created = create::launch(&store, create, &signals, false, recorder.as_ref())?;
    // In a pid namespace of their own, orphans go to its init.
    if !(request.detach || request.no_subreaper || created.state.pid_namespace) {
        // Any id switches it on. Only a comfort: without it, orphans go to the host's init.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::Pid::INIT));
    }
    let mut warnings = std::mem::take(&mut created.warnings);
    let terminal = created.terminal.take().inspect(relay::fit);
    let result = Proxy::open(&created.dir, create.notify_socket.as_deref()).and_then(|proxy| {
        trace::phase("start the program");
        start_program(&created, &signals, recorder.as_ref())?;
        trace::phase("the program runs");
        let child = &created.child;
        if request.detach {
            let (process, main) = (child.pidfd.as_fd(), created.state.pid);
            let told = proxy.map(|proxy| proxy.wait(process, main, Some(&signals)));
            return told.unwrap_or(Ok(())).map(|()| 0);
        }
        let relay = terminal.map(Relay::new).transpose()?;
        attend(child.pid, &child.pidfd, &signals, relay, proxy)
    });
    trace::phase("delete");
    let Created { dir, state, child, pipe, .. } = created;
    let removed = match &result {
        Ok(_) if request.detach || request.keep => {
            std::mem::forget(dir);
            Ok(Vec::new())
        }
        Ok(_) => delete::destroy_ended(dir, state, Some(&signals)),
        Err(_) => delete::destroy(dir, true, &|_| Ok(()), Some(&signals)),
    };
    // The program's end, and what failed before, count for more than the removal.
    match removed {
        Ok(more) => warnings.extend(more),
        Err(error) if error.step == Step::FindContainer => {}
        Err(error) => warnings.push(format!("the container is not removed: {error}")),
    }
    std::mem::forget((child, pipe, signals, store));
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
fn start_program(created: &Created, signals: &Signals, recorder: Option<&Recorder>) -> Result<()> {
    created.pipe.send(&Message::Proceed { gate: false })?;
    let process = (created.state.pid, created.child.pidfd.as_fd());
    let state = &created.state;
    let hearing = Hearing { executing: false, process, state, signals: Some(signals) };
    hearing.hear(&created.pipe, &|place| match recorder {
        Some(recorder) => recorder.attach(&created.pipe, process, place),
        None => listener::deliver_running(state, &created.pipe, process, place),
    })?;
    run_poststart(state, process.1, Some(signals))
}

//! Hooks: programs called at fixed moments, with the container's state on stdin (config.md, "POSIX-platform Hooks").

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ::namespaces::{CloneError, CloneRequest, Fork};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Cause, Error, Result};
use crate::interrupt::Signals;
use crate::spec::Hook;
use crate::step::Step;
use crate::whole::write_all;
use crate::{caller, sys, trace};
use ::namespaces::wait_for_end;

/// How much of a hook's output is kept for the message when it fails.
const OUTPUT_MAX: usize = 2048;

/// Where and with what a list of hooks runs.
#[derive(Debug)]
pub struct HookRun<'a> {
    /// Name of the list, for messages.
    pub kind: &'static str,
    /// The hooks.
    pub hooks: &'a [Hook],
    /// The container's state as JSON.
    pub state: &'a [u8],
    /// Working directory.
    pub cwd: BorrowedFd<'a>,
    /// The environment of a hook that has none of its own; none for that of this process, as with
    /// runc and crun: hooks find their tools by PATH.
    pub default_env: Option<&'a [CString]>,
    /// Signals to the runtime, which may end a hook.
    pub signals: Option<&'a Signals>,
    /// The process of the container, whose end is that of a hook, too.
    pub process: Option<BorrowedFd<'a>>,
}

/// The bundle, where hooks of the runtime's side run.
pub fn open_bundle(path: &str) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .at_with(Step::ReadConfig, || format!("bundle {path}"))
}

/// Runs all hooks in order; the first that fails ends the list.
pub fn run(run: &HookRun<'_>) -> Result<()> {
    if !run.hooks.is_empty() {
        caller::keep_children();
    }
    for (index, hook) in run.hooks.iter().enumerate() {
        let fail = |cause| Error {
            cause,
            ..Error::new(Step::Hook, format!("{} hook #{index}", run.kind))
                .field(format!("hooks.{}[{index}]", run.kind))
        };
        match run_one(run, hook) {
            Ok(()) => {}
            Err(Stop::Failed(cause)) => return Err(fail(cause)),
            Err(Stop::Interrupted(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Why no further hook runs.
enum Stop {
    Failed(Cause),
    Interrupted(Error),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Failed(Cause::Errno(errno))
    }
}

/// How the wait for a hook ended.
enum End {
    /// It ended.
    Itself,
    /// Its time was up.
    Timeout,
    /// The process of the container ended first.
    Orphaned,
    /// A signal asks the runtime to end.
    Interrupted(Error),
}

fn run_one(run: &HookRun<'_>, hook: &Hook) -> std::result::Result<(), Stop> {
    let _span = trace::span(|| format!("hook {}", hook.path));
    let stdin = state_file(run.state)?;
    let (output, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let child = match ::namespaces::clone(&CloneRequest::default()) {
        Ok(Fork::Child) => become_hook(run, hook, &stdin, &writer),
        Ok(Fork::Parent(child)) => child,
        Err(CloneError::Clone(errno)) => return Err(errno.into()),
        Err(CloneError::Threads(_)) => return Err(Errno::DEADLK.into()),
    };
    drop((stdin, writer));
    let deadline = hook.timeout.and_then(|seconds| {
        Instant::now().checked_add(Duration::from_secs(seconds.unsigned_abs()))
    });
    let mut text = Vec::new();
    let end = collect(run, &child.pidfd, output, deadline, &mut text);
    if !matches!(end, Ok(End::Itself)) {
        // The hook is the leader of a group, so that what it started goes too.
        let _ = sys::send_signal_to_group(child.pid.as_raw_nonzero().get(), libc::SIGKILL);
        let _ = ::namespaces::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
    }
    let status = wait_for_end(child.pidfd.as_fd())?;
    let text = String::from_utf8_lossy(&text);
    let output =
        if text.is_empty() { String::new() } else { format!(", output: {}", text.trim_end()) };
    let failed = |reason: String| Err(Stop::Failed(Cause::Reason(reason)));
    match end? {
        End::Itself => {}
        End::Interrupted(error) => return Err(Stop::Interrupted(error)),
        End::Orphaned => {
            let words = "the container process ended while it ran, so it was killed";
            return failed(format!("{}: {words}{output}", hook.path));
        }
        End::Timeout => {
            let seconds = hook.timeout.unwrap_or_default();
            let words = format!("did not end within {seconds} s and was killed");
            return failed(format!("{} {words}{output}", hook.path));
        }
    }
    let Some(status) = status else { return Err(Errno::CHILD.into()) };
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => Ok(()),
        (_, Some(signal)) => {
            failed(format!("{}: signal: {}{output}", hook.path, crate::signal::describe(signal)))
        }
        (code, None) => {
            failed(format!("{}: exit status {}{output}", hook.path, code.unwrap_or(-1)))
        }
    }
}

/// A file with the state: it can be read in one go, and nobody blocks when the hook does not.
fn state_file(state: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    let file = rustix::fs::memfd_create("state", MemfdFlags::CLOEXEC)?;
    write_all(&file, state)?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file)
}

/// Reads output until the hook ends, or must end.
fn collect(
    run: &HookRun<'_>,
    pidfd: &OwnedFd,
    output: OwnedFd,
    deadline: Option<Instant>,
    text: &mut Vec<u8>,
) -> std::result::Result<End, Errno> {
    rustix::fs::fcntl_setfl(&output, OFlags::NONBLOCK)?;
    let mut open = true;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(End::Timeout);
        }
        let timeout = left.map(|left| rustix::time::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut fds = vec![PollFd::new(pidfd, PollFlags::IN)];
        let mut watch = |fd| {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            fds.len() - 1
        };
        let output_at = open.then(|| watch(output.as_fd()));
        let process_at = run.process.map(&mut watch);
        let signals_at = run.signals.map(|signals| watch(signals.as_fd()));
        match ::namespaces::poll(&mut fds, timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        let ready = |at: Option<usize>| at.is_some_and(|at| !fds[at].revents().is_empty());
        if ready(output_at) {
            open = read_some(&output, text)?;
        }
        // Its children may keep the pipe open, so its own end is what counts.
        if ready(Some(0)) {
            return Ok(End::Itself);
        }
        if ready(process_at) {
            return Ok(End::Orphaned);
        }
        if ready(signals_at)
            && let Some(Err(error)) = run.signals.map(Signals::check)
        {
            return Ok(End::Interrupted(error));
        }
    }
}

/// Reads what is there, once: who writes without an end must not keep this from looking at the
/// rest. False at the end of the stream.
fn read_some(output: &OwnedFd, text: &mut Vec<u8>) -> std::result::Result<bool, Errno> {
    let mut buffer = [0u8; 4096];
    match rustix::io::read(output, &mut buffer) {
        Ok(0) => Ok(false),
        Ok(count) => {
            let room = OUTPUT_MAX.saturating_sub(text.len());
            text.extend_from_slice(&buffer[..count.min(room)]);
            Ok(true)
        }
        Err(Errno::AGAIN | Errno::INTR) => Ok(true),
        Err(errno) => Err(errno),
    }
}

fn become_hook(run: &HookRun<'_>, hook: &Hook, stdin: &OwnedFd, output: &OwnedFd) -> ! {
    let error = prepare_hook(run, stdin, output).err().unwrap_or_else(|| {
        let text = |words: &[String]| -> Vec<CString> {
            words.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect()
        };
        let path = CString::new(hook.path.as_str()).unwrap_or_default();
        let argv = if hook.args.is_empty() { vec![path.clone()] } else { text(&hook.args) };
        let env = match (&hook.env, run.default_env) {
            (Some(env), None) => text(env),
            (Some(env), Some(_)) if !env.is_empty() => text(env),
            (_, Some(env)) => env.to_vec(),
            (None, None) => caller::environment(),
        };
        sys::execve(&path, &argv, &env)
    });
    let message = format!("exec {}: {}\n", hook.path, crate::errno::text(error));
    let _ = write_all(rustix::stdio::stderr(), message.as_bytes());
    sys::exit_now(127)
}

fn prepare_hook(
    run: &HookRun<'_>,
    stdin: &OwnedFd,
    output: &OwnedFd,
) -> std::result::Result<(), Errno> {
    rustix::process::setpgid(None, None)?;
    rustix::process::fchdir(run.cwd)?;
    // Copies above the standard ones first: the pipe's own numbers may be among 0 to 2.
    let stdin = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(output, 3)?;
    sys::duplicate_to(stdin.as_fd(), 0, true)?;
    sys::duplicate_to(output.as_fd(), 1, true)?;
    sys::duplicate_to(output.as_fd(), 2, true)?;
    std::mem::forget((stdin, output));
    sys::default_signals(u64::MAX);
    sys::unblock_signals();
    sys::close_from(3)
}

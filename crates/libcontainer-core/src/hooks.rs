//! Hooks: programs called at fixed moments, with the container's state on stdin (config.md, "POSIX-platform Hooks").

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ::namespaces::{CloneError, CloneRequest, Fork};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, OFlags};
use rustix::io::Errno;

use crate::error::{Cause, Error, Result};
use crate::guards::wait_for_end;
use crate::spec::Hook;
use crate::step::Step;
use crate::store::write_all;
use crate::sys;

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
    /// The environment of a hook that has none of its own.
    pub default_env: &'a [CString],
}

/// Runs all hooks in order; the first that fails ends the list.
pub fn run(run: &HookRun<'_>) -> Result<()> {
    for (index, hook) in run.hooks.iter().enumerate() {
        run_one(run, hook).map_err(|cause| Error {
            cause,
            ..Error::new(Step::Hook, format!("{} hook #{index}", run.kind))
                .field(format!("hooks.{}[{index}]", run.kind))
        })?;
    }
    Ok(())
}

fn run_one(run: &HookRun<'_>, hook: &Hook) -> std::result::Result<(), Cause> {
    let stdin = state_file(run.state).map_err(Cause::Errno)?;
    let (output, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(Cause::Errno)?;
    let child = match ::namespaces::clone(&CloneRequest::default()) {
        Ok(Fork::Child) => become_hook(run, hook, &stdin, &writer),
        Ok(Fork::Parent(child)) => child,
        Err(CloneError::Clone(errno)) => return Err(Cause::Errno(errno)),
        Err(CloneError::Threads(_)) => return Err(Cause::Errno(Errno::DEADLK)),
    };
    drop((stdin, writer));
    let deadline = hook.timeout.and_then(|seconds| {
        Instant::now().checked_add(Duration::from_secs(seconds.unsigned_abs()))
    });
    let mut text = Vec::new();
    let finished = collect(&child.pidfd, output, deadline, &mut text).map_err(Cause::Errno)?;
    if !finished {
        // The hook is the leader of a group, so that what it started goes too.
        let _ = sys::send_signal_to_group(child.pid.as_raw_nonzero().get(), libc::SIGKILL);
        let _ = sys::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
    }
    let status = wait_for_end(child.pidfd.as_fd()).map_err(Cause::Errno)?;
    let text = String::from_utf8_lossy(&text);
    let output =
        if text.is_empty() { String::new() } else { format!(", output: {}", text.trim_end()) };
    if !finished {
        let seconds = hook.timeout.unwrap_or_default();
        return Err(Cause::Reason(format!(
            "{} did not end within {seconds} s and was killed{output}",
            hook.path
        )));
    }
    match status {
        Some(status) if status.exit_status() == Some(0) => Ok(()),
        Some(status) => Err(Cause::Reason(match status.terminating_signal() {
            Some(signal) => {
                format!("{}: signal: {}{output}", hook.path, crate::signal::describe(signal))
            }
            None => {
                format!("{}: exit status {}{output}", hook.path, status.exit_status().unwrap_or(-1))
            }
        })),
        None => Err(Cause::Errno(Errno::CHILD)),
    }
}

/// A file with the state: it can be read in one go, and nobody blocks when the hook does not.
fn state_file(state: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    let file = rustix::fs::memfd_create("state", MemfdFlags::CLOEXEC)?;
    write_all(&file, state)?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file)
}

/// Reads output until the hook ends; false when the time is up before.
fn collect(
    pidfd: &OwnedFd,
    output: OwnedFd,
    deadline: Option<Instant>,
    text: &mut Vec<u8>,
) -> std::result::Result<bool, Errno> {
    rustix::fs::fcntl_setfl(&output, OFlags::NONBLOCK)?;
    let mut open = true;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        let timeout = left.map(|left| rustix::time::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut fds = [PollFd::new(pidfd, PollFlags::IN), PollFd::new(&output, PollFlags::IN)];
        let watched = if open { &mut fds[..] } else { &mut fds[..1] };
        match rustix::event::poll(watched, timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        // Its children may keep the pipe open, so its own end is what counts.
        let ended = !fds[0].revents().is_empty();
        open = open && read_some(&output, text)?;
        if ended {
            return Ok(true);
        }
    }
}

/// Reads what is there; false at the end of the stream.
fn read_some(output: &OwnedFd, text: &mut Vec<u8>) -> std::result::Result<bool, Errno> {
    let mut buffer = [0u8; 1024];
    loop {
        match rustix::io::read(output, &mut buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                let room = OUTPUT_MAX.saturating_sub(text.len());
                text.extend_from_slice(&buffer[..count.min(room)]);
            }
            Err(Errno::AGAIN) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn become_hook(run: &HookRun<'_>, hook: &Hook, stdin: &OwnedFd, output: &OwnedFd) -> ! {
    let error = prepare_hook(run, stdin, output).err().unwrap_or_else(|| {
        let text = |words: &[String]| -> Vec<CString> {
            words.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect()
        };
        let path = CString::new(hook.path.as_str()).unwrap_or_default();
        let argv = if hook.args.is_empty() { vec![path.clone()] } else { text(&hook.args) };
        let env = if hook.env.is_empty() { run.default_env.to_vec() } else { text(&hook.env) };
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

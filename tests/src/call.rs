//! One command of the runtime: started, limited in time, and its end judged.

use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::old_kernel::Kernel;
use crate::sys::trace;
use crate::{Output, Seen, host, names, sandbox, sys};

static FORKING: Mutex<()> = Mutex::new(());

/// Copies a program so that it can be executed at once.
///
/// A process that is forked while the copy is open for writing keeps it open until its exec, and
/// an exec of the copy fails with ETXTBSY for so long.
pub fn copy_program(from: &Path, to: &Path) {
    let _no_fork = FORKING.lock();
    std::fs::copy(from, to).expect("copy a program");
}

/// A command line in the making.
#[derive(Debug)]
pub struct Call {
    command: Command,
    prepare: sys::Prepare,
    limit: Duration,
    own_stdio: bool,
}

impl Call {
    /// A command without arguments, in the caller's folder and environment, with 20 s to finish.
    pub fn new(program: &Path) -> Call {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        let limit = host::patience(Duration::from_secs(20));
        Call { command, prepare: sys::Prepare::default(), limit, own_stdio: false }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Call {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: &[&str]) -> Call {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the command's environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.command.env(name, value);
        self
    }

    /// Empties the command's environment.
    pub fn without_env(mut self) -> Call {
        self.command.env_clear();
        self
    }

    /// Sets the folder that the command starts in.
    pub fn cwd(mut self, path: &Path) -> Call {
        self.command.current_dir(path);
        self
    }

    /// Gives the command a text to read.
    pub fn stdin(mut self, text: &str) -> Call {
        let mut file = tempfile::tempfile_in(sandbox::work()).expect("make a file for the input");
        file.write_all(text.as_bytes()).expect("write the input");
        std::io::Seek::rewind(&mut file).expect("rewind the input");
        self.command.stdin(file);
        self
    }

    /// Gives the command three descriptors as standard input, output and error.
    pub fn stdio(mut self, input: OwnedFd, output: OwnedFd, error: OwnedFd) -> Call {
        self.command.stdin(input).stdout(output).stderr(error);
        self.own_stdio = true;
        self
    }

    /// Makes `fd` standard input, output and error, and the controlling terminal of a new session.
    pub fn on_terminal(mut self, fd: &OwnedFd) -> Call {
        let copy = || fd.try_clone().expect("duplicate the terminal");
        self.prepare.terminal = true;
        self.stdio(copy(), copy(), copy())
    }

    /// Lets the command inherit a descriptor, without close-on-exec, under the given number.
    pub fn leak(mut self, fd: impl Into<OwnedFd>, number: RawFd) -> Call {
        // Far from the numbers that are wanted, so that none of them overwrites another.
        let copy = rustix::io::fcntl_dupfd_cloexec(fd.into(), 200).expect("duplicate a descriptor");
        self.prepare.fds.push((copy, number));
        self
    }

    /// Lets the command start with some signals ignored.
    pub fn ignoring(mut self, signals: &[&str]) -> Call {
        self.prepare.ignore =
            signals.iter().filter_map(|name| names::signal_number(name)).collect();
        self
    }

    /// Sets the command's limit of open files.
    pub fn open_files(mut self, limit: u64) -> Call {
        self.prepare.open_files = Some(limit);
        self
    }

    /// Lets the command see an older kernel.
    pub fn kernel(mut self, kernel: Kernel) -> Call {
        self.prepare.kernel = Some(kernel);
        self
    }

    /// Sets the command's file mode mask.
    pub fn umask(mut self, mask: u32) -> Call {
        self.prepare.umask = Some(mask);
        self
    }

    /// Sets how many descriptors the command may have open.
    pub fn descriptors(mut self, limit: u64) -> Call {
        self.prepare.descriptors = Some(limit);
        self
    }

    /// Sets the command's supplementary groups.
    pub fn groups(mut self, groups: &[u32]) -> Call {
        self.prepare.groups = Some(groups.to_vec());
        self
    }

    /// Starts the command as a user and the group of that number, without other groups.
    pub fn user(mut self, id: u32) -> Call {
        self.prepare.user = Some(id);
        self
    }

    /// Starts the command and goes on.
    pub fn spawn(mut self) -> Running {
        let line = format!("{:?}", self.command);
        let stdout = Output::new();
        let stderr = Output::new();
        if !self.own_stdio {
            self.command.stdout(stdout.file()).stderr(stderr.file());
        }
        self.prepare.kernel = self.prepare.kernel.or_else(Kernel::wanted);
        sys::prepare(&mut self.command, self.prepare);
        let forking = FORKING.lock();
        let child = self.command.spawn().unwrap_or_else(|error| panic!("start {line}: {error}"));
        drop(forking);
        Running { line, child, deadline: Instant::now() + self.limit, stdout, stderr }
    }

    /// Runs the command under a tracer that hits one of its system calls.
    #[expect(clippy::zombie_processes, reason = "the tracer waits for it")]
    pub fn struck(mut self, strike: trace::Strike) -> (Finished, trace::Report) {
        let line = format!("{:?} with {strike:?}", self.command);
        let (stdout, stderr) = (Output::new(), Output::new());
        self.command.stdout(stdout.file()).stderr(stderr.file());
        sys::prepare(&mut self.command, self.prepare);
        trace::allow(&mut self.command);
        let limit = self.limit;
        let mut command = self.command;
        // The children that are left are let go when the tracer's thread ends.
        let tracer = std::thread::spawn(move || {
            let forking = FORKING.lock();
            let child = command.spawn().expect("start the command");
            drop(forking);
            trace::follow(child.id() as i32, &strike, limit)
        });
        let report = tracer.join().expect("the tracer");
        let finished = Finished {
            line,
            status: ExitStatus::from_raw(report.status),
            in_time: report.in_time,
            stdout: stdout.text(),
            stderr: stderr.text(),
        };
        (finished, report)
    }

    /// Starts the command and waits until it has ended.
    pub fn finish(self) -> Finished {
        self.spawn().wait()
    }
}

/// A command that was started.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    deadline: Instant,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
}

impl Running {
    /// The process id of the command.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends the command a signal.
    pub fn signal(&self, name: &str) {
        let signal = names::signal_number(name).and_then(Signal::from_named_raw);
        let pid = Pid::from_raw(self.pid()).expect("a process id");
        rustix::process::kill_process(pid, signal.expect("a signal name")).expect("send a signal");
    }

    /// Waits for the end of the command; kills it when its time is over.
    pub fn wait(mut self) -> Finished {
        let in_time = ends_before(&self.child, self.deadline);
        if !in_time {
            self.child.kill().expect("kill the command");
        }
        let status = self.child.wait().expect("wait for the command");
        let Running { line, stdout, stderr, .. } = self;
        Finished { line, status, in_time, stdout: stdout.text(), stderr: stderr.text() }
    }
}

/// Waits for the child without reaping it, which would free its process id.
fn ends_before(child: &Child, deadline: Instant) -> bool {
    let pid = Pid::from_raw(child.id() as i32).expect("a process id");
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).expect("open the child's pidfd");
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).expect("a short time");
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    line: String,
    status: ExitStatus,
    in_time: bool,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// The exit code; panics when a signal or the time limit ended the command.
    #[track_caller]
    pub fn code(&self) -> i32 {
        assert!(self.in_time, "ran out of time: {self}");
        self.status.code().unwrap_or_else(|| {
            panic!("killed by signal {}: {self}", self.status.signal().unwrap_or(0))
        })
    }

    /// Whether the exit code is 0.
    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Whether a signal ended the command, such as SIGKILL (9).
    pub fn killed_by(&self, signal: i32) -> bool {
        self.status.signal() == Some(signal)
    }

    /// Demands the exit code 0.
    #[track_caller]
    pub fn ok(self) -> Finished {
        self.exits(0)
    }

    /// Demands an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Finished {
        assert_eq!(self.code(), code, "exit code of {self}");
        self
    }

    /// Demands an exit code other than 0.
    #[track_caller]
    pub fn fails(self) -> Finished {
        assert_ne!(self.code(), 0, "this must fail: {self}");
        self
    }

    /// Demands an exit code other than 0 and `text` in the error, whose quotes may be escaped.
    #[track_caller]
    pub fn fails_with(self, text: &str) -> Finished {
        let failed = self.fails();
        let plain = failed.stderr.replace("\\\"", "\"");
        assert!(plain.contains(text), "the error lacks {text:?}: {failed}");
        failed
    }

    /// Demands the exit code 0, and returns what the probe answered.
    #[track_caller]
    pub fn seen(self) -> Seen {
        Seen::parse(&self.ok().stdout)
    }

    /// Standard output as JSON, of a command that succeeded.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let done = self.ok();
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error} in {done}"))
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}\n{}", self.line, self.status)?;
        write!(
            out,
            "\n--- stdout\n{}\n--- stderr\n{}",
            shortened(&self.stdout),
            shortened(&self.stderr)
        )
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(3000).collect()
}

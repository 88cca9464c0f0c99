//! The commands of one container, in their order.

use crate::bundle::Bundle;
use crate::config::Config;
use crate::runtime::Runtime;
use crate::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, wait};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The commands in the order of the report; `run` is of the bundle that ends at once.
pub const COMMANDS: [&str; 8] =
    ["run", "create", "start", "state", "exec", "list", "kill", "delete"];

/// When to give up on a command: some runtimes hang now and then.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// What one turn of a runtime took.
pub type Turn = Vec<(&'static str, Duration)>;

/// A container that is deleted, and its process waited for, when dropped.
pub struct Container<'a> {
    /// Who runs it.
    pub runtime: &'a Runtime,
    /// Where it is from.
    pub bundle: &'a Bundle,
    /// Which of its configurations.
    pub config: Config,
    /// Its name.
    pub id: &'a str,
}

impl Container<'_> {
    /// Calls `each` with every command of [`COMMANDS`] that the runtime has and its words; the
    /// words are to be run before it returns.
    pub fn live(
        &self,
        mut each: impl FnMut(&'static str, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        let Container { runtime, bundle, config, id } = self;
        // With a terminal it would need one of ours.
        if *config != Config::Terminal {
            each("run", &runtime.run_words(&bundle.config(*config, "true")))?;
        }
        if !runtime.keeps_state() {
            return Ok(());
        }
        each("create", &self.create_words())?;
        each("start", &format!("start {id}"))?;
        each("state", &format!("state {id}"))?;
        each("exec", &format!("exec {}{id} /bin/true", self.exec_options()))?;
        each("list", "list")?;
        each("kill", &format!("kill {id} KILL"))?;
        self.wait()?;
        each("delete", &format!("delete {id}"))
    }

    /// The same, timed.
    pub fn timed(&self) -> Result<Turn, String> {
        let mut turn = Vec::with_capacity(COMMANDS.len());
        self.live(|name, words| {
            turn.push((name, timed(self.runtime, self.bundle, words)?));
            Ok(())
        })?;
        reap_orphans();
        Ok(turn)
    }

    /// The arguments of its `create`.
    pub fn create_words(&self) -> String {
        format!("create {}", self.detached_words())
    }

    /// The arguments that create and start it at once.
    pub fn run_words(&self) -> String {
        format!("run --detach {}", self.detached_words())
    }

    fn detached_words(&self) -> String {
        let bundle = self.bundle.config(self.config, "sleep");
        let (bundle, pid_file) = (bundle.display(), self.pid_file());
        let console = match self.config {
            Config::Terminal => terminal::option(self.bundle),
            _ => String::new(),
        };
        format!("--bundle {bundle} --pid-file {} {console}{}", pid_file.display(), self.id)
    }

    fn exec_options(&self) -> String {
        match self.config {
            Config::Terminal => format!("--tty --detach {}", terminal::option(self.bundle)),
            _ => String::new(),
        }
    }

    fn pid_file(&self) -> std::path::PathBuf {
        self.bundle.path(&format!("pid-{}", self.id))
    }

    /// The process id that `create` wrote.
    pub fn pid(&self) -> Result<Pid, String> {
        read_pid(&self.pid_file())
    }

    /// Waits for the end of the container's process, and of what was started beside it: the first
    /// process of a process namespace ends only after all others were waited for.
    pub fn wait(&self) -> Result<(), String> {
        let pid = self.pid()?;
        loop {
            let ended = wait(WaitOptions::empty());
            match ended.map_err(|e| format!("waitpid {pid}: {e}"))? {
                Some((ended, _)) if ended != pid => {}
                _ => break,
            }
        }
        let file = self.pid_file();
        fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // After a whole life there is nothing left, and the pid file is gone.
        let Ok(pid) = self.pid() else { return };
        let _ = kill_process(pid, Signal::KILL);
        let _ = self.wait();
        clean_up(self.runtime, self.bundle, self.id);
    }
}

fn read_pid(file: &Path) -> Result<Pid, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| format!("{}: {text:?} is no process id", file.display()))
}

/// Removes a container that may be there, after a failure.
pub fn clean_up(runtime: &Runtime, bundle: &Bundle, id: &str) {
    let mut command = runtime.command(&format!("delete --force {id}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn().and_then(|mut child| end_of(&mut child));
    let _ = fs::remove_file(bundle.path(&format!("pid-{id}")));
    reap_orphans();
}

/// Takes leave of what runtimes left behind: we are the init of the benchmark's processes.
pub fn reap_orphans() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// How long a call of the runtime takes.
pub fn timed(runtime: &Runtime, bundle: &Bundle, words: &str) -> Result<Duration, String> {
    let mut command = runtime.command(words);
    quiet(&mut command, bundle)?;
    let start = Instant::now();
    let status = command.spawn().and_then(|mut child| end_of(&mut child));
    let time = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(time),
        Ok(status) => Err(format!("{words}: {status}: {}", complaints(bundle))),
        Err(error) => Err(format!("{words}: {error}")),
    }
}

/// Waits for a command; one that takes too long is killed, which is an error.
pub fn end_of(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(pid) = Pid::from_raw(child.id() as i32) {
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        if poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&PATIENCE))? == 0 {
            child.kill()?;
            child.wait()?;
            let why = format!("no end after {} s: killed", PATIENCE.tv_sec);
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
    }
    child.wait()
}

/// Gives the command no input, no output, and a file for its complaints: a pipe would have to be
/// read beside it, and the container would keep it open.
pub fn quiet(command: &mut Command, bundle: &Bundle) -> Result<(), String> {
    let path = bundle.path("stderr");
    let file = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    Ok(())
}

/// What the last command said, less what follows its first paragraph.
pub fn complaints(bundle: &Bundle) -> String {
    let text = fs::read_to_string(bundle.path("stderr")).unwrap_or_default();
    text.trim().split("\n\n").next().unwrap_or_default().to_string()
}

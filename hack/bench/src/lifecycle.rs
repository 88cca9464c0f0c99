//! One round of one runtime: every command once, timed.

use crate::bundle::Bundle;
use crate::runtime::Runtime;
use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The commands in the order of the report; `run` is of the bundle that ends at once.
pub const COMMANDS: [&str; 8] =
    ["run", "create", "start", "state", "exec", "list", "kill", "delete"];

/// The time of each of [`COMMANDS`] that the runtime has.
pub fn measure(
    runtime: &Runtime,
    bundle: &Bundle,
) -> Result<Vec<(&'static str, Duration)>, String> {
    let run = timed(runtime, bundle, &runtime.run_words(&bundle.path("true")))?;
    let mut times = vec![("run", run)];
    if !runtime.keeps_state() {
        return Ok(times);
    }
    let container = Container { runtime, bundle };
    times.push(("create", timed(runtime, bundle, &container.create_words())?));
    for (name, words) in [
        ("start", "start bench"),
        ("state", "state bench"),
        ("exec", "exec bench /bin/true"),
        ("list", "list"),
        ("kill", "kill bench KILL"),
    ] {
        times.push((name, timed(runtime, bundle, words)?));
    }
    container.wait()?;
    times.push(("delete", timed(runtime, bundle, "delete bench")?));
    Ok(times)
}

/// A container that is deleted, and its process waited for, when dropped.
pub struct Container<'a> {
    /// Who runs it.
    pub runtime: &'a Runtime,
    /// Where it is from.
    pub bundle: &'a Bundle,
}

impl Container<'_> {
    /// The arguments of its `create`.
    pub fn create_words(&self) -> String {
        let pid_file = self.bundle.path("pid");
        let bundle = self.bundle.path("sleep");
        format!("create --bundle {} --pid-file {} bench", bundle.display(), pid_file.display())
    }

    /// The process id that `create` wrote.
    pub fn pid(&self) -> Result<Pid, String> {
        let file = self.bundle.path("pid");
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        pid.ok_or_else(|| format!("{}: {text:?} is no process id", file.display()))
    }

    /// Waits for the end of the container's process.
    pub fn wait(&self) -> Result<(), String> {
        let pid = self.pid()?;
        waitpid(Some(pid), WaitOptions::empty()).map_err(|e| format!("waitpid {pid}: {e}"))?;
        let file = self.bundle.path("pid");
        fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // After a whole round there is nothing left, and the pid file is gone.
        if self.bundle.path("pid").exists() {
            let _ = self.runtime.command("delete --force bench").output();
            let _ = self.wait();
        }
    }
}

fn timed(runtime: &Runtime, bundle: &Bundle, words: &str) -> Result<Duration, String> {
    let mut command = runtime.command(words);
    quiet(&mut command, bundle)?;
    let start = Instant::now();
    let status = command.status();
    let time = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(time),
        Ok(status) => Err(format!("{command:?}: {status}: {}", complaints(bundle))),
        Err(error) => Err(format!("{}: {error}", runtime.program.display())),
    }
}

/// Gives the command no input, no output, and a file for its complaints: a pipe would have to be
/// read beside it, and the container would keep it open.
pub fn quiet(command: &mut Command, bundle: &Bundle) -> Result<(), String> {
    let path = bundle.path("stderr");
    let file = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    Ok(())
}

/// What the last command said.
pub fn complaints(bundle: &Bundle) -> String {
    fs::read_to_string(bundle.path("stderr")).unwrap_or_default().trim().to_string()
}

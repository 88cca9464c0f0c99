//! A place for one test, where engines use their default paths and leave nothing behind.

use behaviour::script::Finished;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("world.sh");
const WORDS: &str = include_str!("words.sh");

/// Mount, pid and cgroup namespaces with a shell that runs scripts; ends when dropped.
///
/// It ends with the test program too, however that ends: the shell's input is then closed.
pub struct World {
    dir: TempDir,
    shell: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    scripts: usize,
}

impl World {
    /// Makes the namespaces; `variables` are in the environment of every script.
    pub fn create(variables: &[(&str, &str)]) -> World {
        let dir = tempfile::Builder::new().prefix("engines-").tempdir().expect("temporary dir");
        fs::write(dir.path().join("world.sh"), SCRIPT).expect("world.sh");
        fs::write(dir.path().join("words.sh"), WORDS).expect("words.sh");
        let runtime = runtime();
        let mut shell = Command::new("sh")
            .arg(dir.path().join("world.sh"))
            .arg(dir.path())
            .arg(&runtime)
            .env("RUNTIME", &runtime)
            .env("DIR", dir.path())
            .env("TMPDIR", dir.path())
            // That of a session of systemd, which is not there in the world's own /run.
            .env_remove("XDG_RUNTIME_DIR")
            .envs(variables.iter().copied())
            .current_dir(dir.path())
            // Out of reach of the terminal's Ctrl-C, so that it can clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let input = shell.stdin.take();
        let mut answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("a line from world.sh");
        assert_eq!(line, "ready\n", "world.sh did not get ready: {:?}", shell.wait());
        World { dir, shell, input, answers, scripts: 0 }
    }

    /// Runs shell commands; `podman` is podman with the runtime under test.
    pub fn sh(&mut self, commands: &str) -> Finished {
        self.scripts += 1;
        let name = format!("script-{}", self.scripts);
        let path = self.dir.path().join(&name);
        let text = format!(". \"$DIR/words.sh\"\n{commands}\n");
        fs::write(&path, text).expect("a script");
        let input = self.input.as_mut().expect("open until the end");
        writeln!(input, "{name}").expect("world.sh listens");
        let mut status = String::new();
        self.answers.read_line(&mut status).expect("a line from world.sh");
        let read = |end| {
            let file = path.with_extension(end);
            String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
        };
        Finished {
            script: commands.to_string(),
            status: status.trim().parse().expect("the exit status from world.sh"),
            stdout: read("out"),
            stderr: read("err"),
        }
    }

    /// The directory of the test's files, and of the scripts.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.input.take());
        let status = self.shell.wait();
        if !status.as_ref().is_ok_and(|s| s.success()) && !std::thread::panicking() {
            panic!("world.sh could not clean up: {status:?}");
        }
    }
}

/// The runtime under test: a path, or a name that is looked for in `PATH`.
pub fn runtime() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/orun");
    let wanted = env::var_os("RUNTIME").map_or(default, PathBuf::from);
    let found = if wanted.components().count() > 1 {
        fs::canonicalize(&wanted).ok()
    } else {
        find(&wanted.to_string_lossy())
    };
    found.unwrap_or_else(|| {
        let wanted = wanted.display();
        panic!("no runtime {wanted}: build it (make), or name another one (RUNTIME=runc)")
    })
}

/// What is to be seen with the version of cgroups that this machine has.
pub fn by_version<T>(v1: T, v2: T) -> T {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { v2 } else { v1 }
}

/// A program in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

//! The machine that the tests have for themselves: its engines are set up once, scripts run on it.

use behaviour::script::Finished;
use behaviour::{host, runtime};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// Words of every script: those of the engines' tests, and this target's.
const WORDS: [&str; 2] = [include_str!("../engines/words.sh"), include_str!("words.sh")];

/// What drives the runtime.
#[derive(Clone, Copy, Debug)]
pub enum Engine {
    /// docker's daemon, with the runtime as its default.
    Docker,
    /// podman as root, with systemd's cgroup manager.
    Podman,
    /// podman as an ordinary user, with the user's own systemd.
    User,
    /// The runtime alone, started in a session of an ordinary user.
    Session,
    /// containerd, with systemd's cgroups.
    Containerd,
}

impl Engine {
    /// The script that sets it up.
    fn setup(self) -> &'static str {
        match self {
            Engine::Docker => include_str!("docker.sh"),
            Engine::Podman => include_str!("podman.sh"),
            Engine::User => concat!(include_str!("session.sh"), include_str!("user.sh")),
            Engine::Session => include_str!("session.sh"),
            Engine::Containerd => include_str!("containerd.sh"),
        }
    }

    /// The script that removes a test's containers, and prints what is left of them all the same.
    pub fn rest(self) -> &'static str {
        match self {
            Engine::Docker => "rest_of docker",
            Engine::Podman | Engine::User => "rest_of podman",
            Engine::Session => {
                "in_session $RUNTIME delete --force $box; find /sys/fs/cgroup -ignore_readdir_race -name session-$box.scope"
            }
            Engine::Containerd => "rest_of containerd",
        }
    }

    /// Sets it up once; another test that needs it waits meanwhile.
    fn get_ready(self) {
        static READY: [OnceLock<()>; 5] = [const { OnceLock::new() }; 5];
        READY[self as usize].get_or_init(|| {
            let mut machine = Machine::new(self, "setup");
            machine.sh(&format!("set -e\n{}", self.setup())).exits(0);
        });
    }
}

/// Runs scripts on the machine, with a folder that goes away with the test.
pub struct Machine {
    engine: Engine,
    name: String,
    dir: TempDir,
    scripts: usize,
}

impl Machine {
    /// A machine with the engine, for a test of this name.
    pub fn with(engine: Engine, test: &str) -> Machine {
        engine.get_ready();
        Machine::new(engine, test)
    }

    fn new(engine: Engine, test: &str) -> Machine {
        let dir = tempfile::Builder::new().prefix("machine-").tempdir().expect("temporary dir");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), open).expect("a folder that users can look into");
        fs::write(dir.path().join("words.sh"), WORDS.concat()).expect("words.sh");
        Machine { engine, name: test.replace("::", "-"), dir, scripts: 0 }
    }

    /// Runs shell commands, two minutes at most on a fast machine; `$box` is the container's name.
    pub fn sh(&mut self, commands: &str) -> Finished {
        self.scripts += 1;
        let path = self.dir.path().join(format!("script-{}", self.scripts));
        fs::write(&path, format!(". \"$DIR/words.sh\"\n{commands}\n")).expect("a script");
        let output = Command::new("timeout")
            .arg("--kill-after=5")
            .arg(host::patience(Duration::from_secs(120)).as_secs().to_string())
            .args(["sh".as_ref(), path.as_os_str()])
            .env("RUNTIME", runtime().path())
            .env("DIR", self.dir.path())
            .env("ENGINE", format!("{:?}", self.engine))
            .env("box", &self.name)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("timeout(1)");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Finished {
            script: commands.to_owned(),
            status: output.status.code().unwrap_or(128),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// Why the tests cannot run: they change the machine, so that it must be said that they may.
pub fn obstacle() -> Option<&'static str> {
    if std::env::var_os("DISPOSABLE_MACHINE").is_none() {
        return Some("changes the machine: for a test VM (make test-vm), DISPOSABLE_MACHINE=1");
    }
    if !rustix::process::geteuid().is_root() {
        return Some("needs root");
    }
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    (!host::has_systemd() || !unified).then_some("needs systemd, and cgroup version 2 alone")
}

//! The runtime's commands as methods of a bundle.

use serde_json::Value;

use crate::{Bundle, Call, Finished, Seen, host, runtime};

impl Bundle {
    /// Adds a global option of the runtime, as `--log`.
    pub fn global(mut self, options: &[&str]) -> Bundle {
        self.globals.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// A command line of the runtime with this bundle's state root, up to the command.
    ///
    /// An ordinary user's runtime finds the state root by itself.
    pub fn call(&self, command: &str) -> Call {
        let globals: Vec<_> = self.globals.iter().map(String::as_str).collect();
        let call = match self.user {
            Some(user) => self.ordinary_call(user),
            None => Call::new(&runtime().program).arg("--root").arg(self.root()),
        };
        call.args(&globals).arg(command)
    }

    /// A command line with more global options.
    pub fn call_after(&self, globals: &[&str], command: &str) -> Call {
        Call::new(&runtime().program).arg("--root").arg(self.root()).args(globals).arg(command)
    }

    /// A command line for this container: command, options, id.
    pub fn call_with(&self, command: &str, options: &[&str]) -> Call {
        self.call(command).args(options).arg(&self.id)
    }

    /// `run` in the foreground.
    pub fn run(&mut self) -> Finished {
        self.run_with(&[])
    }

    /// `run` in the foreground, with more options.
    pub fn run_with(&mut self, options: &[&str]) -> Finished {
        self.run_call(options).finish()
    }

    /// The command line of `run`, which the test changes or starts by itself.
    pub fn run_call(&self, options: &[&str]) -> Call {
        self.write_config();
        self.call("run").arg("--bundle").arg(self.path()).args(options).arg(&self.id)
    }

    /// Runs the probe with `steps` and returns its answers.
    #[track_caller]
    pub fn look(self, steps: &[&str]) -> Seen {
        self.steps(steps).run().seen()
    }

    /// The command line of `create`, which the test changes.
    pub fn create_call(&self, options: &[&str]) -> Call {
        self.write_config();
        self.call("create").arg("--bundle").arg(self.path()).args(options).arg(&self.id)
    }

    /// `create`, with more options.
    pub fn create_with(&mut self, options: &[&str]) -> Finished {
        let call = self.create_call(options);
        self.creates(call)
    }

    /// `create`.
    pub fn create(&mut self) -> Finished {
        self.create_with(&[])
    }

    /// Runs a command after which the container exists if it succeeds.
    pub fn creates(&mut self, call: Call) -> Finished {
        let running = call.spawn();
        let output = running.stdout.file();
        let done = running.wait();
        self.exists |= done.code() == 0;
        self.output = Some(crate::Output::of(output));
        done
    }

    /// A container that was created.
    #[track_caller]
    pub fn created(mut self) -> Bundle {
        self.create().ok();
        self
    }

    /// A container that was created and started.
    #[track_caller]
    pub fn started(self) -> Bundle {
        let container = self.created();
        container.start().ok();
        container
    }

    /// A container that sleeps until it is killed.
    #[track_caller]
    pub fn sleeping(self) -> Bundle {
        let container = self.steps(&["sleep"]).started();
        container.output().wait_for("asleep");
        container
    }

    /// What the container wrote since `create` or `run --detach`.
    #[track_caller]
    pub fn output(&self) -> &crate::Output {
        self.output.as_ref().expect("the container was created")
    }

    /// `start`.
    pub fn start(&self) -> Finished {
        self.call_with("start", &[]).finish()
    }

    /// `kill` with a signal.
    pub fn kill(&self, signal: &str) -> Finished {
        self.call("kill").arg(&self.id).arg(signal).finish()
    }

    /// `delete`.
    pub fn delete(&mut self) -> Finished {
        let done = self.call_with("delete", &[]).finish();
        self.exists &= done.code() != 0;
        done
    }

    /// `delete --force`.
    pub fn delete_force(&mut self) -> Finished {
        let done = self.call_with("delete", &["--force"]).finish();
        self.exists = false;
        done
    }

    /// What `state` prints.
    #[track_caller]
    pub fn state(&self) -> Value {
        self.call_with("state", &[]).finish().json()
    }

    /// The status that `state` tells.
    #[track_caller]
    pub fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_owned()
    }

    /// Waits until `state` tells the status.
    #[track_caller]
    pub fn wait_for(&self, status: &str) {
        host::eventually(&format!("status {status}"), || self.status() == status);
    }

    /// The container's process id on the machine.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        self.state()["pid"].as_i64().expect("a pid") as i32
    }

    /// `exec` of the probe with `steps`; options come before the id.
    pub fn exec(&self, options: &[&str], steps: &[&str]) -> Finished {
        self.exec_call(options, steps).finish()
    }

    /// The command line of `exec`, which the test changes.
    pub fn exec_call(&self, options: &[&str], steps: &[&str]) -> Call {
        self.call_with("exec", options).arg("/bin/probe").args(steps)
    }
}

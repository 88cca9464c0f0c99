//! Cgroups of a test's own on the machine, and processes in them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cgroups::{Created, Error, Kind, Layout, Plan, Record, Request, plan, spec};

/// The layout, if these tests can run: as root.
pub(crate) fn machine(test: &str) -> Option<Layout> {
    let layout = Layout::detect().ok().filter(|_| rustix::process::geteuid().is_root());
    if layout.is_none() {
        skip(test, "needs root and cgroups");
    }
    layout
}

/// The layout, if version 1 has the controllers.
pub(crate) fn v1(test: &str) -> Option<Layout> {
    let layout = machine(test)?;
    if layout.kind() == Kind::V2 {
        skip(test, "needs cgroup v1");
        return None;
    }
    Some(layout)
}

/// The layout, if there is only version 2.
pub(crate) fn v2(test: &str) -> Option<Layout> {
    let layout = machine(test)?;
    if layout.kind() != Kind::V2 {
        skip(test, "needs cgroup v2 alone");
        return None;
    }
    Some(layout)
}

/// The hierarchy of version 2 alone, where its own device programs can be seen at work.
pub(crate) fn unified_only(test: &str) -> Option<Layout> {
    let layout = machine(test)?;
    if layout.kind() == Kind::V2 {
        return Some(layout);
    }
    let unified = layout.hierarchies().iter().find(|h| h.controllers.is_empty()).cloned();
    if unified.is_none() {
        skip(test, "needs the cgroup v2 hierarchy");
    }
    Some(Layout::new(layout.root(), Kind::Hybrid, vec![unified?]))
}

/// Says so past the capture of the test harness.
pub(crate) fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "test {test} ... skipped: {why}");
}

pub(crate) fn name(test: &str) -> String {
    format!("/orun-test-{}-{test}", std::process::id())
}

pub(crate) fn planned(layout: &Layout, path: &str, json: &str) -> Plan {
    let resources: spec::Resources<'_> = serde_json::from_str(json).unwrap();
    let request =
        Request { path: Some(path), id: "id", resources: Some(&resources), ..Request::default() };
    plan(layout, &request).unwrap()
}

/// A container's cgroup that is removed in the end, whatever happens.
pub(crate) struct Cgroup {
    pub(crate) record: Record,
}

impl Cgroup {
    pub(crate) fn new(layout: &Layout, test: &str, json: &str) -> Self {
        let plan = planned(layout, &name(test), json);
        let created = plan.create().unwrap();
        plan.apply(&created).unwrap();
        Self { record: created.keep() }
    }

    pub(crate) fn path(&self, controller: &str) -> PathBuf {
        let directory = self.record.directory(controller).unwrap();
        Path::new(&self.record.root).join(&directory.mount).join(&directory.path)
    }

    pub(crate) fn read(&self, controller: &str, file: &str) -> String {
        let path = self.path(controller).join(file);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    #[track_caller]
    pub(crate) fn holds(&self, controller: &str, file: &str, value: &str) {
        assert_eq!(self.read(controller, file).trim_end(), value, "{file}");
    }

    pub(crate) fn update(&self, json: &str) -> Result<(), Error> {
        self.record.update(&serde_json::from_str(json).unwrap())
    }

    /// A shell in the cgroup, with a command.
    #[allow(clippy::disallowed_methods, reason = "a test")]
    pub(crate) fn run(&self, command: &str) -> Child {
        let mut script = String::new();
        for (controllers, path) in self.record.paths() {
            let file = if controllers.is_empty() { "cgroup.procs" } else { "tasks" };
            script.push_str(&format!("echo 0 > {path}/{file} || exit 99; "));
        }
        script.push_str(command);
        Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// A sleeping process in the cgroup.
    pub(crate) fn sleeper(&self) -> Child {
        let child = self.run("exec sleep 100");
        let pid = i32::try_from(child.id()).unwrap();
        wait_for(|| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm"));
            comm.is_ok_and(|comm| comm == "sleep\n")
        });
        child
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = self.record.kill_all(9);
        self.record.remove().unwrap();
        remove_parents(&self.record);
    }
}

/// Removes the parents of a test's cgroups that are the test's own, too.
pub(crate) fn remove_parents(record: &Record) {
    for (_, path) in record.paths() {
        for parent in Path::new(&path).ancestors().skip(1) {
            if !parent.to_string_lossy().contains("/orun-test-") {
                break;
            }
            let _ = fs::remove_dir(parent);
        }
    }
}

pub(crate) fn wait_for(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The file that sets a cgroup's hierarchy apart is there.
pub(crate) fn exists(created: &Created, present: bool) {
    for (_, path) in created.record().paths() {
        assert_eq!(Path::new(&path).exists(), present, "{path}");
    }
}

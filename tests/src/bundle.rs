//! A bundle: a private root file system with the probe, and a configuration to edit.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Output, config, copy_program, leaks, probe, sandbox};

/// A bundle and the container that is made from it.
///
/// Dropping it deletes the container, and notes what is left after that.
#[derive(Debug)]
pub struct Bundle {
    /// The container's id, unique on the machine.
    pub id: String,
    /// Global options of the runtime, before the command.
    pub(crate) globals: Vec<String>,
    /// Whether a container should exist, which dropping has to delete.
    pub(crate) exists: bool,
    /// Where the container writes after `create` or `run --detach`.
    pub(crate) output: Option<Output>,
    /// Who starts the runtime, if not root.
    pub(crate) user: Option<u32>,
    config: Value,
    text: Option<String>,
    scratch: Rc<TempDir>,
}

impl Bundle {
    /// A bundle whose configuration is the one of `runc spec` with the probe as program and
    /// `terminal` false, in a state root of its own.
    #[expect(clippy::new_without_default, reason = "makes files, which a default should not")]
    pub fn new() -> Bundle {
        let scratch = tempfile::tempdir_in(sandbox::work()).expect("make a scratch folder");
        set_mode(scratch.path(), 0o755);
        Bundle::in_scratch(Rc::new(scratch))
    }

    /// Another bundle whose container has the same state root.
    pub fn beside(&self) -> Bundle {
        Bundle::in_scratch(Rc::clone(&self.scratch))
    }

    fn in_scratch(scratch: Rc<TempDir>) -> Bundle {
        let bundle = Bundle {
            id: unique_id(),
            globals: Vec::new(),
            exists: false,
            output: None,
            user: None,
            config: config::default(),
            text: None,
            scratch,
        };
        fill(&bundle.rootfs());
        bundle
    }

    /// The bundle's folder.
    pub fn path(&self) -> PathBuf {
        self.scratch.path().join(format!("bundle-{}", self.id))
    }

    /// The root file system's folder.
    pub fn rootfs(&self) -> PathBuf {
        self.path().join("rootfs")
    }

    /// The state root.
    pub fn root(&self) -> PathBuf {
        if self.user.is_some() { self.ordinary_root() } else { self.scratch("state") }
    }

    /// A path for something of the test on the machine, outside of every bundle.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Makes a folder on the machine, outside of every bundle, and returns its path.
    pub fn host_folder(&self, name: &str) -> PathBuf {
        let path = self.scratch(name);
        fs::create_dir_all(&path).expect("make a folder");
        path
    }

    /// Makes a folder on the machine with one file in it, which holds its own name.
    pub fn host_folder_with(&self, file: &str) -> PathBuf {
        let path = self.host_folder(&format!("with-{file}"));
        fs::write(path.join(file), file).expect("write a file");
        path
    }

    /// Makes a file on the machine, outside of every bundle, and returns its path.
    pub fn host_file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.scratch(name);
        fs::write(&path, text).expect("write a file");
        path
    }

    /// Edits the configuration.
    pub fn config(mut self, edit: impl FnOnce(&mut Value)) -> Bundle {
        edit(&mut self.config);
        self
    }

    /// Sets the value at a dotted path, as `process.user.uid`.
    pub fn set(self, path: &str, value: impl Into<Value>) -> Bundle {
        self.config(|config| *config::entry(config, path) = value.into())
    }

    /// Adds an item to the list at a dotted path.
    pub fn push(self, path: &str, item: impl Into<Value>) -> Bundle {
        self.config(|config| config::push(config, path, item.into()))
    }

    /// Removes what is at a dotted path.
    pub fn without(self, path: &str) -> Bundle {
        self.config(|config| config::remove(config, path))
    }

    /// Replaces the text of `config.json`.
    pub fn text(mut self, text: &str) -> Bundle {
        self.text = Some(text.to_owned());
        self
    }

    /// The configuration as text.
    pub fn config_text(&self) -> String {
        self.text.clone().unwrap_or_else(|| format!("{:#}\n", self.config))
    }

    /// Makes the root file system writable.
    pub fn writable(self) -> Bundle {
        self.set("root.readonly", false)
    }

    /// Makes the probe do `steps`.
    pub fn steps(self, steps: &[&str]) -> Bundle {
        let args: Vec<_> = [&["/bin/probe"], steps].concat();
        self.set("process.args", args)
    }

    /// Adds a mount.
    pub fn mount(self, kind: &str, source: &Path, destination: &str, options: &[&str]) -> Bundle {
        self.push(
            "mounts",
            json!({
                "type": kind, "source": source, "destination": destination, "options": options,
            }),
        )
    }

    /// Adds a bind mount, with `rbind` unless the options say `bind`.
    pub fn bind(self, source: &Path, destination: &str, options: &[&str]) -> Bundle {
        let kind: &[&str] = if options.contains(&"bind") { &[] } else { &["rbind"] };
        self.mount("bind", source, destination, &[kind, options].concat())
    }

    /// Adds a tmpfs.
    pub fn tmpfs(self, destination: &str, options: &[&str]) -> Bundle {
        self.mount("tmpfs", Path::new("tmpfs"), destination, options)
    }

    /// Removes the mounts at or below a path of the default configuration.
    pub fn without_mounts(self, path: &str) -> Bundle {
        self.config(|config| {
            let mounts = config["mounts"].as_array_mut().expect("a list of mounts");
            mounts.retain(|mount| !Path::new(text_of(&mount["destination"])).starts_with(path));
        })
    }

    /// Adds a new namespace.
    pub fn namespace(self, kind: &str) -> Bundle {
        self.push("linux.namespaces", json!({ "type": kind }))
    }

    /// Joins a namespace by path, in place of a new one.
    pub fn join(self, kind: &str, path: impl AsRef<Path>) -> Bundle {
        let entry = json!({ "type": kind, "path": path.as_ref() });
        self.without_namespace(kind).push("linux.namespaces", entry)
    }

    /// Leaves a namespace away.
    pub fn without_namespace(self, kind: &str) -> Bundle {
        self.config(|config| {
            let list = config["linux"]["namespaces"].as_array_mut().expect("a list of namespaces");
            list.retain(|namespace| namespace["type"] != kind);
        })
    }

    /// Adds a user namespace that maps 65,536 ids to 100,000 and up, and gives the root file
    /// system to its root.
    pub fn user_namespace(self) -> Bundle {
        let map = json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }]);
        self.owned_by(100_000)
            .namespace("user")
            .set("linux.uidMappings", map.clone())
            .set("linux.gidMappings", map)
    }

    /// Gives all of the root file system to a user and the group of that number.
    pub fn owned_by(self, id: u32) -> Bundle {
        let mut left = vec![self.rootfs()];
        while let Some(path) = left.pop() {
            lchown(&path, Some(id), Some(id)).expect("change an owner");
            if path.is_dir() && !path.is_symlink() {
                let entries = fs::read_dir(path).expect("list a folder").flatten();
                left.extend(entries.map(|entry| entry.path()));
            }
        }
        self
    }

    /// Adds a hook that runs `program`; its argument vector is `args`.
    pub fn hook(self, kind: &str, program: &Path, args: &[&str]) -> Bundle {
        self.push(&format!("hooks.{kind}"), json!({ "path": program, "args": args }))
    }

    /// Writes a file of the root file system.
    pub fn file(self, path: &str, text: &str) -> Bundle {
        let path = self.rootfs().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a parent")).expect("make a folder");
        fs::write(path, text).expect("write a file");
        self
    }

    /// Makes a folder of the root file system.
    pub fn folder(self, path: &str) -> Bundle {
        let path = self.rootfs().join(path.trim_start_matches('/'));
        fs::create_dir_all(path).expect("make a folder");
        self
    }

    /// Makes a symbolic link in the root file system, in place of what may be there.
    pub fn link(self, path: &str, target: impl AsRef<Path>) -> Bundle {
        let path = self.rootfs().join(path.trim_start_matches('/'));
        let _ = fs::remove_dir(&path);
        let _ = fs::remove_file(&path);
        symlink(target, path).expect("make a link");
        self
    }

    /// Changes the mode of a file of the root file system.
    pub fn mode(self, path: &str, mode: u32) -> Bundle {
        set_mode(&self.rootfs().join(path.trim_start_matches('/')), mode);
        self
    }

    /// Reads a file of the root file system, from the machine's side.
    pub fn read(&self, path: &str) -> String {
        let path = self.rootfs().join(path.trim_start_matches('/'));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// The probe on the machine, for hooks.
    pub fn probe(&self) -> PathBuf {
        self.rootfs().join("bin/probe")
    }

    pub(crate) fn write_config(&self) {
        let (path, text) = (self.path().join("config.json"), self.config_text());
        // Another runtime may be reading it.
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(path, text).expect("write config.json");
        }
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if self.exists {
            let deleted = self.delete_force();
            if !std::thread::panicking() {
                deleted.ok();
            }
        }
        leaks::check(&self.id, &self.root());
    }
}

/// Ids are unique among suites that run at the same time, and easy to find in all of /proc.
fn unique_id() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let work = sandbox::work();
    let random = work.extension().or(work.file_name()).unwrap_or_default().to_string_lossy();
    let word = random.rsplit('-').next().unwrap_or_default();
    format!("box-{word}-{}-end", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn fill(rootfs: &Path) {
    for folder in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        fs::create_dir_all(rootfs.join(folder)).expect("make a folder of the root file system");
    }
    set_mode(&rootfs.join("tmp"), 0o1777);
    copy_program(probe::path(), &rootfs.join("bin/probe"));
    let users = "root:x:0:0:root:/root:/bin/probe\nuser:x:1000:1000::/home/user:/bin/probe\n";
    fs::write(rootfs.join("etc/passwd"), users).expect("write the users");
    fs::write(rootfs.join("etc/group"), "root:x:0:\ntty:x:5:\nuser:x:1000:\n")
        .expect("write the groups");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("change a mode");
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

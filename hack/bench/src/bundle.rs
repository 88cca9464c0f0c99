//! The bundles that are measured, in a temporary directory.

use serde_json::{Value, json};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of the containers, all of them busybox.
const APPLETS: [&str; 3] = ["true", "sleep", "sh"];
/// Where the default configuration mounts something; made here so that no runtime has to.
const MOUNT_POINTS: [&str; 3] = ["proc", "dev", "sys"];

/// A directory with the bundles, removed when dropped.
pub struct Bundle {
    dir: PathBuf,
}

impl Bundle {
    /// Makes a root filesystem from a static busybox: `BUSYBOX` or the one in `PATH`.
    pub fn create() -> Result<Bundle, String> {
        let dir = env::temp_dir().join(format!("bench-{}", std::process::id()));
        let bundle = Bundle { dir };
        let rootfs = bundle.path("true").join("rootfs");
        for name in MOUNT_POINTS.iter().chain(&["bin"]) {
            let path = rootfs.join(name);
            fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let busybox = find("BUSYBOX", "busybox").ok_or("no busybox: install busybox-static")?;
        fs::copy(&busybox, rootfs.join("bin/busybox"))
            .map_err(|e| format!("{}: {e}", busybox.display()))?;
        for applet in APPLETS {
            symlink("busybox", rootfs.join("bin").join(applet))
                .map_err(|e| format!("{applet}: {e}"))?;
        }
        Ok(bundle)
    }

    /// Writes the default configuration of `spec`, once to run `true` and once to wait.
    pub fn configure(&self, runtime: &Path) -> Result<(), String> {
        let dir = self.path("true");
        let file = dir.join("config.json");
        let status = Command::new(runtime).arg("spec").current_dir(&dir).status();
        if !status.as_ref().is_ok_and(|s| s.success()) {
            return Err(format!("{} spec: {status:?}", runtime.display()));
        }
        let text = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut config: Value =
            serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        // Older runtimes refuse the version that newer ones write.
        config["ociVersion"] = json!("1.0.2");
        config["process"]["terminal"] = json!(false);
        config["root"]["path"] = json!(dir.join("rootfs"));
        for (name, args) in [("true", json!(["/bin/true"])), ("sleep", json!(["sleep", "1000"]))] {
            config["process"]["args"] = args;
            let file = self.path(name).join("config.json");
            fs::create_dir_all(self.path(name))
                .and_then(|()| fs::write(&file, config.to_string()))
                .map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(())
    }

    /// A bundle (`true` or `sleep`), or a scratch file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            eprintln!("bench: {}: {error}", self.dir.display());
        }
    }
}

/// The path in a variable, or the first of that name in `PATH` and beside this one.
pub fn find(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        let path = PathBuf::from(path);
        // Commands run in other directories.
        return Some(std::path::absolute(&path).unwrap_or(path));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let here = env::current_exe().ok();
    let here = here.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    env::split_paths(&path).chain(here).map(|dir| dir.join(name)).find(|file| file.is_file())
}

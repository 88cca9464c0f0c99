//! The root filesystem and the bundles that are measured, in a temporary directory.

use crate::config::{self, Config};
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of the containers, all of them busybox.
const APPLETS: [&str; 3] = ["true", "sleep", "sh"];
/// Where a configuration mounts something; made here so that no runtime has to.
const DIRECTORIES: [&str; 4] = ["bin", "proc", "dev", "sys"];
/// What the containers run: one that ends at once, and one that waits to be killed.
const PROGRAMS: [(&str, &[&str]); 2] =
    [("true", &["/bin/true"]), ("sleep", &["/bin/sleep", "100000"])];

/// A directory with the bundles, removed when dropped.
pub struct Bundle {
    dir: PathBuf,
}

impl Bundle {
    /// Makes a root filesystem from a static busybox: `BUSYBOX` or the one in `PATH`.
    pub fn create() -> Result<Bundle, String> {
        let dir = env::temp_dir().join(format!("bench-{}", std::process::id()));
        let bundle = Bundle { dir };
        let rootfs = bundle.rootfs();
        make_directory(&bundle.states())?;
        for name in DIRECTORIES {
            make_directory(&rootfs.join(name))?;
        }
        let busybox = find("BUSYBOX", "busybox").ok_or("no busybox: install busybox-static")?;
        fs::copy(&busybox, rootfs.join("bin/busybox"))
            .map_err(|e| format!("{}: {e}", busybox.display()))?;
        for applet in APPLETS {
            symlink("busybox", rootfs.join("bin").join(applet))
                .map_err(|e| format!("{applet}: {e}"))?;
        }
        for (source, target) in config::binds(&bundle.path("volumes")) {
            let target = rootfs.join(target.trim_start_matches('/'));
            for path in [&source, &target] {
                if config::is_file(&source) { make_file(path)? } else { make_directory(path)? }
            }
        }
        Ok(bundle)
    }

    /// One that is not there, and leaves nothing behind.
    #[cfg(test)]
    pub fn example() -> Bundle {
        Bundle { dir: PathBuf::from("/nowhere/bench-1") }
    }

    /// Writes every configuration, from the default one of `spec`: once to run `true` and once to
    /// wait.
    pub fn configure(&self, maker: &Path) -> Result<(), String> {
        let default = self.default_of(maker)?;
        let rootfs = self.rootfs();
        for kind in Config::ALL {
            let mut config = kind.of(default.clone(), &self.path("volumes"));
            for (program, args) in PROGRAMS {
                config["root"]["path"] = json!(rootfs);
                config["process"]["args"] = json!(args);
                let dir = self.config(kind, program);
                // The floor takes its root filesystem from the bundle.
                make_directory(&dir)?;
                symlink(&rootfs, dir.join("rootfs"))
                    .and_then(|()| fs::write(dir.join("config.json"), config.to_string()))
                    .map_err(|e| format!("{}: {e}", dir.display()))?;
            }
        }
        Ok(())
    }

    fn default_of(&self, maker: &Path) -> Result<Value, String> {
        let status = Command::new(maker).arg("spec").current_dir(&self.dir).status();
        if !status.as_ref().is_ok_and(|s| s.success()) {
            return Err(format!("{} spec: {status:?}", maker.display()));
        }
        let file = self.path("config.json");
        let text = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", file.display()))
    }

    /// The directory of a bundle whose program is `true` or `sleep`.
    pub fn config(&self, kind: Config, program: &str) -> PathBuf {
        self.path(&format!("{}-{program}", kind.name()))
    }

    /// A scratch file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where the runtimes keep their states.
    pub fn states(&self) -> PathBuf {
        self.path("run")
    }

    fn rootfs(&self) -> PathBuf {
        self.path("rootfs")
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.dir);
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("bench: {}: {error}", self.dir.display());
        }
    }
}

/// Makes a directory and those above it.
pub fn make_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn make_file(path: &Path) -> Result<(), String> {
    make_directory(path.parent().unwrap_or(path))?;
    fs::write(path, "").map_err(|e| format!("{}: {e}", path.display()))
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

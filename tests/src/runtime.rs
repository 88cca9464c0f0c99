//! Which runtime is tested: `RUNTIME`, a path or a name; else the one of this workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The runtime under test.
#[derive(Debug)]
pub struct Runtime {
    /// What is executed.
    pub program: PathBuf,
    /// The first line of its `--version` without the word "version", as `runc 1.1.5`.
    pub version: String,
}

impl Runtime {
    /// The program's path, also when it is named without one.
    pub fn path(&self) -> PathBuf {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&folders).map(|folder| folder.join(&self.program));
        places.find(|place| place.is_file()).unwrap_or_else(|| self.program.clone())
    }

    /// Tells whether this is the runtime of that name and, if given, that version, as `crun 1.8`.
    pub fn is(&self, prefix: &str) -> bool {
        self.version.starts_with(prefix)
    }
}

/// Returns the runtime under test; ends the program with a message when there is none.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let program = std::env::var_os("RUNTIME").map_or_else(built_here, named);
        match version(&program) {
            Ok(version) => Runtime { program, version },
            Err(error) => {
                eprintln!(
                    "cannot run {} --version: {error}\nBuild it first (cargo build --release), \
                     or name another runtime: RUNTIME=runc",
                    program.display()
                );
                std::process::exit(1);
            }
        }
    })
}

fn built_here() -> PathBuf {
    workspace().join("target/release/orun")
}

/// A path is relative to the workspace, as cargo runs tests in the package's folder.
fn named(name: OsString) -> PathBuf {
    let path = PathBuf::from(name);
    if path.components().count() > 1 { workspace().join(path) } else { path }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn version(program: &Path) -> std::io::Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.replace(" version", ""))
}

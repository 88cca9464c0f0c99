//! Bundles of an ordinary user: the runtime is started by one, and its containers are rootless.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use crate::{Bundle, Call, copy_program, host, runtime};

/// The user and the group of that number, whom the machine need not know.
pub const USER: u32 = 64_123;

/// The first of the 65,536 ids that [`grant_ids`] lets the user map.
pub const GRANTED: u32 = 300_000;

impl Bundle {
    /// A bundle of the user, whose configuration the runtime under test wrote by `spec --rootless`,
    /// with the default state root.
    pub fn rootless() -> Bundle {
        let mut bundle = Bundle::new().owned_by(USER);
        // The program may be where only root comes.
        let program = bundle.scratch("runtime");
        copy_program(&runtime().path(), &program);
        let session = bundle.host_folder("session");
        for path in [&session, &bundle.path()] {
            lchown(path, Some(USER), Some(USER)).expect("change an owner");
        }
        bundle.user = Some(USER);
        bundle.call("spec").args(&["--rootless", "--bundle"]).arg(bundle.path()).finish().ok();
        let text = fs::read_to_string(bundle.path().join("config.json")).expect("read config.json");
        let written = serde_json::from_str(&text).expect("config.json is JSON");
        bundle.config(|config| *config = written).set("process.terminal", false).steps(&["self"])
    }

    /// A command line of the user's own copy of the runtime.
    pub(crate) fn ordinary_call(&self, user: u32) -> Call {
        let call = Call::new(&self.scratch("runtime")).without_env().user(user);
        let path = std::env::var_os("PATH").unwrap_or_default();
        call.env("PATH", path).env("XDG_RUNTIME_DIR", self.scratch("session"))
    }

    /// The state root that an ordinary user's runtime takes by itself.
    pub(crate) fn ordinary_root(&self) -> PathBuf {
        let name = runtime().version.split(' ').next().unwrap_or_default();
        self.scratch("session").join(name)
    }
}

/// Makes the user known, and grants it ids to map, until the mounts are dropped.
pub fn grant_ids(bundle: &Bundle) -> [host::Mount; 3] {
    let range = format!("ordinary:{GRANTED}:65536\n");
    [
        with_line(bundle, "/etc/passwd", &format!("ordinary:x:{USER}:{USER}::/:/bin/sh\n")),
        with_line(bundle, "/etc/subuid", &range),
        with_line(bundle, "/etc/subgid", &range),
    ]
}

/// Puts a copy with one more line over a file of the machine.
fn with_line(bundle: &Bundle, path: &str, line: &str) -> host::Mount {
    let old = fs::read_to_string(path).unwrap_or_else(|error| panic!("read {path}: {error}"));
    let name = Path::new(path).file_name().expect("a file name").to_string_lossy();
    let copy = bundle.host_file(&name, &format!("{}\n{line}", old.trim_end()));
    host::Mount::bind(&copy, PathBuf::from(path))
}

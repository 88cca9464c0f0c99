//! Where the probe is: `PROBE`, else it is built, which takes a moment once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of the static probe; panics when it cannot be built.
pub(crate) fn path() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| std::env::var_os("PROBE").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--profile", "tools", "--package", "behaviour"])
        .args(["--bin", "probe", "--target", &target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("start cargo to build the probe");
    assert!(status.success(), "the probe does not build; or set PROBE to the path of one");
    target_folder().join(target).join("tools/probe")
}

/// The test program is `TARGET/debug/deps/suite-HASH`.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("find the test program");
    program.ancestors().nth(3).expect("the test program is in cargo's target folder").to_owned()
}

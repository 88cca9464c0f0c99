//! The snippets of docs/engines, as the engines that are here read them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::podman;
use crate::world::runtime;

fn snippet(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/engines").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// With the path of the runtime under test in place of the installed one's.
fn for_this_runtime(name: &str) -> String {
    snippet(name).replace("/usr/local/bin/orun", &runtime().display().to_string())
}

/// Joins two configurations, which may both have a table `[engine]`.
fn merged(own: &str, snippet: &str) -> String {
    let (engine, runtimes) = snippet.split_once("[engine.runtimes]").expect("two tables");
    let engine = engine.split_once("[engine]").expect("a table").1;
    own.replace("[engine]\n", &format!("[engine]\n{engine}\n")) + "\n[engine.runtimes]" + runtimes
}

#[test]
fn podman_uses_the_runtime_by_its_name() {
    podman(|w| {
        let conf: PathBuf = w.dir().join("containers.conf");
        let own = fs::read_to_string(&conf).expect("containers.conf");
        fs::write(&conf, merged(&own, &for_this_runtime("containers.conf"))).expect("written");
        // Without --runtime, as somebody with the snippet calls it.
        w.sh("command podman info --format '{{.Host.OCIRuntime.Name}}'").prints("orun");
        w.sh("command podman run --rm debian echo hello").prints("hello");
        // Both need podman to know the name.
        w.sh("command podman run --rm --cgroups=disabled debian true").exits(0);
        let failed = w.sh("command podman run --rm debian nonsense").exits(127);
        assert_eq!(failed.stderr.lines().count(), 1, "{failed}");
        failed.complains("executable file not found in $PATH");
    });
}

#[test]
fn containerd_reads_the_older_snippet() {
    podman(|w| {
        fs::write(w.dir().join("containerd.toml"), snippet("containerd-1.toml")).expect("written");
        w.sh("containerd --config $DIR/containerd.toml config dump | grep --after-context 25 'runtimes.orun'")
            .shows(&["BinaryName = \"/usr/local/bin/orun\"", "io.containerd.runc.v2"]);
    });
}

#[test]
fn dockers_snippet_is_json() {
    let text = snippet("daemon.json");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["runtimes"]["orun"]["path"], "/usr/local/bin/orun");
}

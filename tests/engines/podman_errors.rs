//! What podman shows and returns when a container cannot be started.

use crate::run::podman;
use crate::world::{World, runtime};

#[test]
fn missing_program() {
    podman(|w| {
        w.sh("podman run --rm debian nonsense").exits(127).complains("nonsense");
        w.sh("podman run --rm debian /no/such/program").exits(127).complains("/no/such/program");
    });
}

#[test]
fn not_a_program() {
    podman(|w| {
        w.sh("podman run --rm debian /etc/passwd").exits(126).complains("/etc/passwd");
        w.sh("podman run --rm debian /etc").exits(126).complains("/etc");
    });
}

#[test]
fn podmans_own_mistakes() {
    podman(|w| {
        w.sh("podman run --rm --nonsense debian true").exits(125);
        w.sh("podman run --rm -v /no/such/source:/x debian true").exits(125);
    });
}

#[test]
fn directory_over_a_file() {
    podman(|w| {
        w.sh("podman run --rm -v $DIR:/etc/issue debian true").exits(126).complains("etc/issue");
    });
}

#[test]
fn unknown_sysctl() {
    podman(|w| {
        let finished = w.sh("podman run --rm --sysctl net.ipv4.nonsense=1 debian true");
        assert!(finished.status > 124, "{finished}");
        finished.complains("nonsense");
    });
}

#[test]
fn failed_start_leaves_nothing() {
    podman(|w| {
        w.sh("podman run --name box debian nonsense").exits(127);
        w.sh("podman inspect --format '{{.State.Status}}' box").prints("created");
        w.sh("podman rm box; podman run --rm --name box debian true").exits(0);
    });
}

/// podman asks only those runtimes for JSON that it knows by the name of their binary.
fn with_json_log(w: &World) {
    let conf = w.dir().join("containers.conf");
    let text = std::fs::read_to_string(&conf).expect("containers.conf");
    let name = runtime().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = text.replace("[engine]", &format!("[engine]\nruntime_supports_json = [{name:?}]"));
    std::fs::write(&conf, text).expect("containers.conf");
}

#[test]
fn from_the_json_log() {
    podman(|w| {
        with_json_log(w);
        w.sh("podman run --rm debian true").exits(0);
        w.sh("podman run --rm debian nonsense").exits(127).complains("nonsense");
        w.sh("podman run --rm debian /etc/passwd").exits(126).complains("ermission denied");
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        w.sh("podman exec box nonsense").exits(127).complains("nonsense");
    });
}

#[test]
fn one_line() {
    podman(|w| {
        let finished = w.sh("podman run --rm debian nonsense");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        with_json_log(w);
        let finished = w.sh("podman run --rm debian nonsense");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
    });
}

//! OCI hooks that podman adds to every container, and pods from a file of Kubernetes.

use crate::run::{podman, podman_and};
use crate::world::World;
use crate::world::by_version;

/// Makes a hook in `$DIR/hooks` that appends to `$DIR/log`: its stage and the state it got.
fn hook(w: &World, stage: &str, command: &str) {
    let dir = w.dir().display();
    let hooks = w.dir().join("hooks");
    std::fs::create_dir_all(&hooks).expect("the directory for hooks");
    let script = format!("{command}; (echo {stage}; cat; echo) >> {dir}/log");
    let hook = serde_json::json!({
        "version": "1.0.0",
        "hook": {"path": "/bin/sh", "args": ["sh", "-c", script]},
        "when": {"always": true},
        "stages": [stage],
    });
    std::fs::write(hooks.join(format!("{stage}.json")), hook.to_string()).expect("a hook");
}

#[test]
fn in_order_and_with_the_state() {
    podman(|w| {
        for stage in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
            hook(w, stage, "true");
        }
        w.sh("podman --hooks-dir $DIR/hooks run --rm debian true").exits(0);
        w.sh("until_ok grep poststop $DIR/log; grep -v '{' $DIR/log | grep .")
            .prints("prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop");
        w.sh("grep -A1 createRuntime $DIR/log").shows(&["\"bundle\"", "\"pid\"", "\"ociVersion\""]);
    });
}

#[test]
fn failing_hook() {
    podman(|w| {
        hook(w, "createRuntime", "echo broken hook >&2; exit 3");
        let finished = w.sh("podman --hooks-dir $DIR/hooks run --rm debian echo started");
        assert_ne!(finished.status, 0, "{finished}");
        assert_eq!(finished.stdout, "", "{finished}");
        finished.complains("hook");
    });
}

#[test]
fn pod_of_kubernetes() {
    const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: pod
spec:
  hostname: podded
  containers:
  - name: box
    image: localhost/debian
    imagePullPolicy: Never
    command: ["/usr/bin/sleep", "1000"]
    workingDir: /usr
    env: [{name: KEY, value: word}, {name: PATH, value: /usr/bin}]
    resources: {limits: {memory: 64Mi}}
    securityContext:
      runAsUser: 1000
      readOnlyRootFilesystem: true
      capabilities: {drop: [all]}
"#;
    podman_and(&["catatonit"], |w| {
        std::fs::write(w.dir().join("pod.yaml"), POD).expect("pod.yaml");
        w.sh("podman kube play --network none $DIR/pod.yaml").exits(0);
        w.sh("podman exec pod-box sh -c 'hostname; pwd; id -u; echo $KEY'")
            .prints("podded\n/usr\n1000\nword");
        let file = by_version("memory/memory.limit_in_bytes", "memory.max");
        w.sh(&format!("podman exec pod-box cat /sys/fs/cgroup/{file}")).prints("67108864");
        w.sh("podman exec pod-box touch /tmp/x").exits(1).complains("Read-only file system");
        w.sh("podman kube down $DIR/pod.yaml").exits(0);
        w.sh("podman ps --all --quiet").prints("");
    });
}

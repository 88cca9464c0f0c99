//! What this runtime can do, for `features` (features.md, features-linux.md).

use serde_json::{Value, json};

use ::namespaces::Namespace;

use crate::capability::NAMES;
use crate::plan::{memory_policy_names, options};
use crate::spec::{OCI_VERSION, OCI_VERSION_MIN};

/// The features document.
pub fn document(version: &str, commit: &str) -> Value {
    let (modes, flags) = memory_policy_names();
    let namespaces: Vec<&str> = Namespace::ALL.iter().map(|kind| kind.name()).collect();
    let mount_options: Vec<&str> = options::words().filter(|word| *word != "remount").collect();
    json!({
        "ociVersionMin": OCI_VERSION_MIN,
        "ociVersionMax": OCI_VERSION,
        "hooks": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
        "mountOptions": mount_options,
        "linux": {
            "namespaces": namespaces,
            "capabilities": NAMES.as_slice(),
            "cgroup": {"v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true},
            "seccomp": seccomp(),
            "apparmor": {"enabled": true},
            "selinux": {"enabled": true},
            "intelRdt": {"enabled": true, "schemata": true, "monitoring": true},
            "memoryPolicy": {"modes": modes, "flags": flags},
            "mountExtensions": {"idmap": {"enabled": true}},
            "netDevices": {"enabled": true},
        },
        "annotations": {
            "org.orun.version": version,
            "org.orun.commit": commit,
            "org.opencontainers.runc.checkpoint.enabled": "false",
        },
        "potentiallyUnsafeConfigAnnotations": ["run.oci.", "org.systemd.property.", "org.criu.config"],
    })
}

fn seccomp() -> Value {
    json!({
        "enabled": true,
        "actions": seccomp::features::actions(),
        "operators": seccomp::features::operators(),
        "archs": seccomp::features::architectures(),
        "knownFlags": seccomp::features::flags(),
        "supportedFlags": seccomp::features::supported_flags(),
    })
}

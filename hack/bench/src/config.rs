//! The configurations: the default one, and what others change in it.

use crate::profile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A configuration that bundles are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    /// What `spec` prints, without a terminal.
    Default,
    /// What Docker asks for when nothing is said, with its seccomp profile and ten bind mounts.
    Docker,
    /// The default one in a new user namespace.
    UserNamespace,
    /// The default one with a terminal.
    Terminal,
}

/// The first of the range of ids that the user namespace is mapped to.
const HOST_ID: u32 = 100_000;
/// Capabilities of a Docker container, as its documentation lists them.
const DOCKER_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];
/// What Docker binds by itself.
const DOCKER_FILES: [&str; 3] = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];
/// Directories that a user would bind, so that there are ten in all.
const VOLUMES: usize = 7;

impl Config {
    /// All of them.
    pub const ALL: [Config; 4] =
        [Config::Default, Config::Docker, Config::UserNamespace, Config::Terminal];

    /// A word for the names of files.
    pub fn name(self) -> &'static str {
        match self {
            Config::Default => "default",
            Config::Docker => "docker",
            Config::UserNamespace => "userns",
            Config::Terminal => "terminal",
        }
    }

    /// The configuration, made from what `spec` prints; `volumes` has the sources of bind mounts.
    pub fn of(self, mut config: Value, volumes: &Path) -> Value {
        // Older runtimes refuse the version that newer ones write.
        config["ociVersion"] = json!("1.0.2");
        config["process"]["terminal"] = json!(self == Config::Terminal);
        match self {
            Config::Default | Config::Terminal => {}
            Config::Docker => docker(&mut config, volumes),
            Config::UserNamespace => {
                let ids = json!([{"containerID": 0, "hostID": HOST_ID, "size": 65536}]);
                config["linux"]["uidMappings"] = ids.clone();
                config["linux"]["gidMappings"] = ids;
                push(&mut config["linux"]["namespaces"], json!({"type": "user"}));
            }
        }
        config
    }
}

/// Without the hook that moves Docker's network device in, and without AppArmor: neither is the
/// runtime's work, and not every machine has them.
fn docker(config: &mut Value, volumes: &Path) {
    for set in ["bounding", "effective", "permitted"] {
        config["process"]["capabilities"][set] = json!(DOCKER_CAPABILITIES);
    }
    for set in ["inheritable", "ambient"] {
        config["process"]["capabilities"][set] = json!([]);
    }
    config["process"]["noNewPrivileges"] = json!(false);
    config["process"]["oomScoreAdj"] = json!(0);
    config["root"]["readonly"] = json!(false);
    config["hostname"] = json!("0123456789ab");
    let linux = &mut config["linux"];
    linux["sysctl"] = json!({
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
    });
    linux["resources"] = resources();
    linux["seccomp"] = profile::docker_like();
    for (source, target) in binds(volumes) {
        let options = json!(["rbind", "rprivate"]);
        let mount =
            json!({"type": "bind", "source": source, "destination": target, "options": options});
        push(&mut config["mounts"], mount);
    }
}

/// The usual devices, and nothing limited.
fn resources() -> Value {
    let rule = |kind: &str, major: u32, minor: Option<u32>| {
        let mut rule = json!({"allow": true, "type": kind, "major": major, "access": "rwm"});
        if let Some(minor) = minor {
            rule["minor"] = json!(minor);
        }
        rule
    };
    let mut devices = vec![json!({"allow": false, "access": "rwm"})];
    for (major, minor) in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1)] {
        devices.push(rule("c", major, Some(minor)));
    }
    devices.push(json!({"allow": false, "type": "c", "major": 10, "minor": 229, "access": "rwm"}));
    json!({
        "devices": devices,
        "memory": {"disableOOMKiller": false},
        "cpu": {"shares": 0},
        "blockIO": {"weight": 0},
    })
}

/// Source and target of each bind mount of [`Config::Docker`].
pub fn binds(volumes: &Path) -> Vec<(PathBuf, String)> {
    let files = DOCKER_FILES.iter().map(|file| file.to_string());
    let targets = files.chain((1..=VOLUMES).map(|n| format!("/data/{n}")));
    targets.map(|target| (volumes.join(target.trim_start_matches('/')), target)).collect()
}

/// Whether such a source is a file, not a directory.
pub fn is_file(source: &Path) -> bool {
    DOCKER_FILES.iter().any(|file| source.ends_with(file.trim_start_matches('/')))
}

fn push(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default() -> Value {
        json!({"process": {}, "root": {}, "mounts": [], "linux": {"namespaces": []}})
    }

    #[test]
    fn docker_has_ten_binds_and_a_profile() {
        let config = Config::Docker.of(default(), Path::new("/v"));
        let mounts = config["mounts"].as_array().unwrap();
        assert_eq!(mounts.len(), 10);
        assert_eq!(mounts[0]["source"], "/v/etc/resolv.conf");
        assert!(config["linux"]["seccomp"].is_object());
    }

    #[test]
    fn a_user_namespace_has_its_mappings() {
        let config = Config::UserNamespace.of(default(), Path::new("/v"));
        assert_eq!(config["linux"]["namespaces"], json!([{"type": "user"}]));
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], HOST_ID);
    }

    #[test]
    fn only_one_has_a_terminal() {
        for kind in Config::ALL {
            let terminal = kind.of(default(), Path::new("/v"))["process"]["terminal"].clone();
            assert_eq!(terminal, kind == Config::Terminal, "{kind:?}");
        }
    }

    #[test]
    fn files_and_directories() {
        let binds = binds(Path::new("/v"));
        assert_eq!(binds.iter().filter(|(source, _)| is_file(source)).count(), 3);
    }
}

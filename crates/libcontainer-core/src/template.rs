//! The configuration that `spec` writes: a shell in the usual namespaces, and its rootless variant.

/// What the template depends on.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// For an ordinary user: a user namespace that maps the caller to root, and no limits.
    pub rootless: bool,
    /// Whether the host has cgroup v2 only, where a cgroup namespace is usual.
    pub unified: bool,
    /// The caller's user id.
    pub uid: u32,
    /// The caller's group id.
    pub gid: u32,
}

const CAPABILITIES: &str = r#"["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]"#;

/// destination, type, source, options
const MOUNTS: [(&str, &str, &str, &str); 7] = [
    ("/proc", "proc", "proc", ""),
    ("/dev", "tmpfs", "tmpfs", r#""nosuid", "strictatime", "mode=755", "size=65536k""#),
    (
        "/dev/pts",
        "devpts",
        "devpts",
        r#""nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5""#,
    ),
    ("/dev/shm", "tmpfs", "shm", r#""nosuid", "noexec", "nodev", "mode=1777", "size=65536k""#),
    ("/dev/mqueue", "mqueue", "mqueue", r#""nosuid", "noexec", "nodev""#),
    ("/sys", "sysfs", "sysfs", r#""nosuid", "noexec", "nodev", "ro""#),
    ("/sys/fs/cgroup", "cgroup", "cgroup", r#""nosuid", "noexec", "nodev", "relatime", "ro""#),
];

const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
    "/sys/devices/virtual/powercap",
];

const READONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

impl Template {
    /// The text of config.json.
    pub fn to_json(self) -> String {
        let mounts: Vec<String> = MOUNTS.iter().map(|mount| self.mount(mount)).collect();
        let namespaces: Vec<String> =
            self.namespaces().iter().map(|kind| format!(r#"      {{"type": "{kind}"}}"#)).collect();
        format!(
            r#"{{
  "ociVersion": "{version}",
  "process": {{
    "terminal": true,
    "user": {{"uid": 0, "gid": 0}},
    "args": ["sh"],
    "env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "TERM=xterm"
    ],
    "cwd": "/",
    "capabilities": {{
      "bounding": {CAPABILITIES},
      "effective": {CAPABILITIES},
      "permitted": {CAPABILITIES}
    }},
    "rlimits": [{{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}}],
    "noNewPrivileges": true
  }},
  "root": {{"path": "rootfs", "readonly": true}},
  "hostname": "orun",
  "mounts": [
{mounts}
  ],
  "linux": {{
{mappings}{resources}    "namespaces": [
{namespaces}
    ],
    "maskedPaths": [
{masked}
    ],
    "readonlyPaths": [
{readonly}
    ]
  }}
}}
"#,
            version = crate::spec::OCI_VERSION,
            mounts = mounts.join(",\n"),
            mappings = self.mappings(),
            resources = if self.rootless { "" } else { RESOURCES },
            namespaces = namespaces.join(",\n"),
            masked = list(&MASKED),
            readonly = list(&READONLY),
        )
    }

    fn namespaces(self) -> Vec<&'static str> {
        let mut kinds = vec!["pid", "network", "ipc", "uts", "mount"];
        if self.unified {
            kinds.push("cgroup");
        }
        if self.rootless {
            // An ordinary user has no use for a network without a way out.
            kinds.retain(|kind| *kind != "network");
            kinds.push("user");
        }
        kinds
    }

    fn mappings(self) -> String {
        if !self.rootless {
            return String::new();
        }
        let line = |name: &str, id: u32| {
            format!("    \"{name}\": [{{\"containerID\": 0, \"hostID\": {id}, \"size\": 1}}],\n")
        };
        line("uidMappings", self.uid) + &line("gidMappings", self.gid)
    }

    fn mount(self, (destination, kind, source, options): &(&str, &str, &str, &str)) -> String {
        let (mut kind, mut source, mut options) = (*kind, *source, (*options).to_owned());
        if self.rootless {
            // Only one group is mapped, and sysfs belongs to the network namespace of the host.
            options = options.replace(r#", "gid=5""#, "");
            match *destination {
                "/sys" => {
                    (kind, source) = ("none", "/sys");
                    options = r#""rbind", "nosuid", "noexec", "nodev", "ro""#.to_owned();
                }
                "/sys/fs/cgroup" => {
                    options = r#""nosuid", "noexec", "nodev", "relatime", "ro""#.to_owned();
                }
                _ => {}
            }
        }
        let options =
            if options.is_empty() { String::new() } else { format!(r#", "options": [{options}]"#) };
        format!(
            r#"    {{"destination": "{destination}", "type": "{kind}", "source": "{source}"{options}}}"#
        )
    }
}

const RESOURCES: &str = r#"    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
"#;

fn list(words: &[&str]) -> String {
    let lines: Vec<String> = words.iter().map(|word| format!("      \"{word}\"")).collect();
    lines.join(",\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Spec, parse};

    #[test]
    fn both_variants_are_configurations() {
        for (rootless, unified) in [(false, false), (false, true), (true, false), (true, true)] {
            let text = Template { rootless, unified, uid: 1000, gid: 1000 }.to_json();
            let spec: Spec<'_> = parse(text.as_bytes()).unwrap();
            let linux = spec.linux.unwrap();
            assert_eq!(linux.uid_mappings.is_some(), rootless);
            assert_eq!(
                linux.namespaces.unwrap().iter().any(|entry| &*entry.kind == "cgroup"),
                unified
            );
            assert!(spec.process.unwrap().terminal);
        }
    }
}

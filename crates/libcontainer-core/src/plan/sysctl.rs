//! `linux.sysctl`: only keys that belong to a namespace of the container (config-linux.md, "Sysctl").

use ::namespaces::Namespace;

use super::Namespaces;
use crate::error::{Error, Result};
use crate::spec::Linux;

/// Keys below `kernel/` that an IPC namespace has its own of.
const IPC_KEYS: [&str; 8] = [
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
];

/// Plans the writes below /proc/sys: file, value, property.
pub fn plan(
    linux: Option<&Linux<'_>>,
    namespaces: &Namespaces,
) -> Result<Vec<(String, String, String)>> {
    let mut writes = Vec::new();
    for (key, value) in linux.and_then(|linux| linux.sysctl.as_ref()).into_iter().flatten() {
        let field = format!("linux.sysctl[{:?}]", &**key);
        let file = file_of(key);
        if let Some(reason) = refusal(&file, namespaces) {
            return Err(Error::config(field, reason));
        }
        if value.contains('\0') {
            return Err(Error::config(field, "must not contain a NUL character"));
        }
        writes.push((file, value.to_string(), field));
    }
    Ok(writes)
}

/// The file for a key in either spelling: the first separator tells which, as in `sysctl(8)`.
fn file_of(key: &str) -> String {
    match key.find(['.', '/']).map(|at| key.as_bytes()[at]) {
        Some(b'.') => key
            .chars()
            .map(|letter| match letter {
                '.' => '/',
                '/' => '.',
                other => other,
            })
            .collect(),
        _ => key.to_owned(),
    }
}

/// Why a key can't be set for a container, if so.
fn refusal(file: &str, namespaces: &Namespaces) -> Option<String> {
    let strange =
        |part: &str| part.is_empty() || part == "." || part == ".." || part.contains('\0');
    if file.split('/').any(strange) {
        return Some("is not the name of a sysctl".to_owned());
    }
    let needs = |kind: Namespace| {
        (!namespaces.has(kind)).then(|| {
            format!("sysctl is not allowed: it belongs to the {} namespace, and the container uses the host's", kind.name())
        })
    };
    if file == "kernel/hostname" {
        return Some("sysctl is not allowed: use the property hostname instead".to_owned());
    }
    match namespace_of(file) {
        Some(kind) => needs(kind),
        None => Some("sysctl is not in a separate kernel namespace".to_owned()),
    }
}

/// The kind of namespace that has its own of a file below /proc/sys.
pub fn namespace_of(file: &str) -> Option<Namespace> {
    match file {
        "kernel/domainname" => Some(Namespace::Uts),
        _ if IPC_KEYS.contains(&file) || file.starts_with("fs/mqueue/") => Some(Namespace::Ipc),
        _ if file.starts_with("net/") => Some(Namespace::Network),
        _ if file.starts_with("user/") => Some(Namespace::User),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_one_file() {
        assert_eq!(file_of("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(file_of("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    }

    #[test]
    fn keys_outside_of_namespaces_are_refused() {
        let mut all = Namespaces::default();
        all.create = Namespace::ALL.into_iter().fold(all.create, |set, kind| set.with(kind));
        let refused = [
            "kernel.core_pattern",
            "kernel/core_pattern",
            "net.ipv4/../../kernel/core_pattern",
            "kernel.msgmax/../core_pattern",
            "../../../tmp/x",
            "vm.overcommit_memory",
            "kernel.hostname",
            "",
        ];
        for key in refused {
            assert!(refusal(&file_of(key), &all).is_some(), "{key}");
        }
        for key in
            ["kernel.msgmax", "net.ipv4.ip_forward", "fs.mqueue.msg_max", "kernel.domainname"]
        {
            assert_eq!(refusal(&file_of(key), &all), None, "{key}");
            assert!(refusal(&file_of(key), &Namespaces::default()).is_some(), "{key}");
        }
    }
}

//! What crun's annotations ask for (crun(1), "Extensions to OCI"), as far as it is about one container.
//!
//! Whoever writes them may do more than the rest of the configuration says, so `features` names
//! them among those that engines should not let users set.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// The annotations of a configuration.
pub type Annotations = BTreeMap<String, String>;

/// Whether processes keep the supplementary groups of the runtime's caller (`podman run --group-add
/// keep-groups`).
pub fn keeps_groups(annotations: &Annotations) -> bool {
    is_on(annotations, "run.oci.keep_original_groups")
}

/// The socket that gets a pidfd of the container.
pub fn pidfd_receiver(annotations: &Annotations) -> Option<&str> {
    annotations.get("run.oci.pidfd_receiver").map(String::as_str)
}

/// The option of a mount that takes `linux.mountLabel`, without its value.
pub fn context_option(annotations: &Annotations) -> Result<&str> {
    const KEY: &str = "run.oci.mount_context_type";
    match annotations.get(KEY).map_or("context", String::as_str) {
        known @ ("context" | "fscontext" | "defcontext" | "rootcontext") => Ok(known),
        other => {
            let reason =
                format!("{other:?} is none of context, fscontext, defcontext, rootcontext");
            Err(Error::config(format!("annotations[{KEY:?}]"), reason))
        }
    }
}

/// What is refused, as the container would be less confined than was meant.
const REFUSED: [(&str, &str); 2] = [
    (
        "run.oci.seccomp_bpf_data",
        "a ready-made filter is not supported; describe it in linux.seccomp",
    ),
    ("run.oci.handler", "neither virtual machines nor WebAssembly are supported"),
];

/// Refuses an annotation that cannot be left out.
pub fn check(annotations: &Annotations) -> Result<()> {
    match REFUSED.iter().find(|(key, _)| annotations.contains_key(*key)) {
        Some((key, reason)) => Err(Error::config(format!("annotations[{key:?}]"), *reason)),
        None => Ok(()),
    }
}

/// Refuses names that no architecture has, if that is asked for; else they are left out.
pub fn check_syscalls(annotations: &Annotations, unknown: &[String]) -> Result<()> {
    const KEY: &str = "run.oci.seccomp_fail_unknown_syscall";
    match unknown.first() {
        Some(name) if is_on(annotations, KEY) => {
            let reason = format!("unknown system call {name:?}, which annotation {KEY} forbids");
            Err(Error::config("linux.seccomp.syscalls", reason))
        }
        _ => Ok(()),
    }
}

fn is_on(annotations: &Annotations, key: &str) -> bool {
    annotations.get(key).is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &str, value: &str) -> Annotations {
        Annotations::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn labels_go_into_one_of_four_options() {
        let option =
            |value| context_option(&with("run.oci.mount_context_type", value)).map(str::to_owned);
        assert_eq!(context_option(&Annotations::new()).unwrap(), "context");
        assert_eq!(option("rootcontext").unwrap(), "rootcontext");
        assert!(option("size=1").is_err());
    }
}

//! `config.json` as the runtime specification 1.3 defines it, borrowed from the file's bytes.
//!
//! The types say what a configuration may contain, not what it means: meaning is given by `plan`.
//! Unknown properties are ignored, as the specification demands.

mod linux;
mod process;
mod strict;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use linux::{
    Device, IntelRdt, Linux, MemoryPolicy, NamespaceEntry, NetDevice, Personality, TimeOffset,
};
pub use process::{
    Capabilities, ConsoleSize, CpuAffinity, IoPriority, Process, Rlimit, Scheduler, User,
};
pub use strict::Strict;
pub use text::Str;

/// The newest version of the runtime specification that is implemented in full.
pub const OCI_VERSION: &str = "1.3.0";
/// The oldest version that is accepted.
pub const OCI_VERSION_MIN: &str = "1.0.0";

/// The root of a configuration (config.md).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec<'a> {
    /// Version of the specification that the file follows.
    #[serde(borrow)]
    pub oci_version: Str<'a>,
    /// The root filesystem.
    #[serde(default, borrow)]
    pub root: Option<Root<'a>>,
    /// Mounts, in the order in which they are made.
    #[serde(default, borrow, deserialize_with = "or_nothing")]
    pub mounts: Vec<Mount<'a>>,
    /// The container process; without it the container can be created but not started.
    #[serde(default, borrow)]
    pub process: Option<Process<'a>>,
    /// Hostname, for a container with a uts namespace of its own.
    #[serde(default, borrow)]
    pub hostname: Option<Str<'a>>,
    /// NIS domain name, likewise.
    #[serde(default, borrow)]
    pub domainname: Option<Str<'a>>,
    /// Programs called on the way.
    #[serde(default)]
    pub hooks: Option<Hooks>,
    /// Free words of the caller.
    #[serde(default, deserialize_with = "or_nothing")]
    pub annotations: BTreeMap<String, String>,
    /// What only Linux has.
    #[serde(default, borrow)]
    pub linux: Option<Linux<'a>>,
}

/// The root filesystem (config.md, "Root").
#[derive(Debug, Deserialize)]
pub struct Root<'a> {
    /// Path, absolute or relative to the bundle.
    #[serde(borrow)]
    pub path: Str<'a>,
    /// Whether it is read-only inside.
    #[serde(default)]
    pub readonly: bool,
}

/// One mount (config.md, "Mounts").
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount<'a> {
    /// Path inside the container.
    #[serde(borrow)]
    pub destination: Str<'a>,
    /// Filesystem type; a bind mount is told by its options.
    #[serde(default, borrow, rename = "type")]
    pub kind: Option<Str<'a>>,
    /// Device, or path for a bind mount.
    #[serde(default, borrow)]
    pub source: Option<Str<'a>>,
    /// Words for the mount itself, and data for the filesystem.
    #[serde(default, borrow)]
    pub options: Option<Vec<Str<'a>>>,
    /// User ids of an id-mapped mount.
    #[serde(default)]
    pub uid_mappings: Option<Vec<IdMapping>>,
    /// Group ids of an id-mapped mount.
    #[serde(default)]
    pub gid_mappings: Option<Vec<IdMapping>>,
}

/// One line of an id map (config-linux.md, "User namespace mappings").
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct IdMapping {
    /// First id inside.
    #[serde(rename = "containerID")]
    pub container_id: u32,
    /// First id outside.
    #[serde(rename = "hostID")]
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// null is nothing, as in Go: encoders write it for lists and maps that are not there.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    value: D,
) -> std::result::Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// The six lists of hooks (config.md, "POSIX-platform Hooks"); kept in the state, so owned.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Deprecated; called with `createRuntime`.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub prestart: Vec<Hook>,
    /// After the namespaces exist, before pivot_root, in the runtime's namespaces.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub create_runtime: Vec<Hook>,
    /// At the same moment, in the container's namespaces.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub create_container: Vec<Hook>,
    /// Inside the container, before the program runs.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub start_container: Vec<Hook>,
    /// After the program was started, in the runtime's namespaces.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub poststart: Vec<Hook>,
    /// After the container was deleted, in the runtime's namespaces.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub poststop: Vec<Hook>,
}

/// One hook.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Hook {
    /// Absolute path of the program.
    pub path: String,
    /// Arguments with argv[0]; empty for just the path.
    #[serde(default, deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The whole environment; without it, that of who runs the hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// Seconds after which it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
}

/// A file that is not a configuration: where in the file, and at which property.
#[derive(Debug)]
pub struct SyntaxError {
    /// JSON path of the property, empty for the whole document.
    pub path: String,
    /// What is wrong, with line and column.
    pub message: String,
}

/// Reads any JSON document of this page, with the JSON path in the error.
///
/// The path costs time, so the text is parsed again for it, only when there is an error.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, SyntaxError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Strict(&mut reader));
    let error = match read.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut again = serde_json::Deserializer::from_slice(text);
    let path = match serde_path_to_error::deserialize::<_, T>(Strict(&mut again)) {
        Ok(_) => String::new(),
        Err(error) if error.inner().is_syntax() || error.inner().is_eof() => String::new(),
        Err(error) => error.path().to_string(),
    };
    let path = if path == "." { String::new() } else { path };
    Err(SyntaxError { path, message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_property_and_the_place() {
        let error =
            parse::<Spec<'_>>(b"{\"ociVersion\":\"1.0.0\",\n\"root\":{\"path\":7}}").unwrap_err();
        assert_eq!(error.path, "root.path");
        assert!(error.message.contains("line 2 column 16"), "{}", error.message);
        let error = parse::<Spec<'_>>(b"{\"ociVersion\":").unwrap_err();
        assert_eq!(error.path, "");
        assert!(error.message.contains("EOF"), "{}", error.message);
    }

    #[test]
    fn an_array_is_no_object() {
        let error =
            parse::<Spec<'_>>(br#"{"ociVersion":"1.0.0","process":{"user":[]}}"#).unwrap_err();
        assert_eq!(error.path, "process.user");
        assert!(error.message.contains("expected an object"), "{}", error.message);
        assert!(
            parse::<Spec<'_>>(br#"{"ociVersion":"1.0.0","linux":{"resources":{"cpu":[1]}}}"#)
                .is_err()
        );
        assert!(parse::<Spec<'_>>(b"[]").is_err());
    }

    #[test]
    fn trailing_text_is_refused() {
        assert!(parse::<Spec<'_>>(b"{\"ociVersion\":\"1.0.0\"} {}").is_err());
    }
}

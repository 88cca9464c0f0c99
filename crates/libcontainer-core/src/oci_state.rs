//! The state of a container as the specification prints it, for hooks (runtime.md, "State").

use std::collections::BTreeMap;

use crate::spec::OCI_VERSION;

/// What hooks get on stdin.
#[derive(Debug)]
pub struct OciState<'a> {
    /// Name of the container.
    pub id: &'a str,
    /// `creating`, `created`, `running` or `stopped`.
    pub status: &'a str,
    /// Process id, as seen by the reader; 0 is left out.
    pub pid: i32,
    /// Absolute path of the bundle.
    pub bundle: &'a str,
    /// Words of the caller.
    pub annotations: &'a BTreeMap<String, String>,
}

impl OciState<'_> {
    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        let mut state = serde_json::json!({
            "ociVersion": OCI_VERSION,
            "id": self.id,
            "status": self.status,
            "bundle": self.bundle,
        });
        if self.pid != 0 {
            state["pid"] = self.pid.into();
        }
        if !self.annotations.is_empty() {
            state["annotations"] = serde_json::json!(self.annotations);
        }
        state.to_string().into_bytes()
    }
}

//! Linux namespaces: create them with one `clone3`, join existing ones by file, map ids, set clock offsets.
//!
//! Nothing here knows of containers or configuration files; see `namespaces(7)`.

mod clone;
mod handle;
mod idmap;
mod join;
mod kind;
mod sys;
mod timens;

pub use clone::{Child, CloneError, CloneRequest, Fork, clone};
pub use handle::{is_pidfd, open_handle, poll, see_end, send_signal, wait_for_end};
pub use idmap::{IdMap, IdMapError, IdMapStep, MapKind, deny_setgroups, write_id_map};
pub use join::{JoinError, NamespaceFile, join_all_of_process, open_all_of_process, unshare};
pub use kind::{Namespace, NamespaceSet};
pub use timens::{ClockOffset, write_offsets};

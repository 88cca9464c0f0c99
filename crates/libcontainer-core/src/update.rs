//! `update`: new limits for a container that is there.

use cgroups::spec::Resources;

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::pause::cgroup;
use crate::spec;
use crate::step::Step;

/// Sets the limits that the document (`linux.resources`) has; the others stay as they are.
///
/// Device rules are never changed by an update, as with runc. When the kernel refuses a value, those
/// before it are in force.
pub fn update(container: &Container, document: &[u8]) -> Result<()> {
    if matches!(container.status, Status::Stopped | Status::Creating) {
        return Err(Error::new(Step::CheckStatus, "container not running"));
    }
    let mut resources: Resources<'_> = spec::parse(document).map_err(|error| {
        let path = if error.path.is_empty() { "resources".to_owned() } else { error.path };
        Error::config(path, error.message)
    })?;
    resources.devices = Default::default();
    cgroup(container)?.update(&resources).map_err(|error| cgroup_failed(Step::Cgroup, &error))
}

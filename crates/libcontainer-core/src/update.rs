//! `update`: new limits for a container that is there.

use cgroups::spec::Resources;

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::intel_rdt;
use crate::pause::cgroup;
use crate::spec;
use crate::step::Step;

/// Shares of what Intel RDT divides, as lines of the resctrl filesystem.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares<'a> {
    /// Of the L3 cache.
    pub cache: Option<&'a str>,
    /// Of memory bandwidth.
    pub bandwidth: Option<&'a str>,
}

/// Sets the limits that the document (`linux.resources`) has; the others stay as they are.
///
/// Device rules are never changed by an update, as with runc. When the kernel refuses a limit, all of
/// them are as they were; shares come last, and take no limit back.
/// Warnings are about what has no effect.
pub fn update(container: &Container, document: &[u8], shares: Shares<'_>) -> Result<Vec<String>> {
    if matches!(container.status, Status::Stopped | Status::Creating) {
        return Err(Error::new(Step::CheckStatus, "container not running"));
    }
    let mut resources: Resources<'_> = spec::parse(document).map_err(|error| {
        let path = if error.path.is_empty() { "resources".to_owned() } else { error.path };
        Error::config(path, error.message)
    })?;
    resources.devices = Default::default();
    let group = group(container, shares)?;
    cgroup(container)?.update(&resources).map_err(|error| cgroup_failed(Step::Cgroup, &error))?;
    let lines = [shares.cache, shares.bandwidth].into_iter().flatten();
    group.map_or(Ok(()), |group| lines.into_iter().try_for_each(|lines| group.update(lines)))?;
    Ok(resources.warning().map(str::to_owned).into_iter().collect())
}

/// The group that gets the shares, if there are any; said in runc's words if it can't.
fn group<'a>(
    container: &'a Container,
    shares: Shares<'_>,
) -> Result<Option<&'a intel_rdt::Record>> {
    let refuse = |words: &str| Err(Error::new(Step::CheckStatus, words));
    if shares.cache.is_some() && !intel_rdt::can_divide("L3") {
        return refuse("Intel RDT/CAT: l3 cache schema is not enabled");
    }
    if shares.bandwidth.is_some() && !intel_rdt::can_divide("MB") {
        return refuse("Intel RDT/MBA: memory bandwidth schema is not enabled");
    }
    if shares.cache.is_none() && shares.bandwidth.is_none() {
        return Ok(None);
    }
    match &container.state.intel_rdt {
        Some(group) => Ok(Some(group)),
        None => refuse("updating a non-existent Intel RDT configuration is not supported"),
    }
}

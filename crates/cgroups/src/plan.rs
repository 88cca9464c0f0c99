//! From a request to a plan: which directories to make, and what to write into them.

use crate::error::PlanError;
use crate::layout::{Kind, Layout};
use crate::path::CgroupsPath;
use crate::record::{Directory, Record};
use crate::resources::{self, Purpose};
use crate::spec;
use crate::step::{Step, Write};
use crate::systemd::{self, Property, Systemd, UnitPlan};

/// What a container asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// `linux.cgroupsPath`.
    pub path: Option<&'a str>,
    /// The container's id: the name of the cgroup when there is no path.
    pub id: &'a str,
    /// `linux.resources`.
    pub resources: Option<&'a spec::Resources<'a>>,
    /// Go on without a cgroup where permission is missing and nothing asks for one.
    pub rootless: bool,
    /// The user who gets the directory of version 2, where there is no version 1: the container's
    /// root, if that may write there.
    pub owner: Option<u32>,
    /// Have systemd make the cgroup.
    pub systemd: Option<Systemd<'a>>,
}

/// The directories of a new container and what to write into them.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) record: Record,
    pub(crate) steps: Vec<Step>,
    /// Controllers of version 2 that some step needs.
    pub(crate) v2_controllers: Vec<&'static str>,
    pub(crate) rootless: bool,
    /// Whether the configuration names the cgroup.
    pub(crate) named: bool,
    pub(crate) unit: Option<UnitPlan>,
    pub(crate) owner: Option<u32>,
}

/// Plans the cgroup of a new container; makes no system call.
///
/// # Errors
/// When a value cannot be put into practice in this layout; the error names its JSON path.
pub fn plan(layout: &Layout, request: &Request<'_>) -> Result<Plan, PlanError> {
    let none = spec::Resources::default();
    let given = request.resources.unwrap_or(&none).settled();
    let kept = request.systemd.is_some().then(|| systemd::resources(&given));
    let resources = kept.as_ref().unwrap_or(&given);
    let (unit, path) = match &request.systemd {
        Some(wanted) => {
            let (path, id) = (request.path, request.id);
            let (unit, cgroup) = systemd::plan(layout, wanted, path, id, resources)?;
            (Some(unit), CgroupsPath::new(Some(&format!("/{cgroup}")), request.id)?)
        }
        None => (None, CgroupsPath::new(request.path, request.id)?),
    };
    let directories = layout.hierarchies().iter().map(|hierarchy| Directory {
        controllers: hierarchy.controllers.clone(),
        mount: hierarchy.mount.clone(),
        path: path.below(layout.kind(), hierarchy),
    });
    let record = Record {
        kind: layout.kind(),
        root: layout.root().to_owned(),
        directories: directories.collect(),
        unit: unit.as_ref().map(|plan| plan.unit.clone()),
    };
    let purpose = Purpose::Create { rootless: request.rootless };
    let (steps, v2_controllers) = resources::steps(&record, resources, purpose)?;
    let owner = request.owner.filter(|_| layout.kind() == Kind::V2);
    let named = request.path.is_some_and(|path| !path.is_empty());
    Ok(Plan { record, steps, v2_controllers, rootless: request.rootless, named, unit, owner })
}

impl Plan {
    /// The directories, before they exist: what to write down first, so that a cleanup finds them.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether a process can be born in version 2 before the directories of version 1 are made: there
    /// are both, systemd has no part in it, and no directory is done without.
    pub fn allows_late(&self) -> bool {
        self.record.kind == Kind::Hybrid && self.unit.is_none() && !self.rootless
    }

    /// The user who gets the directory.
    pub fn owner(&self) -> Option<u32> {
        self.owner
    }

    /// The unit that systemd will be asked for: its name.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_ref().map(|plan| plan.unit.name.as_str())
    }

    /// The properties of the unit, with their values as `systemctl` has them.
    pub fn properties(&self) -> impl Iterator<Item = (&str, String)> {
        let properties = self.unit.iter().flat_map(|plan| &plan.properties);
        properties.map(|Property { name, value, .. }| (name.as_str(), value.to_string()))
    }

    /// What will be written, in order; of a choice between files, the first.
    ///
    /// Device rules of version 2 are no file: their text is the program's listing.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.steps.iter().flat_map(Step::writes)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

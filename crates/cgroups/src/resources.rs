//! `linux.resources` as steps, controller by controller, for whichever version has each one.

use std::borrow::Cow;

use crate::devices::{Devices, Rules};
use crate::error::PlanError;
use crate::layout::Kind;
use crate::record::Record;
use crate::spec::Resources;
use crate::step::{Step, Write};
use crate::{controllers, v1, v2};

/// What the steps are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new container.
    Create { rootless: bool },
    /// New values for one that runs.
    Update,
}

/// The steps for these resources, and the v2 controllers that they need.
pub(crate) fn steps(
    record: &Record,
    resources: &Resources<'_>,
    purpose: Purpose,
) -> Result<(Vec<Step>, Vec<&'static str>), PlanError> {
    let mut to = Steps { record, purpose, steps: Vec::new(), v2_controllers: Vec::new() };
    if let Some(pids) = &resources.pids {
        controllers::pids::steps(&mut to, pids)?;
    }
    if let Some(memory) = &resources.memory {
        match to.is_v1("memory") {
            true => v1::memory::steps(&mut to, memory)?,
            false => v2::memory::steps(&mut to, memory)?,
        }
    }
    if let Some(block_io) = &resources.block_io {
        match to.is_v1("blkio") {
            true => v1::blkio::steps(&mut to, block_io)?,
            false => v2::io::steps(&mut to, block_io)?,
        }
    }
    if let Some(cpu) = &resources.cpu {
        match to.is_v1("cpu") {
            true => v1::cpu::steps(&mut to, cpu)?,
            false => v2::cpu::steps(&mut to, cpu)?,
        }
    }
    to.device_rules(resources)?;
    if let Some(cpu) = &resources.cpu {
        controllers::cpuset::steps(&mut to, cpu)?;
    }
    for (index, limit) in resources.hugepage_limits.iter().flatten().enumerate() {
        controllers::hugetlb::steps(&mut to, index, limit)?;
    }
    for (device, limit) in resources.rdma.iter().flatten() {
        controllers::rdma::steps(&mut to, device, limit)?;
    }
    if let Some(network) = &resources.network {
        v1::network::steps(&mut to, network)?;
    }
    if let Some(unified) = &resources.unified {
        v2::unified::steps(&mut to, unified)?;
    }
    Ok((to.steps, to.v2_controllers))
}

/// Steps in the making.
pub(crate) struct Steps<'r> {
    pub(crate) record: &'r Record,
    pub(crate) purpose: Purpose,
    pub(crate) steps: Vec<Step>,
    v2_controllers: Vec<&'static str>,
}

impl Steps<'_> {
    /// Whether version 1 has the controller, or would have it if anything had.
    pub(crate) fn is_v1(&self, controller: &str) -> bool {
        match self.record.position(controller) {
            Some(index) => !self.record.directories[index].is_v2(),
            None => self.record.kind != Kind::V2,
        }
    }

    /// Adds a write.
    pub(crate) fn write(
        &mut self,
        controller: &'static str,
        file: impl Into<Cow<'static, str>>,
        data: impl Into<Cow<'static, str>>,
        field: impl Into<Cow<'static, str>>,
    ) -> Result<(), PlanError> {
        let write = self.make(controller, file, data, field)?;
        self.steps.push(Step::Write(write));
        Ok(())
    }

    /// Adds a write to a file that some kernels do not have and that is not needed there.
    pub(crate) fn write_optional(
        &mut self,
        controller: &'static str,
        file: impl Into<Cow<'static, str>>,
        data: impl Into<Cow<'static, str>>,
        field: impl Into<Cow<'static, str>>,
    ) -> Result<(), PlanError> {
        let write = self.make(controller, file, data, field)?;
        self.steps.push(Step::Write(Write { optional: true, ..write }));
        Ok(())
    }

    /// Adds writes that bound each other.
    pub(crate) fn together(&mut self, mut writes: Vec<Write>) {
        match writes.len() {
            0 => {}
            1 => self.steps.extend(writes.pop().map(Step::Write)),
            _ => self.steps.push(Step::Together(writes)),
        }
    }

    /// A write, for use in a step of several.
    pub(crate) fn make(
        &mut self,
        controller: &'static str,
        file: impl Into<Cow<'static, str>>,
        data: impl Into<Cow<'static, str>>,
        field: impl Into<Cow<'static, str>>,
    ) -> Result<Write, PlanError> {
        let Some(directory) = self.record.position(controller) else {
            let message = format!("the cgroup controller `{controller}` is not mounted");
            return Err(PlanError::new(field, message));
        };
        let is_v2 = self.record.directories[directory].is_v2();
        if is_v2 && controller != "unified" && !self.v2_controllers.contains(&controller) {
            self.v2_controllers.push(controller);
        }
        Ok(Write { controller, file: file.into(), data: data.into(), directory, optional: false })
    }

    /// Device rules: a new container always has some, and an update only those it names.
    fn device_rules(&mut self, resources: &Resources<'_>) -> Result<(), PlanError> {
        let listed = resources.devices.as_deref().unwrap_or_default();
        if self.purpose == Purpose::Update && listed.is_empty() {
            return Ok(());
        }
        let rules = Rules::new(listed)?;
        let Some(directory) = self.record.position("devices") else {
            let excused = self.purpose == Purpose::Create { rootless: true };
            if excused || rules.allow_all() {
                return Ok(());
            }
            let message = "the cgroup controller `devices` is not mounted";
            return Err(PlanError::new("linux.resources.devices", message));
        };
        let is_v2 = self.record.directories[directory].is_v2();
        let fresh = self.purpose != Purpose::Update;
        if is_v2 && fresh && rules.allow_all() {
            return Ok(());
        }
        let devices =
            if is_v2 { Devices::v2(directory, &rules) } else { Devices::v1(directory, &rules)? };
        self.steps.push(Step::Devices(devices));
        Ok(())
    }
}

//! New limits for a container that runs.

use std::os::fd::{AsFd, BorrowedFd};

use crate::error::{At, Cause, Error};
use crate::file;
use crate::layout::Kind;
use crate::record::Record;
use crate::resources::{Purpose, steps};
use crate::spec::Resources;
use crate::step::{Place, run_or_undo};
use crate::subtree;
use crate::systemd;

/// A weight of 100.
const DEFAULT_SHARES: u64 = 1024;

impl Record {
    /// Writes the limits that are present; the others stay, and so do device rules unless some
    /// are listed.
    ///
    /// On version 2 a limit of memory with swap needs the limit of memory beside it.
    ///
    /// # Errors
    /// When a value cannot be put into practice, or the kernel or systemd refuses one: then all limits
    /// are as they were.
    pub fn update(&self, resources: &Resources<'_>) -> Result<(), Error> {
        let root = self.open_root()?;
        let resources = &*resources.settled();
        let refused = |error| Error::new("plan", "resources", Cause::Config(error));
        let whole = match &self.unit {
            Some(_) => {
                let mut whole = self.with_whole_quota(root.as_fd(), resources)?;
                self.end_idleness(root.as_fd(), &mut whole);
                Some(systemd::resources(&whole))
            }
            None => None,
        };
        let resources = whole.as_ref().unwrap_or(resources);
        let (steps, v2_controllers) = steps(self, resources, Purpose::Update).map_err(refused)?;
        let properties = match &self.unit {
            Some(unit) => Some((unit, systemd::of_update(self.kind, resources).map_err(refused)?)),
            None => None,
        };
        if let Some(directory) = self.unified() {
            subtree::enable(root.as_fd(), self, directory, &v2_controllers, false)?;
        }
        let place =
            Place { record: self, root: root.as_fd(), fresh: &[], present: &[], rootless: false };
        run_or_undo(&place, &steps, || {
            let Some((unit, properties)) = properties else { return Ok(()) };
            unit.set(&properties)?;
            self.keep_period(root.as_fd(), resources)
        })
    }

    /// Writes the period again where there is no quota: systemd has put its own default there.
    fn keep_period(&self, root: BorrowedFd<'_>, resources: &Resources<'_>) -> Result<(), Error> {
        let Some(cpu) = resources.cpu.as_ref().filter(|cpu| cpu.quota.is_some_and(|q| q < 0))
        else {
            return Ok(());
        };
        let (Some(period), Some(directory)) = (cpu.period, self.directory("cpu")) else {
            return Ok(());
        };
        let (name, text) = match self.kind {
            Kind::V2 => ("cpu.max", format!("max {period}")),
            Kind::V1 | Kind::Hybrid => ("cpu.cfs_period_us", period.to_string()),
        };
        let path = directory.file(name);
        file::write_at(root, &path, &text)
            .at("write", &format!("\"{text}\" to {}", self.full(&path)))
    }

    /// An idle cgroup takes no weight. To systemd both are one property: a weight given later ends the
    /// idleness, and the end of idleness is a weight, the kernel's default.
    fn end_idleness(&self, root: BorrowedFd<'_>, resources: &mut Resources<'_>) {
        let (idle, has_weight) = (resources.idle(), resources.has_weight());
        let ends = has_weight && idle.is_none() || !has_weight && idle == Some(false);
        let Some(directory) = self.directory("cpu").filter(|_| ends && self.kind == Kind::V2)
        else {
            return;
        };
        // Older kernels have no such file.
        let now = file::read_at(root, &directory.file("cpu.idle"));
        if !now.is_ok_and(|text| text.trim() == "1") {
            return;
        }
        let cpu = resources.cpu.get_or_insert_default();
        match has_weight {
            true => cpu.idle = Some(0),
            false => cpu.shares = Some(DEFAULT_SHARES),
        }
    }

    /// The same with both CPU quota and period if there is one of them: systemd knows their ratio.
    fn with_whole_quota<'r>(
        &self,
        root: BorrowedFd<'_>,
        resources: &Resources<'r>,
    ) -> Result<Resources<'r>, Error> {
        let mut whole = resources.clone();
        let Some(cpu) = &mut whole.cpu else { return Ok(whole) };
        let given = |value: Option<i64>| value.is_some_and(|value| value != 0);
        let (quota, period) = (given(cpu.quota), cpu.period.is_some_and(|period| period != 0));
        let Some(directory) = self.directory("cpu").filter(|_| quota != period) else {
            return Ok(whole);
        };
        let read = |name: &str| {
            let path = directory.file(name);
            file::read_at(root, &path).at("read", &self.full(&path))
        };
        let text = match self.kind {
            Kind::V2 => read("cpu.max")?,
            Kind::V1 | Kind::Hybrid => {
                format!("{} {}", read("cpu.cfs_quota_us")?.trim(), read("cpu.cfs_period_us")?)
            }
        };
        let mut words = text.split_whitespace();
        let (old_quota, old_period) = (words.next(), words.next());
        if period {
            cpu.quota = Some(old_quota.and_then(|word| word.parse().ok()).unwrap_or(-1));
        } else {
            cpu.period = old_period.and_then(|word| word.parse().ok());
        }
        Ok(whole)
    }
}

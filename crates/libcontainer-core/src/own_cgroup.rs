//! The container's own cgroup while it is made: what the init needs at once, and the rest beside it.

use ::namespaces::Namespace;

use crate::error::{Error, Result, Side, cgroup_failed};
use crate::plan::CreatePlan;
use crate::step::Step;
use crate::store::StateDir;

/// A cgroup that is removed unless it is kept.
pub struct OwnCgroup<'p> {
    plan: &'p cgroups::Plan,
    made: cgroups::Created,
    /// Whether the directories of version 1 are still to be made.
    late: bool,
    /// Whether the limits are still to be set.
    unlimited: bool,
}

impl<'p> OwnCgroup<'p> {
    /// Makes what the init has to be born in, or find, and notes that it is the container's.
    pub fn begin(plan: &'p CreatePlan, dir: &StateDir) -> Result<Option<OwnCgroup<'p>>> {
        let made = plan.cgroup.as_ref().map(cgroups::Plan::begin).transpose().map_err(not_made)?;
        let mut cgroup = plan.cgroup.as_ref().zip(made).map(|(cgroup, made)| OwnCgroup {
            plan: cgroup,
            // On v1 the device rules come one by one, and the init must not open a device meanwhile.
            // On v2 they are one program, which takes long enough (0.3 ms) to be made beside the
            // init's work.
            unlimited: plan.arrives_late() || made.record().kind == cgroups::Kind::V2,
            late: plan.arrives_late(),
            made,
        });
        if let Some(cgroup) = cgroup.as_mut().filter(|cgroup| !cgroup.late) {
            cgroup.make_directories()?;
        }
        dir.own_cgroup()?;
        if let Some(cgroup) = &mut cgroup {
            if plan.namespaces.joins(Namespace::User) {
                cgroup.made.open_join().map_err(|error| cgroup_failed(Step::JoinCgroup, &error))?;
            }
            if !cgroup.unlimited {
                cgroup.set_limits()?;
            }
        }
        Ok(cgroup)
    }

    /// Does what is left, while the init is at work.
    pub fn complete(&mut self) -> Result<()> {
        if self.late {
            self.make_directories()?;
        }
        if self.unlimited {
            self.set_limits()?;
        }
        Ok(())
    }

    /// What it takes to join.
    pub fn join(&self) -> &cgroups::Join {
        self.made.join()
    }

    /// The directories that exist.
    pub fn record(&self) -> &cgroups::Record {
        self.made.record()
    }

    /// To be called when the container's process is in there.
    pub fn settle(&mut self) -> Result<()> {
        self.made.settle().map_err(|error| cgroup_failed(Step::Cgroup, &error))
    }

    /// Keeps it.
    pub fn keep(self) {
        self.made.keep();
    }

    fn make_directories(&mut self) -> Result<()> {
        self.plan.complete(&mut self.made).map_err(not_made)
    }

    fn set_limits(&self) -> Result<()> {
        self.plan.apply(&self.made).map_err(resources_failed)
    }
}

fn not_made(error: cgroups::Error) -> Error {
    cgroup_failed(Step::Cgroup, &error).field("linux.cgroupsPath").on(Side::Starting)
}

/// Beginnings of the control files' names, and the part of `linux.resources` that they belong to.
const CONTROL_FILES: [(&str, &str); 9] = [
    ("/memory.", ".memory"),
    ("/cpu.", ".cpu"),
    ("/cpuset.", ".cpu"),
    ("/pids.", ".pids"),
    ("/blkio.", ".blockIO"),
    ("/io.", ".blockIO"),
    ("/hugetlb.", ".hugepageLimits"),
    ("/devices.", ".devices"),
    ("/rdma.", ".rdma"),
];

fn resources_failed(error: cgroups::Error) -> Error {
    let part = CONTROL_FILES.iter().find(|(file, _)| error.subject.contains(file));
    let field = format!("linux.resources{}", part.map_or("", |(_, part)| part));
    cgroup_failed(Step::Cgroup, &error).field(field).on(Side::Starting)
}

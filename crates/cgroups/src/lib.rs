//! Control groups of containers: version 1, version 2 and both beside each other, by the files of
//! the hierarchies (runtime-spec, config-linux.md, "Control groups").
//!
//! [`plan()`] turns `linux.cgroupsPath` and `linux.resources` into a [`Plan`] without touching the
//! machine; [`Plan::create`] makes the directories, [`Plan::apply`] writes the limits, [`enter`]
//! joins. A [`Record`] names the directories and does all that comes later.

mod bpf;
mod controllers;
mod cpuset;
mod create;
mod delegate;
mod descent;
mod devices;
mod elsewhere;
mod error;
mod file;
mod freeze;
mod join;
mod kill;
mod layout;
mod mountinfo;
mod oom;
mod path;
mod plan;
mod processes;
mod record;
mod remove;
mod resources;
mod settle;
pub mod spec;
pub mod stats;
mod step;
mod subtree;
mod sys;
mod systemd;
mod undo;
mod update;
mod v1;
mod v1_devices;
mod v2;

pub use create::Created;
pub use error::{Cause, Error, PlanError};
pub use freeze::FreezerView;
pub use join::{Join, enter, enter_unified};
pub use layout::{Hierarchy, Kind, Layout};
pub use oom::OomWatch;
pub use plan::{Plan, Request, plan};
pub use record::{Directory, Record};
pub use stats::Stats;
pub use step::Write;
pub use systemd::{Systemd, Unit, user_manager};

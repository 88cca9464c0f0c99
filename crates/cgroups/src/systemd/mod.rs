//! The systemd driver: systemd makes the cgroup as a unit, and keeps the limits it knows.
//!
//! [`UnitPlan`] is what will be asked for, without a word to systemd; [`unit`] does the asking, over
//! [`bus`]. Everything that systemd has no property for is written by the files of the hierarchies,
//! as the cgroupfs driver does.

mod address;
mod bus;
mod devices;
mod ending;
mod name;
mod properties;
mod unit;
mod value;
mod variant;

use crate::error::{Error, PlanError};
use crate::layout::{Kind, Layout};
use crate::spec::Resources;

pub use unit::Unit;

use bus::Bus;

pub(crate) use ending::Left;
pub(crate) use name::Placement;
pub(crate) use properties::{of_update, rounded};
pub(crate) use unit::{Started, start};
pub(crate) use value::Property;

/// The cgroup of the calling user's own manager, without slashes around it.
///
/// # Errors
/// When the manager cannot be reached.
pub fn user_manager() -> Result<String, Error> {
    let cgroup = Bus::connect(true)?.manager_cgroup();
    let cgroup = cgroup.map_err(|failure| failure.at("ask systemd for its cgroup", ""))?;
    Ok(cgroup.trim_matches('/').to_owned())
}

/// What the systemd driver needs to know besides the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Systemd<'a> {
    /// Ask the user's own manager, which is in this cgroup ([`user_manager`]), not the system's.
    pub user: Option<&'a str>,
    /// Annotations, of which `org.systemd.property.NAME` become properties of the unit.
    pub annotations: &'a [(&'a str, &'a str)],
}

/// The unit of a new container.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnitPlan {
    pub(crate) unit: Unit,
    /// The slice that the unit is in.
    pub(crate) slice: String,
    /// Properties, in order.
    pub(crate) properties: Vec<Property>,
}

/// The resources as systemd can keep them.
pub(crate) fn resources<'r>(given: &Resources<'r>) -> Resources<'r> {
    Resources { cpu: given.cpu.as_ref().map(rounded), ..given.clone() }
}

/// Plans the unit, and tells the path of its cgroup below each hierarchy.
pub(crate) fn plan(
    layout: &Layout,
    systemd: &Systemd<'_>,
    path: Option<&str>,
    id: &str,
    resources: &Resources<'_>,
) -> Result<(UnitPlan, String), PlanError> {
    let user = systemd.user.is_some();
    if user && layout.kind() != Kind::V2 {
        let message = "a user's systemd makes cgroups only where there is cgroup v2 alone";
        return Err(PlanError::new("linux.cgroupsPath", message));
    }
    let placement = Placement::new(path, id, user)?;
    let cgroup = placement.cgroup(systemd.user.unwrap_or_default())?;
    let mut properties = properties::of_unit(&placement);
    properties.extend(properties::of_create(layout.kind(), resources, user)?);
    for (key, text) in systemd.annotations {
        properties.extend(variant::property(key, text)?);
    }
    let unit = Unit { name: placement.unit, user };
    Ok((UnitPlan { unit, slice: placement.slice, properties }, cgroup))
}

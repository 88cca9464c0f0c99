//! `linux.resources.network`: the net_cls and net_prio controllers of version 1.
//!
//! Version 2 has no counterpart, and leaves it alone as engines give it to whatever machine
//! there is.

use crate::error::PlanError;
use crate::layout::Kind;
use crate::resources::Steps;
use crate::spec::Network;

pub(crate) fn steps(to: &mut Steps<'_>, network: &Network<'_>) -> Result<(), PlanError> {
    if to.record.kind == Kind::V2 {
        return Ok(());
    }
    if let Some(class) = network.class_id.filter(|class| *class != 0) {
        let field = "linux.resources.network.classID";
        on_v1(to, "net_cls", field)?;
        to.write("net_cls", "net_cls.classid", class.to_string(), field)?;
    }
    for (index, entry) in network.priorities.iter().flatten().enumerate() {
        let field = format!("linux.resources.network.priorities[{index}]");
        if entry.name.is_empty() || entry.name.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(PlanError::new(field, "not the name of a network interface"));
        }
        on_v1(to, "net_prio", &field)?;
        let data = format!("{} {}", entry.name, entry.priority);
        to.write("net_prio", "net_prio.ifpriomap", data, field)?;
    }
    Ok(())
}

/// Refuses a controller that only version 1 can have, and that is not mounted.
fn on_v1(to: &Steps<'_>, controller: &str, field: &str) -> Result<(), PlanError> {
    if to.record.directories.iter().any(|directory| directory.has(controller)) {
        return Ok(());
    }
    let message = format!("the cgroup controller `{controller}` is not mounted");
    Err(PlanError::new(field.to_owned(), message))
}

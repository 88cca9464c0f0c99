//! `linux.resources.rdma`: handles and objects of RDMA devices.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::Rdma;

pub(crate) fn steps(to: &mut Steps<'_>, device: &str, limit: &Rdma) -> Result<(), PlanError> {
    let field = format!("linux.resources.rdma.{device}");
    if device.is_empty() || device.contains(|c: char| c.is_whitespace() || c == '=') {
        return Err(PlanError::new(field, "not the name of a device"));
    }
    let mut line = device.to_owned();
    for (word, value) in [("hca_handle", limit.hca_handles), ("hca_object", limit.hca_objects)] {
        if let Some(value) = value {
            line.push_str(&format!(" {word}={value}"));
        }
    }
    if line == device {
        return Err(PlanError::new(field, "needs hcaHandles or hcaObjects"));
    }
    to.write("rdma", "rdma.max", line, field)
}

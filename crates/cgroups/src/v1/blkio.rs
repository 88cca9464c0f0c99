//! `linux.resources.blockIO` in version 1.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::{BlockIo, ThrottleDevice};
use crate::step::Step;

const FIELD: &str = "linux.resources.blockIO";

pub(crate) fn steps(to: &mut Steps<'_>, block_io: &BlockIo) -> Result<(), PlanError> {
    let weights = [
        (block_io.weight, "weight", "weight"),
        (block_io.leaf_weight, "leaf_weight", "leafWeight"),
    ];
    for (weight, file, field) in weights {
        if let Some(weight) = weight.filter(|weight| *weight != 0) {
            weight_step(to, file, weight.to_string(), format!("{FIELD}.{field}"))?;
        }
    }
    for (index, device) in block_io.weight_device.iter().flatten().enumerate() {
        let field = format!("{FIELD}.weightDevice[{index}]");
        let name = device_name(device.major, device.minor, &field)?;
        for (weight, file) in
            [(device.weight, "weight_device"), (device.leaf_weight, "leaf_weight_device")]
        {
            if let Some(weight) = weight.filter(|weight| *weight != 0) {
                weight_step(to, file, format!("{name} {weight}"), field.clone())?;
            }
        }
    }
    for throttle in throttles(block_io) {
        for (index, device) in throttle.devices.iter().enumerate() {
            let field = format!("{FIELD}.{}[{index}]", throttle.field);
            let name = device_name(device.major, device.minor, &field)?;
            let data = format!("{name} {}", device.rate);
            to.write("blkio", format!("blkio.throttle.{}", throttle.v1), data, field)?;
        }
    }
    Ok(())
}

/// Weights are CFQ's until Linux 5.0, and BFQ's since.
fn weight_step(
    to: &mut Steps<'_>,
    file: &str,
    data: String,
    field: String,
) -> Result<(), PlanError> {
    let plain = to.make("blkio", format!("blkio.{file}"), data.clone(), field.clone())?;
    let bfq = to.make("blkio", format!("blkio.bfq.{file}"), data, field)?;
    to.steps.push(Step::FirstThatExists(vec![plain, bfq]));
    Ok(())
}

/// The name of a device in the files of the controller.
pub(crate) fn device_name(major: i64, minor: i64, field: &str) -> Result<String, PlanError> {
    match (u32::try_from(major), u32::try_from(minor)) {
        (Ok(major), Ok(minor)) => Ok(format!("{major}:{minor}")),
        _ => Err(PlanError::new(field.to_owned(), format!("{major}:{minor} is no device"))),
    }
}

/// One of the four throttles.
pub(crate) struct Throttle<'a> {
    pub(crate) devices: &'a [ThrottleDevice],
    /// The field of `linux.resources.blockIO`.
    pub(crate) field: &'static str,
    /// The end of the file's name in version 1.
    v1: &'static str,
    /// The key in `io.max`.
    pub(crate) v2: &'static str,
}

/// The four throttles and their names.
pub(crate) fn throttles(block_io: &BlockIo) -> [Throttle<'_>; 4] {
    [
        (&block_io.throttle_read_bps_device, "throttleReadBpsDevice", "read_bps_device", "rbps"),
        (&block_io.throttle_write_bps_device, "throttleWriteBpsDevice", "write_bps_device", "wbps"),
        (
            &block_io.throttle_read_iops_device,
            "throttleReadIOPSDevice",
            "read_iops_device",
            "riops",
        ),
        (
            &block_io.throttle_write_iops_device,
            "throttleWriteIOPSDevice",
            "write_iops_device",
            "wiops",
        ),
    ]
    .map(|(devices, field, v1, v2)| Throttle {
        devices: devices.as_deref().unwrap_or_default(),
        field,
        v1,
        v2,
    })
}

//! `linux.resources.blockIO` in version 2.
//!
//! Leaf weights have no counterpart and are left alone.

use crate::error::PlanError;
use crate::resources::Steps;
use crate::spec::BlockIo;
use crate::step::Step;
use crate::v1::blkio::{device_name, throttles};

const FIELD: &str = "linux.resources.blockIO";

pub(crate) fn steps(to: &mut Steps<'_>, block_io: &BlockIo) -> Result<(), PlanError> {
    if let Some(weight) = block_io.weight.filter(|weight| *weight != 0) {
        weight_step(to, "", weight, format!("{FIELD}.weight"))?;
    }
    for (index, device) in block_io.weight_device.iter().flatten().enumerate() {
        let field = format!("{FIELD}.weightDevice[{index}]");
        let name = device_name(device.major, device.minor, &field)?;
        if let Some(weight) = device.weight.filter(|weight| *weight != 0) {
            weight_step(to, &format!("{name} "), weight, field)?;
        }
    }
    for throttle in throttles(block_io) {
        for (index, device) in throttle.devices.iter().enumerate() {
            let field = format!("{FIELD}.{}[{index}]", throttle.field);
            let name = device_name(device.major, device.minor, &field)?;
            let data = format!("{name} {}={}", throttle.v2, rate(device.rate));
            to.write("io", "io.max", data, field)?;
        }
    }
    Ok(())
}

/// BFQ's own weights while it is there, which have the spec's scale; else the io controller's.
fn weight_step(
    to: &mut Steps<'_>,
    device: &str,
    weight: u16,
    field: String,
) -> Result<(), PlanError> {
    let bfq = format!("{device}{}", weight.clamp(1, 1000));
    let plain = format!("{device}{}", io_weight(weight));
    let bfq = to.make("io", "io.bfq.weight", bfq, field.clone())?;
    let plain = to.make("io", "io.weight", plain, field)?;
    to.steps.push(Step::FirstThatExists(vec![bfq, plain]));
    Ok(())
}

/// 10 to 1000 becomes 1 to 10000.
pub(crate) fn io_weight(weight: u16) -> u32 {
    1 + (u32::from(weight.clamp(10, 1000)) - 10) * 9999 / 990
}

/// 0 takes a throttle away in version 1; version 2 has a word for it.
fn rate(rate: u64) -> String {
    if rate == 0 { "max".to_owned() } else { rate.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        for (weight, expected) in
            [(1, 1), (10, 1), (100, 910), (500, 4950), (1000, 10_000), (u16::MAX, 10_000)]
        {
            assert_eq!(io_weight(weight), expected, "{weight}");
        }
    }

    #[test]
    fn rates() {
        for (value, expected) in [(0, "max"), (1, "1"), (u64::MAX, "18446744073709551615")] {
            assert_eq!(rate(value), expected);
        }
    }
}

//! `linux.resources` as properties of a unit (systemd.resource-control(5)): what systemd knows of it.

use std::borrow::Cow;

use super::devices;
use super::name::Placement;
use super::value::{Property, Value};
use crate::controllers::pids;
use crate::error::PlanError;
use crate::layout::Kind;
use crate::spec::{BlockIo, Cpu, Memory, Resources};
use crate::v2::{self, io};

/// The kernel's period of CPU quotas, if none is set, in microseconds.
const DEFAULT_PERIOD: u64 = 100_000;
/// Microseconds.
const SECOND: u128 = 1_000_000;
/// systemd keeps quotas in percents of a CPU: 10 ms in each second.
const PERCENT: u128 = 10_000;

/// What every unit gets.
pub(crate) fn of_unit(placement: &Placement) -> Vec<Property> {
    let yes = |name: &str| Property::new(name, Value::Bool(true));
    let text = |text: &str| Value::Text(text.to_owned());
    let description = format!("orun container {}", placement.unit);
    let mut properties = vec![Property::new("Description", text(&description))];
    if placement.is_slice() {
        let wants = Value::Array("s".to_owned(), vec![text(&placement.slice)]);
        properties.push(Property::new("Wants", wants));
    } else {
        properties.push(Property::new("Slice", text(&placement.slice)));
        properties.push(yes("Delegate"));
    }
    properties.extend([
        yes("MemoryAccounting"),
        yes("CPUAccounting"),
        yes("IOAccounting"),
        yes("TasksAccounting"),
        Property::new("DefaultDependencies", Value::Bool(false)),
    ]);
    properties
}

/// The limits of a new container.
pub(crate) fn of_create(
    kind: Kind,
    resources: &Resources<'_>,
    user: bool,
) -> Result<Vec<Property>, PlanError> {
    let mut properties = of_update(kind, resources)?;
    if !user {
        properties.extend(devices::properties(resources.devices.as_deref().unwrap_or_default())?);
    }
    let unified = resources.unified.as_ref();
    if unified.and_then(|files| files.get("memory.oom.group")).is_some_and(|value| value == "1") {
        properties.push(Property::optional("OOMPolicy", Value::Text("kill".to_owned())));
    }
    Ok(properties)
}

/// New limits; the caller has seen to it that a CPU period and a quota come together.
pub(crate) fn of_update(kind: Kind, resources: &Resources<'_>) -> Result<Vec<Property>, PlanError> {
    let mut properties = Vec::new();
    if let Some(memory) = &resources.memory {
        match kind {
            Kind::V2 => memory_v2(memory, &mut properties)?,
            Kind::V1 | Kind::Hybrid => {
                limit("MemoryLimit", v2::memory::max(memory.limit), &mut properties);
            }
        }
    }
    if let Some(cpu) = &resources.cpu {
        cpu_time(kind, cpu, &mut properties);
        quota(cpu.quota.unwrap_or(0), cpu.period.unwrap_or(0), &mut properties);
        cpu_list("AllowedCPUs", cpu.cpus.as_deref(), &mut properties);
        cpu_list("AllowedMemoryNodes", cpu.mems.as_deref(), &mut properties);
    }
    if let Some(max) = resources.pids.as_ref().and_then(|pids| pids.limit) {
        limit("TasksMax", Some(pids::max(max)), &mut properties);
    }
    if let Some(block_io) = &resources.block_io {
        match kind {
            Kind::V2 => io_v2(block_io, &mut properties),
            Kind::V1 | Kind::Hybrid => {
                let weight = block_io.weight.filter(|weight| *weight != 0);
                properties.extend(weight.map(|weight| number("BlockIOWeight", weight.into())));
            }
        }
    }
    if kind == Kind::V2 {
        for (file, value) in resources.unified.iter().flatten() {
            unified(file, value.trim(), &mut properties)?;
        }
    }
    Ok(properties)
}

fn memory_v2(memory: &Memory, to: &mut Vec<Property>) -> Result<(), PlanError> {
    limit("MemoryMax", v2::memory::max(memory.limit), to);
    limit("MemoryLow", v2::memory::max(memory.reservation), to);
    limit("MemorySwapMax", v2::memory::swap_max(memory.limit, memory.swap)?, to);
    Ok(())
}

fn cpu_time(kind: Kind, cpu: &Cpu<'_>, to: &mut Vec<Property>) {
    let shares = cpu.shares.unwrap_or(0);
    match kind {
        Kind::V2 if cpu.idle == Some(1) => to.push(idle()),
        Kind::V2 => to.extend(v2::cpu::weight(shares).map(|weight| number("CPUWeight", weight))),
        Kind::V1 | Kind::Hybrid => to.extend((shares != 0).then(|| number("CPUShares", shares))),
    }
}

fn io_v2(block_io: &BlockIo, to: &mut Vec<Property>) {
    let weight = |weight: Option<u16>| weight.filter(|weight| *weight != 0).map(io::io_weight);
    to.extend(weight(block_io.weight).map(|weight| number("IOWeight", weight.into())));
    let devices = block_io.weight_device.iter().flatten();
    let weights =
        devices.filter_map(|one| Some((one.major, one.minor, weight(one.weight)?.into())));
    to.extend(by_device("IODeviceWeight", weights.collect()));
    for (name, throttles) in [
        ("IOReadBandwidthMax", &block_io.throttle_read_bps_device),
        ("IOWriteBandwidthMax", &block_io.throttle_write_bps_device),
        ("IOReadIOPSMax", &block_io.throttle_read_iops_device),
        ("IOWriteIOPSMax", &block_io.throttle_write_iops_device),
    ] {
        let rate = |rate: u64| if rate == 0 { u64::MAX } else { rate };
        let list = throttles.iter().flatten().map(|one| (one.major, one.minor, rate(one.rate)));
        to.extend(by_device(name, list.collect()));
    }
}

/// A value for each block device.
fn by_device(name: &str, list: Vec<(i64, i64, u64)>) -> Option<Property> {
    let entry = |(major, minor, value): (i64, i64, u64)| {
        Value::Tuple(vec![Value::Text(format!("/dev/block/{major}:{minor}")), Value::U64(value)])
    };
    let entries: Vec<Value> = list.into_iter().map(entry).collect();
    (!entries.is_empty()).then(|| Property::new(name, Value::Array("(st)".to_owned(), entries)))
}

/// A weight of 0 is systemd's word for `cpu.idle` (systemd 252).
fn idle() -> Property {
    Property::optional("CPUWeight", Value::U64(0))
}

fn quota(quota: i64, period: u64, to: &mut Vec<Property>) {
    if quota == 0 && period == 0 {
        return;
    }
    if period != 0 {
        to.push(Property::optional("CPUQuotaPeriodUSec", Value::U64(period)));
    }
    to.push(number("CPUQuotaPerSecUSec", per_second(quota, period).unwrap_or(u64::MAX)));
}

/// The quota in microseconds of each second, rounded up to a whole percent; none without a limit.
fn per_second(quota: i64, period: u64) -> Option<u64> {
    let quota = u128::try_from(quota).ok().filter(|quota| *quota > 0)?;
    let exact = quota * SECOND / u128::from(if period == 0 { DEFAULT_PERIOD } else { period });
    u64::try_from(exact.div_ceil(PERCENT) * PERCENT).ok()
}

/// The CPU limits with a quota that systemd can keep: it writes what it has rounded whenever it likes,
/// and a sub-cgroup must be able to have what was asked for.
pub(crate) fn rounded<'r>(cpu: &Cpu<'r>) -> Cpu<'r> {
    let period = cpu.period.filter(|period| *period != 0).unwrap_or(DEFAULT_PERIOD);
    let quota = cpu.quota.map(|quota| match per_second(quota, period) {
        Some(rounded) => {
            i64::try_from(u128::from(rounded) * u128::from(period) / SECOND).unwrap_or(quota)
        }
        None => quota,
    });
    Cpu { quota, ..cpu.clone() }
}

/// A list of CPUs as a bit mask; one in another form than numbers and ranges is left to the files.
fn cpu_list(name: &str, list: Option<&str>, to: &mut Vec<Property>) {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return };
    to.extend(mask(list).map(|mask| Property::optional(name, Value::bytes(&mask))));
}

fn mask(list: &str) -> Option<Vec<u8>> {
    /// Numbers above are no CPUs (`CPU_SETSIZE` of systemd is no larger either).
    const MOST: usize = 8192;
    let mut mask = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        mask.resize(mask.len().max(last / 8 + 1), 0);
        (first..=last).for_each(|bit| mask[bit / 8] |= 1 << (bit % 8));
    }
    Some(mask)
}

/// A file of version 2, if systemd has a property for it.
fn unified(file: &str, value: &str, to: &mut Vec<Property>) -> Result<(), PlanError> {
    let refuse = || {
        let field = format!("linux.resources.unified.{file}");
        PlanError::new(field, format!("{value:?} is no value for this file"))
    };
    let whole = || value.parse::<u64>().map_err(|_| refuse());
    let amount = || if value == "max" { Ok(u64::MAX) } else { whole() };
    let property = match file {
        "cpu.max" => {
            let mut words = value.split_whitespace();
            let first = words.next().ok_or_else(refuse)?;
            let first = if first == "max" { -1 } else { first.parse().map_err(|_| refuse())? };
            let period = words.next().map_or(Ok(DEFAULT_PERIOD), |word| word.parse());
            quota(first, period.map_err(|_| refuse())?, to);
            return Ok(());
        }
        "cpuset.cpus" | "cpuset.mems" => {
            let cpus = file == "cpuset.cpus";
            cpu_list(if cpus { "AllowedCPUs" } else { "AllowedMemoryNodes" }, Some(value), to);
            return Ok(());
        }
        "cpu.idle" if whole()? == 1 => idle(),
        "cpu.weight" => number("CPUWeight", whole()?),
        "memory.min" => number("MemoryMin", amount()?),
        "memory.low" => number("MemoryLow", amount()?),
        "memory.high" => number("MemoryHigh", amount()?),
        "memory.max" => number("MemoryMax", amount()?),
        "memory.swap.max" => number("MemorySwapMax", amount()?),
        "memory.zswap.max" => Property::optional("MemoryZSwapMax", Value::U64(amount()?)),
        "pids.max" => number("TasksMax", amount()?),
        _ => return Ok(()),
    };
    to.push(property);
    Ok(())
}

fn number(name: &str, value: u64) -> Property {
    Property::new(name, Value::U64(value))
}

/// A limit that the files have as a number or as `max`.
fn limit(name: &str, text: Option<Cow<'static, str>>, to: &mut Vec<Property>) {
    to.extend(text.map(|text| number(name, text.parse().unwrap_or(u64::MAX))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, json: &str) -> Vec<String> {
        let resources: Resources<'_> = serde_json::from_str(json).unwrap();
        let properties = of_update(kind, &resources).unwrap();
        properties.iter().map(|one| format!("{}={}", one.name, one.value)).collect()
    }

    #[test]
    fn version_2() {
        for (json, expected) in [
            ("{}", ""),
            (r#"{"memory":{"limit":4096}}"#, "MemoryMax=4096"),
            (r#"{"memory":{"limit":-1}}"#, "MemoryMax=infinity MemorySwapMax=infinity"),
            (r#"{"memory":{"limit":4096,"swap":8192}}"#, "MemoryMax=4096 MemorySwapMax=4096"),
            (r#"{"memory":{"limit":4096,"swap":4096}}"#, "MemoryMax=4096 MemorySwapMax=0"),
            (r#"{"memory":{"reservation":4096}}"#, "MemoryLow=4096"),
            (r#"{"memory":{"limit":0}}"#, ""),
            (r#"{"cpu":{"shares":1024}}"#, "CPUWeight=100"),
            (r#"{"cpu":{"shares":0}}"#, ""),
            (r#"{"cpu":{"shares":1024,"idle":1}}"#, "CPUWeight=0"),
            (r#"{"cpu":{"quota":50000}}"#, "CPUQuotaPerSecUSec=500000"),
            (
                r#"{"cpu":{"quota":1000,"period":3000}}"#,
                "CPUQuotaPeriodUSec=3000 CPUQuotaPerSecUSec=340000",
            ),
            (r#"{"cpu":{"period":50000}}"#, "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity"),
            (r#"{"cpu":{"quota":-1}}"#, "CPUQuotaPerSecUSec=infinity"),
            (
                r#"{"cpu":{"cpus":"0-3,9","mems":"0"}}"#,
                "AllowedCPUs=[0x0f, 0x02] AllowedMemoryNodes=[0x01]",
            ),
            (r#"{"cpu":{"cpus":"0-7:2/4"}}"#, ""),
            (r#"{"pids":{"limit":0}}"#, "TasksMax=1"),
            (r#"{"pids":{"limit":-1}}"#, "TasksMax=infinity"),
            (r#"{"pids":{"limit":7}}"#, "TasksMax=7"),
            (r#"{"blockIO":{"weight":500}}"#, "IOWeight=4950"),
            (
                r#"{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":10}],
                    "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":5}],
                    "throttleWriteIOPSDevice":[{"major":8,"minor":1,"rate":0}]}}"#,
                "IODeviceWeight=[(\"/dev/block/8:0\", 1)] \
                 IOReadBandwidthMax=[(\"/dev/block/8:0\", 5)] \
                 IOWriteIOPSMax=[(\"/dev/block/8:1\", infinity)]",
            ),
            (
                r#"{"unified":{"cpu.max":"max 50000","memory.high":"max","pids.max":"5","io.max":"8:0 rbps=1"}}"#,
                "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity MemoryHigh=infinity TasksMax=5",
            ),
            (r#"{"unified":{"cpu.idle":"1"}}"#, "CPUWeight=0"),
            (r#"{"unified":{"cpu.idle":"0"}}"#, ""),
        ] {
            assert_eq!(of(Kind::V2, json).join(" "), expected, "{json}");
        }
    }

    #[test]
    fn version_1() {
        let json = r#"{"memory":{"limit":4096,"reservation":1},"cpu":{"shares":512},"blockIO":{"weight":500}}"#;
        assert_eq!(
            of(Kind::V1, json).join(" "),
            "MemoryLimit=4096 CPUShares=512 BlockIOWeight=500"
        );
    }

    #[test]
    fn refused_files() {
        for (file, value) in [
            ("cpu.max", ""),
            ("cpu.max", "a"),
            ("cpu.max", "1 b"),
            ("cpu.weight", "max"),
            ("memory.max", "1M"),
            ("pids.max", "-1"),
        ] {
            let error = unified(file, value, &mut Vec::new()).unwrap_err();
            assert_eq!(error.path, format!("linux.resources.unified.{file}"));
        }
    }

    #[test]
    fn quotas_are_rounded() {
        for (quota, period, expected) in [
            (1_234, Some(100_000), 2_000),
            (1_000, Some(3_000), 1_020),
            (50_000, None, 50_000),
            (1, None, 1_000),
            (-1, Some(5), -1),
            (0, Some(5), 0),
        ] {
            let cpu = Cpu { quota: Some(quota), period, ..Cpu::default() };
            assert_eq!(rounded(&cpu).quota, Some(expected), "{quota} of {period:?}");
        }
    }

    #[test]
    fn masks() {
        for (list, expected) in [
            ("0", Some(vec![1])),
            ("15", Some(vec![0, 0x80])),
            ("1-2, 8", Some(vec![6, 1])),
            ("2-1", None),
            ("a", None),
            ("99999999999", None),
            ("8192", None),
        ] {
            assert_eq!(mask(list), expected, "{list}");
        }
    }
}

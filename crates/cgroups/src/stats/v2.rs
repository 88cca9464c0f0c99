//! Statistics as version 2 has them.

use super::read::Files;
use super::{BlkioEntry, Hugetlb, MemoryEntry, Stats};
use crate::error::Error;

/// Nanoseconds in the microseconds of `cpu.stat`.
const MICROSECOND: u64 = 1000;

pub(super) fn cpu(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let table = files.table("cpu.stat")?;
    let get = |key| table.get(key).copied().unwrap_or(0);
    let time = |key| get(key).saturating_mul(MICROSECOND);
    stats.cpu.usage.total = time("usage_usec");
    stats.cpu.usage.user = time("user_usec");
    stats.cpu.usage.kernel = time("system_usec");
    stats.cpu.throttling.periods = get("nr_periods");
    stats.cpu.throttling.throttled_periods = get("nr_throttled");
    stats.cpu.throttling.throttled_time = time("throttled_usec");
    Ok(())
}

/// Swap is told with the memory added, as version 1 and its readers have it.
pub(super) fn memory(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let memory = &mut stats.memory;
    memory.raw = files.table("memory.stat")?;
    memory.cache = memory.raw.get("file").copied().unwrap_or(0);
    let met = |name: &str| -> Result<u64, Error> {
        Ok(files.table(name)?.get("max").copied().unwrap_or(0))
    };
    memory.usage = MemoryEntry {
        limit: files.limit("memory.max")?.unwrap_or(u64::MAX),
        usage: files.number("memory.current")?,
        max: files.number("memory.peak")?,
        failcnt: met("memory.events")?,
    };
    let swap_limit = files.limit("memory.swap.max")?.unwrap_or(u64::MAX);
    memory.swap = MemoryEntry {
        limit: memory.usage.limit.saturating_add(swap_limit),
        usage: memory.usage.usage.saturating_add(files.number("memory.swap.current")?),
        max: 0,
        failcnt: met("memory.swap.events")?,
    };
    Ok(())
}

pub(super) fn io(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let text = files.text("io.stat")?.unwrap_or_default();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let Some((major, minor)) = fields.next().and_then(|device| device.split_once(':')) else {
            continue;
        };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        for field in fields {
            let Some((key, Ok(value))) =
                field.split_once('=').map(|(key, value)| (key, value.parse()))
            else {
                continue;
            };
            let (list, op) = match key {
                "rbytes" => (&mut stats.blkio.io_service_bytes_recursive, "Read"),
                "wbytes" => (&mut stats.blkio.io_service_bytes_recursive, "Write"),
                "rios" => (&mut stats.blkio.io_serviced_recursive, "Read"),
                "wios" => (&mut stats.blkio.io_serviced_recursive, "Write"),
                _ => continue,
            };
            list.push(BlkioEntry { major, minor, op: op.to_owned(), value });
        }
    }
    Ok(())
}

pub(super) fn hugetlb(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    for size in super::v1::page_sizes(files, ".max")? {
        let current = files.text(&format!("hugetlb.{size}.rsvd.current"))?;
        let prefix = match current {
            Some(_) => format!("hugetlb.{size}.rsvd"),
            None => format!("hugetlb.{size}"),
        };
        // Events are counted for pages in use only.
        let events = files.table(&format!("hugetlb.{size}.events"))?;
        let pages = Hugetlb {
            usage: files.number(&format!("{prefix}.current"))?,
            max: 0,
            failcnt: events.get("max").copied().unwrap_or(0),
        };
        stats.hugetlb.insert(size, pages);
    }
    Ok(())
}

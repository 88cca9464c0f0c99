//! Statistics as version 1 has them.

use super::read::Files;
use super::{Blkio, BlkioEntry, Hugetlb, MemoryEntry, Stats};
use crate::error::{At, Error};
use crate::file;
use rustix::fs::{Dir, OFlags};

/// Nanoseconds in a tick of the files that count in `USER_HZ`, which is 100 on every architecture.
const TICK: u64 = 10_000_000;

pub(super) fn throttling(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let table = files.table("cpu.stat")?;
    let get = |key| table.get(key).copied().unwrap_or(0);
    stats.cpu.throttling.periods = get("nr_periods");
    stats.cpu.throttling.throttled_periods = get("nr_throttled");
    stats.cpu.throttling.throttled_time = get("throttled_time");
    Ok(())
}

pub(super) fn cpu_usage(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let usage = &mut stats.cpu.usage;
    usage.total = files.number("cpuacct.usage")?;
    let table = files.table("cpuacct.stat")?;
    let ticks = |key| table.get(key).copied().unwrap_or(0).saturating_mul(TICK);
    usage.user = ticks("user");
    usage.kernel = ticks("system");
    let percpu = files.text("cpuacct.usage_percpu")?.unwrap_or_default();
    usage.percpu = percpu.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    // The first line names the columns: cpu, user, system.
    let all = files.text("cpuacct.usage_all")?.unwrap_or_default();
    for line in all.lines().skip(1) {
        let mut fields = line.split(' ').skip(1).map(|n| n.parse().unwrap_or(0));
        usage.percpu_user.extend(fields.next());
        usage.percpu_kernel.extend(fields.next());
    }
    Ok(())
}

pub(super) fn cpuset(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let cpuset = &mut stats.cpuset;
    cpuset.cpus = list(&files.text("cpuset.cpus")?.unwrap_or_default());
    cpuset.mems = list(&files.text("cpuset.mems")?.unwrap_or_default());
    cpuset.cpu_exclusive = files.number("cpuset.cpu_exclusive")?;
    cpuset.mem_hardwall = files.number("cpuset.mem_hardwall")?;
    cpuset.mem_exclusive = files.number("cpuset.mem_exclusive")?;
    cpuset.memory_migrate = files.number("cpuset.memory_migrate")?;
    cpuset.memory_spread_page = files.number("cpuset.memory_spread_page")?;
    cpuset.memory_spread_slab = files.number("cpuset.memory_spread_slab")?;
    cpuset.memory_pressure = files.number("cpuset.memory_pressure")?;
    cpuset.sched_load_balance = files.number("cpuset.sched_load_balance")?;
    let level = files.text("cpuset.sched_relax_domain_level")?.unwrap_or_default();
    cpuset.sched_relax_domain_level = level.trim().parse().unwrap_or(0);
    Ok(())
}

pub(super) fn memory(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    let memory = &mut stats.memory;
    memory.raw = files.table("memory.stat")?;
    memory.cache = memory.raw.get("cache").copied().unwrap_or(0);
    let entry = |kind: &str| -> Result<MemoryEntry, Error> {
        Ok(MemoryEntry {
            limit: files.number(&format!("memory.{kind}limit_in_bytes"))?,
            usage: files.number(&format!("memory.{kind}usage_in_bytes"))?,
            max: files.number(&format!("memory.{kind}max_usage_in_bytes"))?,
            failcnt: files.number(&format!("memory.{kind}failcnt"))?,
        })
    };
    memory.usage = entry("")?;
    memory.swap = entry("memsw.")?;
    memory.kernel = entry("kmem.")?;
    memory.kernel_tcp = entry("kmem.tcp.")?;
    Ok(())
}

/// BFQ's account where it has one, else CFQ's (until Linux 5.0), else that of the throttles.
pub(super) fn blkio(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    for (prefix, suffix) in [
        ("blkio.bfq", "_recursive"),
        ("blkio", "_recursive"),
        ("blkio.throttle", "_recursive"),
        ("blkio.throttle", ""),
    ] {
        let read = |what: &str| -> Result<Vec<BlkioEntry>, Error> {
            let text = files.text(&format!("{prefix}.{what}{suffix}"))?.unwrap_or_default();
            Ok(text.lines().filter_map(blkio_entry).collect())
        };
        let io_service_bytes_recursive = read("io_service_bytes")?;
        let io_serviced_recursive = read("io_serviced")?;
        if !io_service_bytes_recursive.is_empty() || !io_serviced_recursive.is_empty() {
            stats.blkio = Blkio { io_service_bytes_recursive, io_serviced_recursive, psi: None };
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn hugetlb(files: &Files<'_>, stats: &mut Stats) -> Result<(), Error> {
    for size in page_sizes(files, ".limit_in_bytes")? {
        let prefix = match files.text(&format!("hugetlb.{size}.rsvd.usage_in_bytes"))? {
            Some(_) => format!("hugetlb.{size}.rsvd"),
            None => format!("hugetlb.{size}"),
        };
        let pages = Hugetlb {
            usage: files.number(&format!("{prefix}.usage_in_bytes"))?,
            max: files.number(&format!("{prefix}.max_usage_in_bytes"))?,
            failcnt: files.number(&format!("{prefix}.failcnt"))?,
        };
        stats.hugetlb.insert(size, pages);
    }
    Ok(())
}

/// The page sizes that the controller has files for: `hugetlb.SIZE` and the suffix.
pub(super) fn page_sizes(files: &Files<'_>, suffix: &str) -> Result<Vec<String>, Error> {
    let path = files.directory.below_root();
    let full = files.record.full(&path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = match file::open(files.root, &path, flags) {
        Err(rustix::io::Errno::NOENT) => return Ok(Vec::new()),
        result => result.at("open cgroup", &full)?,
    };
    let mut sizes = Vec::new();
    for entry in Dir::new(directory).at("list cgroup", &full)? {
        let entry = entry.at("list cgroup", &full)?;
        let name = entry.file_name().to_string_lossy();
        let size = name.strip_prefix("hugetlb.").and_then(|rest| rest.strip_suffix(suffix));
        sizes.extend(size.filter(|size| !size.contains('.')).map(str::to_owned));
    }
    Ok(sizes)
}

/// `8:0 Read 4096`; totals have no device.
fn blkio_entry(line: &str) -> Option<BlkioEntry> {
    let mut fields = line.split_whitespace();
    let (major, minor) = fields.next()?.split_once(':')?;
    Some(BlkioEntry {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
        op: fields.next()?.to_owned(),
        value: fields.next()?.parse().ok()?,
    })
}

/// The numbers of a list such as `0-3,7`.
fn list(text: &str) -> Vec<u16> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (text, expected) in [
            ("\n", &[][..]),
            ("0\n", &[0]),
            ("0-2,7\n", &[0, 1, 2, 7]),
            ("5-3", &[]),
            ("65535", &[65535]),
        ] {
            assert_eq!(list(text), expected, "{text:?}");
        }
    }

    #[test]
    fn blkio_entries() {
        let entry = BlkioEntry { major: 8, minor: 16, op: "Read".into(), value: 4096 };
        assert_eq!(blkio_entry("8:16 Read 4096"), Some(entry));
        assert_eq!(blkio_entry("Total 4096"), None);
    }
}

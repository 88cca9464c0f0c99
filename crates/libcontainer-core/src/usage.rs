//! `stats` and `top`: what containers use, side by side, for people and their scripts.

use std::collections::BTreeMap;
use std::time::Instant;

use cgroups::stats::{BlkioEntry, Psi, Stats};
use serde::Serialize;

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::network;
use crate::step::Step;
use crate::store::Store;

/// What one container uses; sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Name of the container.
    pub id: String,
    /// Status.
    pub status: &'static str,
    /// CPU time used, in nanoseconds.
    pub cpu_time: u64,
    /// Percents of one CPU used since the last look; absent at the first.
    pub cpu_percent: Option<f64>,
    /// Memory.
    pub memory: u64,
    /// Limit of memory; absent if there is none.
    pub memory_limit: Option<u64>,
    /// Most memory ever used, where the kernel tells.
    pub memory_peak: Option<u64>,
    /// Tasks.
    pub pids: u64,
    /// Limit of tasks; absent if there is none.
    pub pids_limit: Option<u64>,
    /// Read from block devices.
    pub block_read: u64,
    /// Written to block devices.
    pub block_write: u64,
    /// Received over the network.
    pub network_received: u64,
    /// Sent over the network.
    pub network_sent: u64,
    /// Percents of the last ten seconds in which some task waited for a CPU.
    pub cpu_pressure: Option<f64>,
    /// Percents of the last ten seconds in which some task waited for memory.
    pub memory_pressure: Option<f64>,
    /// Percents of the last ten seconds in which some task waited for a block device.
    pub io_pressure: Option<f64>,
}

/// Looks again and again; remembers the last look, which a rate needs.
#[derive(Debug, Default)]
pub struct Sampler {
    last: BTreeMap<String, (Instant, u64)>,
}

impl Sampler {
    /// What these containers use; all that are not stopped, if none is named.
    ///
    /// # Errors
    /// When a named container is not there or not running, and when a file cannot be read.
    pub fn sample(&mut self, store: &Store, ids: &[String]) -> Result<Vec<Usage>> {
        let all = if ids.is_empty() { store.ids()? } else { ids.to_vec() };
        let mut found = Vec::new();
        for id in all {
            let container = match Container::load(store, &id) {
                // It went away since it was listed.
                Err(error) if ids.is_empty() && error.step == Step::FindContainer => continue,
                other => other?,
            };
            if matches!(container.status, Status::Stopped | Status::Creating) {
                if ids.is_empty() {
                    continue;
                }
                return Err(Error::new(Step::CheckStatus, format!("container {id} not running")));
            }
            found.push(self.look(&container)?);
        }
        Ok(found)
    }

    fn look(&mut self, container: &Container) -> Result<Usage> {
        let now = Instant::now();
        let stats = cgroup_stats(container)?;
        let cpu_time = stats.cpu.usage.total;
        let before = self.last.insert(container.dir.id().to_owned(), (now, cpu_time));
        let cpu_percent = before.map(|(then, used)| {
            let nanoseconds = now.duration_since(then).as_nanos().max(1) as f64;
            cpu_time.saturating_sub(used) as f64 * 100.0 / nanoseconds
        });
        let interfaces = network::interfaces(container.state.pid);
        Ok(Usage {
            id: container.dir.id().to_owned(),
            status: container.status.word(),
            cpu_time,
            cpu_percent,
            memory: stats.memory.usage.usage,
            memory_limit: limit(stats.memory.usage.limit),
            memory_peak: Some(stats.memory.usage.max).filter(|peak| *peak > 0),
            pids: stats.pids.current,
            pids_limit: limit(stats.pids.limit),
            block_read: total(&stats.blkio.io_service_bytes_recursive, "Read"),
            block_write: total(&stats.blkio.io_service_bytes_recursive, "Write"),
            network_received: interfaces.iter().map(|one| one.rx_bytes).sum(),
            network_sent: interfaces.iter().map(|one| one.tx_bytes).sum(),
            cpu_pressure: some(stats.cpu.psi.as_ref()),
            memory_pressure: some(stats.memory.psi.as_ref()),
            io_pressure: some(stats.blkio.psi.as_ref()),
        })
    }
}

/// What the container's cgroup tells; of a container without one, nothing.
pub fn cgroup_stats(container: &Container) -> Result<Stats> {
    match &container.state.cgroup {
        Some(record) => record.stats().map_err(|error| cgroup_failed(Step::Cgroup, &error)),
        None => Ok(Stats::default()),
    }
}

/// 0 is no limit, and so is what version 1 has for that: the largest number of pages, in bytes.
fn limit(value: u64) -> Option<u64> {
    Some(value).filter(|value| (1..1 << 62).contains(value))
}

fn total(entries: &[BlkioEntry], op: &str) -> u64 {
    entries.iter().filter(|entry| entry.op == op).map(|entry| entry.value).sum()
}

fn some(pressure: Option<&Psi>) -> Option<f64> {
    pressure.map(|pressure| pressure.some.avg10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        for (value, expected) in
            [(0, None), (1, Some(1)), (u64::MAX, None), (9_223_372_036_854_771_712, None)]
        {
            assert_eq!(limit(value), expected, "{value}");
        }
    }

    #[test]
    fn totals() {
        let entry = |op: &str, value| BlkioEntry { major: 8, minor: 0, op: op.to_owned(), value };
        let entries = [entry("Read", 1), entry("Write", 2), entry("Read", 4), entry("Total", 7)];
        assert_eq!((total(&entries, "Read"), total(&entries, "Write")), (5, 2));
    }
}

//! `events`: what a container uses, and when it ran out of memory, as JSON lines in runc's form.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use ::namespaces::poll;
use cgroups::stats::Stats;
use rustix::event::{PollFd, PollFlags, Timespec};
use serde::Serialize;

use crate::container::{Container, Status};
use crate::error::{At, Error, Result, cgroup_failed};
use crate::network::{self, Interface};
use crate::step::Step;
use crate::usage::cgroup_stats;

/// One line.
#[derive(Debug, Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Debug, Serialize)]
struct Data {
    #[serde(flatten)]
    cgroup: Stats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    network_interfaces: Vec<Interface>,
}

impl Event<'_> {
    fn line(&self) -> String {
        // A struct of numbers and strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What the container uses now, as one line.
pub fn stats(container: &Container) -> Result<String> {
    if matches!(container.status, Status::Stopped | Status::Creating) {
        let words = format!("container with id {} is not running", container.state.id);
        return Err(Error::new(Step::CheckStatus, words));
    }
    let cgroup = cgroup_stats(container)?;
    let data = Data { cgroup, network_interfaces: network::interfaces(container.state.pid) };
    Ok(Event { kind: "stats", id: container.dir.id(), data: Some(data) }.line())
}

/// Gives a line of statistics at every interval, and one when memory ran out, until the container ends.
///
/// `emit` returns false when nobody reads any more.
pub fn watch(
    container: &Container,
    interval: Duration,
    emit: &mut dyn FnMut(&str) -> bool,
) -> Result<()> {
    stats(container)?;
    let id = container.dir.id();
    let Some(init) = container.live() else { return Ok(()) };
    let oom = container.state.cgroup.as_ref().map_or(Ok(None), |record| {
        record.watch_oom().map_err(|error| cgroup_failed(Step::Cgroup, &error))
    })?;
    let mut next = Instant::now() + interval;
    loop {
        let left = next.saturating_duration_since(Instant::now());
        let timeout =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut fds = vec![PollFd::from_borrowed_fd(init.as_fd(), PollFlags::IN)];
        fds.extend(oom.iter().map(|oom| PollFd::new(oom, PollFlags::IN)));
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno).at(Step::Wait, id),
        }
        let ended = !fds[0].revents().is_empty();
        let out_of_memory = oom.as_ref().is_some_and(|oom| oom.happened());
        if out_of_memory && !emit(&Event { kind: "oom", id, data: None }.line()) {
            return Ok(());
        }
        if ended {
            return Ok(());
        }
        if Instant::now() >= next {
            next += interval;
            // It may end between the two looks.
            let Ok(line) = stats(container) else { return Ok(()) };
            if !emit(&line) {
                return Ok(());
            }
        }
    }
}

//! `events`: what a container uses, and when it ran out of memory, as JSON lines in runc's form.

use std::time::{Duration, Instant};

use cgroups::stats::Stats;
use rustix::time::{ClockId, Timespec};
use serde::Serialize;

use crate::container::{Container, Status};
use crate::error::{Error, Result, cgroup_failed};
use crate::pause::cgroup;
use crate::step::Step;
use crate::store::Store;

/// How often the kernel is asked whether memory ran out, and whether the container is there.
const LOOK: Duration = Duration::from_millis(100);

/// One line.
#[derive(Debug, Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Stats>,
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
    let data = cgroup(container)?.stats().map_err(|error| cgroup_failed(Step::Cgroup, &error))?;
    Ok(Event { kind: "stats", id: container.dir.id(), data: Some(data) }.line())
}

/// Gives a line of statistics at every interval, and one when memory ran out, until the container ends.
///
/// `emit` returns false when nobody reads any more.
pub fn watch(
    store: &Store,
    id: &str,
    interval: Duration,
    emit: &mut dyn FnMut(&str) -> bool,
) -> Result<()> {
    let container = Container::load(store, id)?;
    stats(&container)?;
    let record = cgroup(&container)?.clone();
    let mut killed = record.oom_killed();
    let mut next = Instant::now() + interval;
    loop {
        sleep(LOOK.min(interval));
        let now_killed = record.oom_killed();
        if now_killed && !killed && !emit(&Event { kind: "oom", id, data: None }.line()) {
            return Ok(());
        }
        killed = now_killed;
        let container = match Container::load(store, id) {
            Err(error) if error.step == Step::FindContainer => return Ok(()),
            other => other?,
        };
        if container.status == Status::Stopped {
            return Ok(());
        }
        if Instant::now() >= next {
            next += interval;
            // It may end between the two looks.
            let Ok(line) = stats(&container) else { return Ok(()) };
            if !emit(&line) {
                return Ok(());
            }
        }
    }
}

fn sleep(time: Duration) {
    let request = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
    // An interrupted sleep is as good.
    let _ = rustix::thread::clock_nanosleep_relative(ClockId::Monotonic, &request);
}

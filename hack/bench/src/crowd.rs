//! What else there is on a host: other mounts and other processes, and what they cost.

use crate::bundle::{Bundle, make_directory};
use crate::config::Config;
use crate::field::{Field, Row, Setup};
use crate::lifecycle::{Container, Turn};
use crate::scenario::Outcome;
use bench_sys::sys;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid,
};
use std::path::PathBuf;

const MANY: usize = 1000;
/// The command, and its rows: on the empty host, among the mounts, among the processes.
const ROWS: [[&str; 3]; 4] = [
    ["run", "run, 1000 mounts", "run, 1000 processes"],
    ["create", "create, 1000 mounts", "create, 1000 processes"],
    ["exec", "exec, 1000 mounts", "exec, 1000 processes"],
    ["delete", "delete, 1000 mounts", "delete, 1000 processes"],
];

/// Each round measures without, among mounts, and among processes.
pub fn measure(setup: &Setup) -> Result<Outcome, String> {
    let mut field = Field::of(setup);
    field.rounds(setup, |field, round| {
        for kind in 0..3 {
            let crowd = match kind {
                1 => Crowd::mounts(setup.bundle)?,
                2 => Crowd::processes()?,
                _ => Crowd::default(),
            };
            field.turn(round, |runtime| {
                let (bundle, config) = (setup.bundle, Config::Default);
                let turn = Container { runtime, bundle, config, id: "bench" }.timed()?;
                Ok(rename(turn, kind))
            })?;
            drop(crowd);
        }
        Ok(())
    })?;
    let rows = ROWS.iter().flat_map(|[plain, others @ ..]| {
        let other = |&name| Row { name, than: Some(*plain), charted: false };
        let plain = Row { name: plain, than: None, charted: false };
        [plain].into_iter().chain(others.iter().map(other))
    });
    Ok(Outcome::of(field, rows.collect()))
}

/// The commands that are in [`ROWS`], by the names of their rows.
fn rename(turn: Turn, kind: usize) -> Turn {
    let row = |name| ROWS.iter().find(|row| row[0] == name).map(|row| row[kind]);
    turn.into_iter().filter_map(|(name, time)| Some((row(name)?, time))).collect()
}

/// Mounts or processes that are gone when dropped.
#[derive(Default)]
struct Crowd {
    below: Option<PathBuf>,
    processes: Vec<Pid>,
}

impl Crowd {
    /// Mounts a directory a thousand times, below one mount that takes all of them away.
    fn mounts(bundle: &Bundle) -> Result<Crowd, String> {
        let dir = bundle.path("crowd");
        make_directory(&dir)?;
        let failed = |what: &PathBuf, e| format!("{}: {e}", what.display());
        mount("tmpfs", &dir, "tmpfs", MountFlags::empty(), c"mode=755")
            .map_err(|e| failed(&dir, e))?;
        let crowd = Crowd { below: Some(dir.clone()), processes: Vec::new() };
        for number in 0..MANY {
            let target = dir.join(number.to_string());
            make_directory(&target)?;
            mount_bind(&target, &target).map_err(|e| failed(&target, e))?;
        }
        Ok(crowd)
    }

    /// Processes that sleep.
    fn processes() -> Result<Crowd, String> {
        let mut crowd = Crowd::default();
        for _ in 0..MANY {
            let pid = sys::clone3(0, None).map_err(|e| format!("clone3: {e}"))?;
            match Pid::from_raw(pid) {
                Some(pid) => crowd.processes.push(pid),
                None => sleep_until_killed(),
            }
        }
        Ok(crowd)
    }
}

fn sleep_until_killed() -> ! {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    loop {
        rustix::event::pause();
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Some(dir) = &self.below {
            let _ = unmount(dir, UnmountFlags::DETACH);
        }
        for &pid in &self.processes {
            let _ = kill_process(pid, Signal::KILL);
        }
        for &pid in &self.processes {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn rows_of_the_crowd() {
        let time = Duration::from_millis(1);
        let turn = vec![("run", time), ("state", time), ("exec", time)];
        assert_eq!(rename(turn, 1), [("run, 1000 mounts", time), ("exec, 1000 mounts", time)]);
    }
}

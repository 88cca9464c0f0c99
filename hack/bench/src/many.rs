//! Many containers alive: `list`, and the life of one more.

use crate::bundle::Bundle;
use crate::config::Config;
use crate::field::{Field, Row, Setup};
use crate::lifecycle::{Container, Turn, timed};
use crate::runtime::Runtime;
use crate::scenario::Outcome;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::fs;
use std::time::{Duration, Instant};

/// How many containers of each runtime there are, and the row of `list`.
const SIZES: [(usize, &str); 3] = [(1, "list of 1"), (100, "list of 100"), (1000, "list of 1000")];
/// A command, its row without others and its row with the last of [`SIZES`].
const ROWS: [[&str; 3]; 3] = [
    ["create", "create beside 0", "create beside 1000"],
    ["state", "state beside 0", "state beside 1000"],
    ["delete", "delete beside 0", "delete beside 1000"],
];

/// Every runtime has its own state directory; the containers of all of them are there at once.
pub fn measure(setup: &Setup) -> Result<Outcome, String> {
    let mut field = Field::of(setup);
    let mut crowds: Vec<Crowd> = field.runtimes.iter().map(|r| Crowd::of(setup, r)).collect();
    field.rounds(setup, |field, round| field.turn(round, |runtime| one_more(setup, runtime, 1)))?;
    for (size, row) in SIZES {
        for crowd in &mut crowds {
            if let Err(why) = crowd.grow(size, setup.cap) {
                // Its figures so far still stand in the rows of fewer containers.
                field.notes.push(format!("{}: not with {size}: {why}", crowd.runtime.name));
                field.runtimes.retain(|r| r.name != crowd.runtime.name);
            }
        }
        field.rounds(setup, |field, round| {
            field.turn(round, |runtime| Ok(vec![(row, timed(runtime, setup.bundle, "list")?)]))
        })?;
    }
    field.rounds(setup, |field, round| field.turn(round, |runtime| one_more(setup, runtime, 2)))?;
    drop(crowds);
    let lists = SIZES.iter().map(|&(size, name)| Row { name, than: None, charted: size == 1000 });
    let others = ROWS.iter().flat_map(|&[_, alone, beside]| {
        let than = Some(alone);
        [
            Row { name: alone, than: None, charted: false },
            Row { name: beside, than, charted: beside == ROWS[0][2] },
        ]
    });
    Ok(Outcome::of(field, lists.chain(others).collect()))
}

/// The life of a container, with the names of that column of [`ROWS`].
fn one_more(setup: &Setup, runtime: &Runtime, column: usize) -> Result<Turn, String> {
    let (bundle, config, id) = (setup.bundle, Config::Default, "bench");
    let container = Container { runtime, bundle, config, id };
    let mut turn = Vec::new();
    let mut each = |name: &str, words: &str| {
        let time = timed(runtime, bundle, words)?;
        let row = ROWS.iter().find(|row| row[0] == name);
        turn.extend(row.map(|row| (row[column], time)));
        Ok::<(), String>(())
    };
    each("create", &container.create_words())?;
    each("state", &format!("state {id}"))?;
    each("kill", &format!("kill {id} KILL"))?;
    container.wait()?;
    each("delete", &format!("delete {id}"))?;
    Ok(turn)
}

/// The containers of one runtime; killed, and their cgroups removed, when dropped.
///
/// Not with the runtime's `delete`: that would take minutes. Its state directory goes with the
/// bundles.
struct Crowd<'a> {
    bundle: &'a Bundle,
    runtime: &'a Runtime,
    members: Vec<Pid>,
    took: Duration,
}

impl<'a> Crowd<'a> {
    fn of(setup: &'a Setup<'a>, runtime: &'a Runtime) -> Crowd<'a> {
        Crowd { bundle: setup.bundle, runtime, members: Vec::new(), took: Duration::ZERO }
    }

    /// Makes containers until there are `size`, or time is over.
    fn grow(&mut self, size: usize, cap: Duration) -> Result<(), String> {
        let Crowd { bundle, runtime, .. } = *self;
        while self.members.len() < size {
            if self.took > cap {
                let (made, seconds) = (self.members.len(), self.took.as_secs());
                return Err(format!("{made} containers took {seconds} s"));
            }
            let id = format!("many-{}", self.members.len());
            let container = Container { runtime, bundle, config: Config::Default, id: &id };
            let start = Instant::now();
            timed(runtime, bundle, &container.run_words())?;
            self.took += start.elapsed();
            self.members.push(container.pid()?);
            // This one stays when it is dropped.
            std::mem::forget(container);
        }
        Ok(())
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        for &pid in &self.members {
            let cgroups = crate::cgroup_view::directories_of(pid);
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
            for directory in cgroups {
                // Some are of no container: those are not empty, and stay.
                let _ = fs::remove_dir(directory);
            }
        }
    }
}

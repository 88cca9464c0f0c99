//! `kill -9` at any moment, as often as can be.

use std::time::{Duration, Instant, SystemTime};

use behaviour::Bundle;

use crate::{all, nothing_is_left};

pub const CASES: &[(&str, fn())] =
    &[("random::kills_of_create", kills_of_create), ("random::kills_of_run", kills_of_run)];

fn kills_of_create() {
    kills(&|container| container.create_call(&[]));
}

fn kills_of_run() {
    kills(&|container| container.run_call(&["--detach"]));
}

fn kills(call: &dyn Fn(&Bundle) -> behaviour::Call) {
    let mut container = Bundle::new().steps(&["sleep"]);
    let start = Instant::now();
    call(&container).finish().ok();
    let usual = start.elapsed().min(Duration::from_millis(200));
    container.delete_force().ok();
    let mut random = Random::new();
    for round in 0..if all() { 500 } else { 125 } {
        let delay = usual.mul_f64(random.next() * 1.25);
        let command = call(&container).spawn();
        std::thread::sleep(delay);
        // It may have ended, and is not reaped yet.
        command.signal("KILL");
        let _ = command.wait();
        container.call("list").finish().ok();
        container.delete_force().ok();
        nothing_is_left(&container, &format!("kill {round} after {delay:?}"));
        container.delete_force().ok();
        if round % 10 == 0 {
            container.create().ok();
            container.delete_force().ok();
        }
    }
}

/// xorshift; a test needs no better one.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Random(now.as_nanos() as u64 | 1)
    }

    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

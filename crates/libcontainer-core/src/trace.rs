//! A timeline of what is done on both sides of the clone, for `--trace`: Chrome's trace event format,
//! which Perfetto and `chrome://tracing` show.
//!
//! A phase ends where the next one begins; spans lie within phases. When nobody asked for it, each of
//! them costs a look at a flag.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whether anybody asked.
static ON: AtomicBool = AtomicBool::new(false);
static TIMELINE: Mutex<Timeline> =
    Mutex::new(Timeline { side: RUNTIME, phase: None, events: Vec::new() });

const RUNTIME: u8 = 0;
const INIT: u8 = 1;
/// The names of the sides, as rows of the timeline.
const SIDES: [&str; 2] = ["runtime", "container init"];
/// How much goes into one message of the init pipe, well below its limit.
const CHUNK: usize = 8 * 1024;

struct Timeline {
    side: u8,
    phase: Option<(&'static str, u64)>,
    events: Vec<Event>,
}

/// Something that took time; nanoseconds of the monotonic clock, which both sides share.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Event(u8, String, u64, u64);

/// Begins to take notes.
pub fn start() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether notes are taken.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Ends the phase before, and begins this one.
pub fn phase(name: &'static str) {
    if is_on() {
        with(|timeline| {
            let now = now();
            timeline.close(now);
            timeline.phase = Some((name, now));
        });
    }
}

/// From here to the end of the value; the name is only made when notes are taken.
#[must_use]
pub fn span(name: impl FnOnce() -> String) -> Option<Span> {
    is_on().then(|| Span { name: name(), start: now() })
}

/// Notes what it is from when to when it is dropped.
#[derive(Debug)]
pub struct Span {
    name: String,
    start: u64,
}

impl Drop for Span {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        with(|timeline| timeline.events.push(Event(timeline.side, name, self.start, now())));
    }
}

/// In the new process: what is noted from here on is its own.
pub fn change_sides() {
    if is_on() {
        with(|timeline| *timeline = Timeline { side: INIT, phase: None, events: Vec::new() });
    }
}

/// What was noted until now, in pieces for the init pipe; none when no notes are taken.
pub fn take() -> Vec<Vec<u8>> {
    if !is_on() {
        return Vec::new();
    }
    with(|timeline| {
        timeline.close(now());
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        for event in timeline.events.drain(..) {
            // A struct of numbers and strings always has a JSON form.
            let line = serde_json::to_vec(&event).unwrap_or_default();
            match pieces.last_mut() {
                Some(piece) if piece.len() + line.len() < CHUNK => {
                    piece.push(b'\n');
                    piece.extend(line);
                }
                _ => pieces.push(line),
            }
        }
        // A piece that is one huge name would not fit.
        pieces.retain(|piece| piece.len() < CHUNK);
        pieces
    })
}

/// Adds what the other side noted.
pub fn adopt(piece: &[u8]) {
    let events =
        piece.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    with(|timeline| timeline.events.extend(events));
}

/// The timeline as a document; microseconds from its first event on.
pub fn document() -> String {
    with(|timeline| {
        timeline.close(now());
        let first = timeline.events.iter().map(|event| event.2).min().unwrap_or(0);
        let micro = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        let rows = SIDES.iter().enumerate().map(|(side, name)| {
            json!({"ph": "M", "pid": 1, "tid": side, "name": "thread_name", "args": {"name": name}})
        });
        let events = timeline.events.iter().map(|Event(side, name, start, end)| {
            json!({
                "ph": "X", "pid": 1, "tid": side, "name": name,
                "ts": micro(start - first), "dur": micro(end - start),
            })
        });
        let all: Vec<Value> = rows.chain(events).collect();
        format!("{:#}\n", json!({"displayTimeUnit": "ns", "traceEvents": all}))
    })
}

impl Timeline {
    fn close(&mut self, now: u64) {
        if let Some((name, start)) = self.phase.take() {
            self.events.push(Event(self.side, name.to_owned(), start, now));
        }
    }
}

fn with<T>(work: impl FnOnce(&mut Timeline) -> T) -> T {
    // There is one thread; a panic in another test's does no harm to the list.
    work(&mut TIMELINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, as the timeline is one for the program.
    #[test]
    fn a_timeline_of_two_sides() {
        phase("nobody asked");
        assert!(span(|| unreachable!()).is_none());
        assert!(take().is_empty());

        start();
        phase("init works");
        change_sides();
        phase("join");
        drop(span(|| "mount /proc".to_owned()));
        phase("build root");
        for index in 0..1000 {
            drop(span(|| format!("mount {index}")));
        }
        let pieces = take();
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() < CHUNK));
        pieces.iter().for_each(|piece| adopt(piece));
        let document: Value = serde_json::from_str(&document()).unwrap();
        let events = document["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 2 + 1003);
        let one = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
        assert_eq!(one("join")["tid"], 1);
        let end = |event: &Value| event["ts"].as_f64().unwrap() + event["dur"].as_f64().unwrap();
        assert!(end(one("mount /proc")) <= end(one("join")));
        assert!(one("mount 999")["ts"].as_f64() >= one("build root")["ts"].as_f64());
        ON.store(false, Ordering::Relaxed);
    }
}

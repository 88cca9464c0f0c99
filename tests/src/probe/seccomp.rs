//! System calls of other ABIs, and what becomes of a call that a filter decides on.

use std::thread;
use std::time::{Duration, Instant};

use behaviour::sys::{self, seccomp};
use serde_json::{Value, json};

use crate::{failure, outcome};

/// `mkdir` of the i386 ABI, by `int 0x80`.
pub fn mkdir_i386(path: &str) -> Value {
    const MKDIR: u32 = 39;
    outcome(seccomp::call_i386(MKDIR, [seccomp::low_copy(path), 0o755, 0]))
}

/// `mkdir` of the x32 ABI.
pub fn mkdir_x32(path: &str) -> Value {
    const MKDIR: i64 = 0x4000_0000 + 83;
    outcome(sys::call(MKDIR, [seccomp::low_copy(path) as usize, 0o755, 0, 0, 0, 0]))
}

/// What the handler of SIGSYS gets for a call.
pub fn trapped(number: &str, arguments: &[&str]) -> Value {
    let (number, arguments) = numbers(number, arguments);
    seccomp::trapped(number, arguments)
        .map_or(Value::Null, |(number, arch)| json!({ "number": number, "arch": arch }))
}

/// What a tracer gets for a call.
pub fn traced(number: &str, arguments: &[&str]) -> Value {
    let (number, arguments) = numbers(number, arguments);
    seccomp::traced(number, arguments).map_or_else(failure, Value::from)
}

/// How many threads are left when one of two has made a call.
pub fn call_in_thread(number: &str, arguments: &[&str]) -> Value {
    let (number, arguments) = numbers(number, arguments);
    // It stays when the call returns, and can only be gone by the filter.
    let made = thread::Builder::new().spawn(move || {
        let _ = sys::call(number, arguments);
        thread::sleep(Duration::from_secs(60));
    });
    if let Err(error) = made {
        return failure(error);
    }
    let deadline = Instant::now() + Duration::from_secs(1);
    while threads() > 1 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    threads().into()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn numbers(number: &str, arguments: &[&str]) -> (i64, [usize; 6]) {
    let mut words = [0; 6];
    for (word, text) in words.iter_mut().zip(arguments) {
        *word = text.parse().unwrap_or(0);
    }
    (number.parse().unwrap_or(-1), words)
}

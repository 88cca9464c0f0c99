//! Steps that act on the process itself: it waits, dies, eats, multiplies.

use std::time::Duration;

use behaviour::{names, sys};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::{outcome, say};

/// Does the action, or ends the program with status 64 when there is none of that name.
pub fn act(verb: &str, operands: &str, words: &[&str]) -> Value {
    match (verb, words) {
        ("print", _) => {
            say(operands);
            "ok".into()
        }
        ("complain", _) => {
            eprintln!("{operands}");
            "ok".into()
        }
        ("sleep", []) => sleep_forever(),
        ("sleep", [milliseconds]) => {
            std::thread::sleep(Duration::from_millis(number(milliseconds)));
            "ok".into()
        }
        ("exit", [status]) => std::process::exit(number(status) as i32),
        ("raise", [signal]) => kill(&std::process::id().to_string(), signal),
        ("kill", [pid, signal]) => kill(pid, signal),
        ("trap", [count]) => trap(number(count)),
        ("spin", []) => spin(),
        ("eat", [mebibytes]) => eat(number(mebibytes)),
        ("fork", [count]) => fork(number(count)),
        ("notify", _) => outcome(notify(operands)),
        ("chdir", [path]) => outcome(rustix::process::chdir(*path)),
        ("chroot", [path]) => outcome(rustix::process::chroot(*path)),
        _ => {
            eprintln!("probe: no such step: {verb} {operands}");
            std::process::exit(64);
        }
    }
}

/// Tells `NOTIFY_SOCKET` something; `;` parts lines.
fn notify(text: &str) -> std::io::Result<usize> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    let path = std::env::var("NOTIFY_SOCKET").unwrap_or_default();
    socket.send_to(text.replace(';', "\n").as_bytes(), path)
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| {
        eprintln!("probe: not a number: {word}");
        std::process::exit(64);
    })
}

fn sleep_forever() -> ! {
    say(&json!({ "step": "sleep", "result": "asleep" }).to_string());
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn kill(pid: &str, signal: &str) -> Value {
    let pid = Pid::from_raw(number(pid) as i32);
    let signal = names::signal_number(signal).and_then(Signal::from_named_raw);
    match (pid, signal) {
        (Some(pid), Some(signal)) => outcome(rustix::process::kill_process(pid, signal)),
        _ => "EINVAL".into(),
    }
}

/// Reports `count` signals as they come; `ready` is printed when none can be missed any more.
fn trap(count: u64) -> Value {
    sys::block_signals();
    say(&json!({ "step": "trap", "result": "ready" }).to_string());
    let signals: Vec<String> = (0..count)
        .map(|_| {
            let name = names::signal(sys::next_signal());
            say(&json!({ "step": "signal", "result": name }).to_string());
            name
        })
        .collect();
    signals.into()
}

/// Allocates memory and touches every page of it, one MiB at a time.
fn eat(mebibytes: u64) -> Value {
    let mut eaten = Vec::new();
    for _ in 0..mebibytes {
        let mut piece = Vec::<u8>::new();
        if piece.try_reserve_exact(1 << 20).is_err() {
            return json!(eaten.len());
        }
        piece.resize(1 << 20, 1);
        eaten.push(std::hint::black_box(piece));
    }
    json!(eaten.len())
}

/// Forks children that stay, until `count` or an error; kills them and tells how many there were.
fn fork(count: u64) -> Value {
    let mut children = Vec::new();
    let mut error = Value::Null;
    for _ in 0..count {
        match sys::fork_sleeper() {
            Ok(pid) => children.push(pid),
            Err(failure) => {
                error = names::errno(failure.raw_os_error()).into();
                break;
            }
        }
    }
    for child in &children {
        kill(&child.to_string(), "KILL");
    }
    json!({ "children": children.len(), "error": error })
}

//! Raw system calls, mounts, and the network's loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use behaviour::sys;
use rustix::mount::{MountFlags, UnmountFlags};
use serde_json::Value;

use crate::{failure, outcome};

/// Makes a system call by number with numbers as arguments; the answer is its result or error.
pub fn call(number: &str, arguments: &[&str]) -> Value {
    let mut words = [0; 6];
    for (word, text) in words.iter_mut().zip(arguments) {
        *word = text.parse::<i64>().unwrap_or(0) as usize;
    }
    let Ok(number) = number.parse() else {
        return "EINVAL".into();
    };
    sys::call(number, words).map_or_else(failure, Value::from)
}

pub fn mount(kind: &str, path: &str) -> Value {
    outcome(rustix::mount::mount(kind, path, kind, MountFlags::empty(), None))
}

pub fn umount(path: &str) -> Value {
    outcome(rustix::mount::unmount(path, UnmountFlags::DETACH))
}

/// Tries to make a read-only mount writable again.
pub fn remount_writable(path: &str) -> Value {
    outcome(rustix::mount::mount_remount(path, MountFlags::BIND, ""))
}

/// Sends a byte to itself over 127.0.0.1.
pub fn loopback() -> Value {
    outcome(send_to_self())
}

fn send_to_self() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    sender.write_all(b"x")?;
    listener.accept()?.0.read_exact(&mut [0])
}

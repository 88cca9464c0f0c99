//! Any packet on the init pipe is a message or an error: what is at the other end may be the image's program.
//!
//! The first byte says whether a descriptor comes with it.
#![no_main]

use std::os::fd::AsFd;

use libcontainer_core::sync::{pair, send_with_fd};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, packet)) = data.split_first() else { return };
    if packet.is_empty() || packet.len() > 16 * 1024 {
        return;
    }
    let (ours, theirs) = pair().expect("a pipe");
    let null = std::fs::File::open("/dev/null").expect("the null device");
    let fd = (first % 2 == 1).then(|| null.as_fd());
    send_with_fd(theirs.as_fd(), packet, fd).expect("send");
    if let Err(error) = ours.receive() {
        assert!(!error.to_string().is_empty());
    }
});

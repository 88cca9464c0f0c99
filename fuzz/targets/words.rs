//! Any words are understood as a command line or refused with a message. A line of the input is a word.
#![no_main]
#![allow(dead_code, reason = "the modules of the command, of which this uses a part")]

#[path = "../../crates/cli/src/parse.rs"]
mod parse;
#[path = "../../crates/cli/src/table/mod.rs"]
mod table;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let words = data.split(|byte| *byte == b'\n').map(|word| OsStr::from_bytes(word).to_owned());
    match parse::parse(words) {
        Ok(invocation) => {
            if let Some(name) = invocation.command {
                assert!(table::command(name).is_some());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

//! What commands and containers write.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::sandbox;

/// A container may write as much as it likes; a test reads this much of it.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// What a command and a container that outlives it write: a file, so that nobody has to read it.
#[derive(Debug)]
pub struct Output(File);

impl Output {
    pub(crate) fn new() -> Output {
        Output(tempfile::tempfile_in(sandbox::work()).expect("make a file for the output"))
    }

    pub(crate) fn of(file: File) -> Output {
        Output(file)
    }

    pub(crate) fn file(&self) -> File {
        self.0.try_clone().expect("duplicate the output file")
    }

    /// What has been written so far, the first MiB of it.
    pub fn text(&self) -> String {
        let size = self.0.metadata().map_or(0, |data| data.len().min(OUTPUT_LIMIT));
        let mut bytes = vec![0; size as usize];
        let count = self.0.read_at(&mut bytes, 0).expect("read the output");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Waits until `text` has been written; panics after 10 s.
    pub fn wait_for(&self, text: &str) {
        crate::host::eventually(&format!("{text:?} in the output"), || self.text().contains(text));
    }
}

//! A shell script of a test: how it ended, and what it must have done.

use std::fmt;

/// How a script ended, and what it wrote.
#[derive(Debug)]
pub struct Finished {
    /// What ran.
    pub script: String,
    /// Exit status; 124 after the time limit.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// The script must have ended with this status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Finished {
        assert!(self.status == status, "expected exit status {status}:\n{self}");
        self
    }

    /// Status 0, and exactly this on standard output, without the last newline.
    #[track_caller]
    pub fn prints(self, text: &str) -> Finished {
        assert!(self.status == 0 && self.lines() == text, "expected {text:?}:\n{self}");
        self
    }

    /// Status 0, and each of these texts somewhere on standard output.
    #[track_caller]
    pub fn shows(self, texts: &[&str]) -> Finished {
        for text in texts {
            let there = self.status == 0 && self.stdout.contains(text);
            assert!(there, "expected {text:?} on standard output:\n{self}");
        }
        self
    }

    /// This text somewhere on standard error.
    #[track_caller]
    pub fn complains(self, text: &str) -> Finished {
        assert!(self.stderr.contains(text), "expected {text:?} on standard error:\n{self}");
        self
    }

    /// Standard output without the last newline, and without those of a terminal.
    pub fn lines(&self) -> String {
        self.stdout.replace("\r\n", "\n").trim_end_matches('\n').to_string()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Finished { script, status, stdout, stderr } = self;
        writeln!(out, "{script}\n--- exit status {status}, standard output:\n{stdout}")?;
        writeln!(out, "--- standard error:\n{stderr}---")
    }
}

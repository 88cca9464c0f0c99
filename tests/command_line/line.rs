//! A command line as data.

/// Another runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// What most engines are made for.
    Runc,
    /// For what runc has not.
    Crun,
}

impl Peer {
    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Peer::Runc => "runc",
            Peer::Crun => "crun",
        }
    }
}

/// How standard output is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The same text, but for paths, ids and numbers.
    Same,
    /// JSON with the same keys.
    Keys,
    /// Text for people: something, and both not nothing.
    Prose,
    /// A mistake: one line on standard error and nothing here, where runc shows its help.
    Mistake,
    /// What the container writes, now or later.
    Any,
}

/// A command line, and what is compared.
#[derive(Debug)]
pub struct Line {
    /// After `--root DIR`. Words in capitals stand for containers, paths and files (see `world`).
    pub words: &'static str,
    /// Who is asked besides.
    pub peer: Peer,
    /// Standard output.
    pub output: Output,
    /// What both say.
    pub says: &'static [&'static str],
    /// What both can read.
    pub stdin: &'static str,
}

/// A line for runc, which prints nothing that is not compared.
pub const fn line(words: &'static str) -> Line {
    Line { words, peer: Peer::Runc, output: Output::Same, says: &[], stdin: "" }
}

impl Line {
    /// The name of its test.
    pub fn name(&self) -> String {
        format!("{} {}", self.peer.program(), self.words)
    }

    /// The words that engines look for.
    pub const fn says(self, says: &'static [&'static str]) -> Line {
        Line { says, ..self }
    }

    /// Compares keys of the JSON only.
    pub const fn keys(self) -> Line {
        Line { output: Output::Keys, ..self }
    }

    /// Compares no text.
    pub const fn prose(self) -> Line {
        Line { output: Output::Prose, ..self }
    }

    /// Expects the peer's help on standard output.
    pub const fn mistake(self) -> Line {
        Line { output: Output::Mistake, ..self }
    }

    /// Leaves standard output to the container.
    pub const fn any(self) -> Line {
        Line { output: Output::Any, ..self }
    }

    /// Asks crun instead.
    pub const fn crun(self) -> Line {
        Line { peer: Peer::Crun, ..self }
    }

    /// Gives a text to read.
    pub const fn reads(self, stdin: &'static str) -> Line {
        Line { stdin, ..self }
    }
}

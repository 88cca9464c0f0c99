//! The command line as one table: what the quick parser reads, and what help, man pages and completions are made from.

mod commands;

pub use commands::COMMANDS;

/// An option.
#[derive(Debug)]
pub struct Flag {
    /// Name after `--`.
    pub long: &'static str,
    /// Letter after `-`.
    pub short: Option<char>,
    /// Name of its value; an option without one is a switch.
    pub value: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// Accepted for the sake of callers, but not shown.
    pub hidden: bool,
}

/// A command.
#[derive(Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its positional arguments.
    pub args: &'static str,
    /// How many of them at least and at most.
    pub arity: (usize, usize),
    /// Whether options may also come after the first positional argument.
    pub interspersed: bool,
    /// Whether it puts a process into a container, so that the binary must be out of reach.
    pub enters: bool,
    /// Its options.
    pub flags: &'static [Flag],
    /// A line to copy.
    pub example: &'static str,
}

const fn switch(long: &'static str, short: Option<char>, help: &'static str) -> Flag {
    Flag { long, short, value: None, help, hidden: false }
}

const fn value(
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short, value: Some(value), help, hidden: false }
}

const fn hidden(flag: Flag) -> Flag {
    Flag { hidden: true, ..flag }
}

/// Options before the command.
pub const GLOBAL: &[Flag] = &[
    switch("debug", None, "Log what is done, step by step"),
    value(
        "log",
        Some('l'),
        "[BACKEND:]PLACE",
        "Write the log not to stderr but to FILE, file:FILE, journald:NAME or syslog:NAME",
    ),
    value("log-format", None, "FORMAT", "Format of the log: text or json"),
    value(
        "trace",
        None,
        "FILE",
        "Write a timeline of what is done to FILE, for Perfetto (or ORUN_TRACE=FILE)",
    ),
    value("log-level", None, "LEVEL", "What is logged: error, warning or debug"),
    value("root", Some('r'), "DIR", "Where the states of containers are kept"),
    switch("systemd-cgroup", Some('s'), "Make cgroups by asking systemd"),
    value("cgroup-manager", None, "DRIVER", "cgroupfs, systemd or disabled"),
    value("rootless", None, "BOOL", "Ignore missing permission for cgroups: true, false or auto"),
    switch("help", Some('h'), "Show help"),
    switch("version", Some('v'), "Show the version"),
    hidden(value("criu", None, "PATH", "Ignored")),
];

/// The command with this name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

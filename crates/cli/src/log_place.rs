//! Where the log goes (`--log`): stderr, a file, the journal or syslog. The last two are crun's.

use std::fs::{File, OpenOptions};
use std::io::{Result, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;

/// The journal's own socket (systemd's "Native Journal Protocol").
const JOURNAL: &str = "/run/systemd/journal/socket";
/// The socket of syslog (`syslog(3)`).
const SYSLOG: &str = "/dev/log";
/// Nothing, and other names of the same.
const STDERR: [&str; 4] = ["", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];
/// The facility of ordinary programs, `LOG_USER` of `syslog(3)`.
const USER: u8 = 1 << 3;

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Place {
    /// Standard error.
    #[default]
    Stderr,
    /// A file.
    File(String),
    /// The journal, under a name.
    Journal(String),
    /// Syslog, under a name.
    Syslog(String),
}

impl Place {
    /// Reads the value of `--log`; a name that is left out is the program's.
    pub fn parse(text: &str, program: &str) -> Place {
        let named = |name: &str| if name.is_empty() { program.to_owned() } else { name.to_owned() };
        match text.split_once(':') {
            Some(("journald", name)) => Place::Journal(named(name)),
            Some(("syslog", name)) => Place::Syslog(named(name)),
            Some(("file", "")) => Place::Stderr,
            Some(("file", path)) => Place::File(path.to_owned()),
            _ if STDERR.contains(&text) => Place::Stderr,
            _ => Place::File(text.to_owned()),
        }
    }

    /// Whether lines are gathered one by one, with a level of their own, and so need no form.
    pub fn keeps_levels(&self) -> bool {
        matches!(self, Place::Journal(_) | Place::Syslog(_))
    }

    /// Makes the file that is not there yet: who names one that cannot be written to is told at once.
    pub fn prepare(&self) -> Result<()> {
        match self {
            Place::File(path) => open(path).map(drop),
            Place::Stderr | Place::Journal(_) | Place::Syslog(_) => Ok(()),
        }
    }

    /// Writes one line.
    pub fn write(&self, level: &str, line: &str) -> Result<()> {
        match self {
            Place::Stderr => crate::sys::write_to_stderr(line.as_bytes()),
            // A whole line at the end of the file in one write, also while others write to it.
            Place::File(path) => open(path)?.write_all(line.as_bytes()),
            Place::Journal(name) => send(JOURNAL, &journal_entry(name, level, line)),
            Place::Syslog(name) => send(SYSLOG, &syslog_line(name, level, line)),
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        match self {
            Place::Stderr => "stderr",
            Place::File(path) => path,
            Place::Journal(_) => JOURNAL,
            Place::Syslog(_) => SYSLOG,
        }
    }
}

fn open(path: &str) -> Result<File> {
    // A link that somebody else put there is not followed; those of the kernel are (/dev/stdout).
    let kernels = path.starts_with("/dev/") || path.starts_with("/proc/");
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .custom_flags(if kernels { 0 } else { libc::O_NOFOLLOW })
        .open(path)
}

fn send(socket: &str, message: &[u8]) -> Result<()> {
    UnixDatagram::unbound()?.send_to(message, socket).map(drop)
}

/// `LOG_ERR`, `LOG_WARNING`, `LOG_INFO` or `LOG_DEBUG`.
fn priority(level: &str) -> u8 {
    match level {
        "error" => 3,
        "warning" => 4,
        "debug" | "trace" => 7,
        _ => 6,
    }
}

/// Fields, one a line; a value with a newline in it has its length in front.
fn journal_entry(name: &str, level: &str, message: &str) -> Vec<u8> {
    let mut entry =
        format!("PRIORITY={}\nSYSLOG_IDENTIFIER={name}\n", priority(level)).into_bytes();
    if message.contains('\n') {
        entry.extend_from_slice(b"MESSAGE\n");
        entry.extend_from_slice(&(message.len() as u64).to_le_bytes());
    } else {
        entry.extend_from_slice(b"MESSAGE=");
    }
    entry.extend_from_slice(message.as_bytes());
    entry.push(b'\n');
    entry
}

/// The time is left to the receiver, as RFC 3164 (section 4.3.2) allows: the sender knows no time zone.
fn syslog_line(name: &str, level: &str, message: &str) -> Vec<u8> {
    let pid = std::process::id();
    format!("<{}>{name}[{pid}]: {message}", USER | priority(level)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_runcs_and_cruns_names() {
        let place = |text| Place::parse(text, "orun");
        assert_eq!(place(""), Place::Stderr);
        assert_eq!(place("/a:b"), Place::File("/a:b".to_owned()));
        assert_eq!(place("file:/a"), Place::File("/a".to_owned()));
        assert_eq!(place("journald:web"), Place::Journal("web".to_owned()));
        assert_eq!(place("journald:"), Place::Journal("orun".to_owned()));
        assert_eq!(place("syslog:web"), Place::Syslog("web".to_owned()));
    }

    #[test]
    fn an_entry_of_the_journal() {
        assert_eq!(
            journal_entry("web", "error", "it failed"),
            b"PRIORITY=3\nSYSLOG_IDENTIFIER=web\nMESSAGE=it failed\n"
        );
        assert_eq!(
            journal_entry("web", "warning", "a\nb"),
            b"PRIORITY=4\nSYSLOG_IDENTIFIER=web\nMESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n"
        );
    }

    #[test]
    fn a_line_of_syslog() {
        let line = String::from_utf8(syslog_line("web", "error", "it failed")).unwrap();
        assert_eq!(line, format!("<11>web[{}]: it failed", std::process::id()));
    }

    #[test]
    fn a_message_arrives_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), b"one\ntwo").unwrap();
        let mut buffer = [0; 64];
        let count = server.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"one\ntwo");
        assert!(send("/nowhere/socket", b"x").is_err());
    }
}

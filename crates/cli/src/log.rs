//! The log: lines in logrus's two formats, which engines read, to stderr or a file.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

use crate::sys::write_to_stderr;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Where and how lines are written.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// A file, or stderr.
    pub file: Option<String>,
    /// JSON objects instead of `key=value`.
    pub json: bool,
}

impl Log {
    /// Writes one line. If the file can't be written, stderr gets it.
    pub fn write(&self, level: &str, message: &str) {
        let line = self.line(level, message);
        let written = match &self.file {
            Some(file) => append(file, &line),
            None => write_to_stderr(line.as_bytes()),
        };
        if let Err(error) = written
            && let Some(file) = &self.file
        {
            let text = format!(
                "{}unable to write the log to {file}: {error}\n",
                self.line(level, message)
            );
            let _ = write_to_stderr(text.as_bytes());
        }
    }

    fn line(&self, level: &str, message: &str) -> String {
        let now = SystemTime::now();
        if self.json {
            let time = humantime::format_rfc3339_micros(now).to_string();
            let object = serde_json::json!({"level": level, "msg": message, "time": time});
            return format!("{object}\n");
        }
        let time = humantime::format_rfc3339_seconds(now);
        let mut line = format!("time=\"{time}\" level={level} msg=\"");
        for letter in message.chars() {
            match letter {
                '"' | '\\' => {
                    line.push('\\');
                    line.push(letter);
                }
                // A name from an image must not speak to the terminal.
                letter if letter.is_control() => {
                    let _ = write!(line, "{}", letter.escape_default());
                }
                letter => line.push(letter),
            }
        }
        line + "\"\n"
    }
}

/// What a name from an image must not say to a terminal, in letters; lines stay lines.
pub fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() => escaped.extend(letter.escape_default()),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Whole lines at the end of the file, also while others write to it.
fn append(file: &str, line: &str) -> std::io::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW)
        .open(file)?
        .write_all(line.as_bytes())
}

/// Gives the events of the library to the log. Only installed for `--debug`: else they cost nothing.
pub struct Events(pub Log);

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        self.0.write(if level == "warn" { "warning" } else { &level }, &text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_escaped() {
        let line = Log::default().line("error", "exec: \"x\": a\\b");
        assert!(line.ends_with("level=error msg=\"exec: \\\"x\\\": a\\\\b\"\n"), "{line}");
        let line = Log::default().line("error", "a\nb\tc\x1b[2J\u{9b}ü");
        assert!(line.ends_with("msg=\"a\\nb\\tc\\u{1b}[2J\\u{9b}ü\"\n"), "{line}");
        let line = Log { json: true, ..Log::default() }.line("error", "\"x\"");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (value["level"].as_str(), value["msg"].as_str()),
            (Some("error"), Some("\"x\""))
        );
    }
}

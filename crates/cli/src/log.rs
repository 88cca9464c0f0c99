//! The log: lines in logrus's two formats, which engines read.

use std::fmt::Write as _;
use std::time::SystemTime;

use crate::sys::write_to_stderr;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::log_place::Place;

/// Where and how lines are written.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Where.
    pub place: Place,
    /// JSON objects instead of `key=value`.
    pub json: bool,
    /// Errors only (`--log-level error`).
    pub no_warnings: bool,
}

impl Log {
    /// Whether somebody at stderr sees nothing of it.
    pub fn is_elsewhere(&self) -> bool {
        self.place != Place::Stderr
    }

    /// Writes one line. If its place can't be written, stderr gets it.
    pub fn write(&self, level: &str, message: &str) {
        if self.no_warnings && level != "error" {
            return;
        }
        let written = if self.place.keeps_levels() {
            self.place.write(level, message)
        } else {
            self.place.write(level, &self.line(level, message))
        };
        if let Err(error) = written
            && self.is_elsewhere()
        {
            let text = format!(
                "{}unable to write the log to {}: {error}\n",
                self.line(level, message),
                self.place.name()
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

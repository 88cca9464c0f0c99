//! The quick reading of the command line: a pass over the words with the table, nothing else.
//!
//! clap takes 0.15 to 0.2 ms to do this, as long as a whole `state`; a test keeps both readings equal.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use crate::table::{Command, Flag, GLOBAL, command};

/// A command line that was understood.
#[derive(Debug, Default, PartialEq)]
pub struct Words {
    given: Vec<(&'static str, String)>,
    /// Positional arguments.
    pub args: Vec<String>,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq)]
pub enum UsageError {
    /// An option that the table does not have.
    Unknown(String),
    /// An option without its value.
    NoValue(String),
    /// A switch with a value that is neither true nor false.
    BadSwitch(String, String),
    /// A command that the table does not have.
    NoCommand(String),
    /// Too few or too many positional arguments.
    Arity(&'static str, String),
    /// Bytes that are not UTF-8.
    Encoding(String),
}

/// The result of reading a command line.
#[derive(Debug, PartialEq)]
pub struct Invocation {
    /// Options before the command.
    pub global: Words,
    /// The command, unless there is none.
    pub command: Option<&'static str>,
    /// Its options and arguments.
    pub words: Words,
}

impl Words {
    /// Whether a switch is on.
    pub fn has(&self, long: &str) -> bool {
        self.switch(long).unwrap_or(false)
    }

    /// What a switch was set to, if it was given.
    pub fn switch(&self, long: &str) -> Option<bool> {
        self.last(long).map(|value| value != "false")
    }

    /// The last value of an option. An empty one is none, as with runc: `--cwd "$NOWHERE"`.
    pub fn last(&self, long: &str) -> Option<&str> {
        let last = self.given.iter().rev().find(|(name, _)| *name == long);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of an option, in order.
    pub fn all(&self, long: &str) -> Vec<String> {
        self.given
            .iter()
            .filter(|(name, _)| *name == long)
            .map(|(_, value)| value.clone())
            .collect()
    }
}

/// Reads a command line without the program's name.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let mut parser = Parser::from_args(words);
    let mut global = Words::default();
    let name = read(&mut parser, GLOBAL, false, &mut global)?;
    let Some(name) = name else {
        return Ok(Invocation { global, command: None, words: Words::default() });
    };
    if matches!(&*name, "help" | "h") || global.has("help") || global.has("version") {
        return help_on(name, &mut parser, global);
    }
    let Some(found) = command(&name) else { return Err(UsageError::NoCommand(name)) };
    let mut words = Words::default();
    loop {
        match read(&mut parser, found.flags, true, &mut words)? {
            None => break,
            Some(first) => {
                words.args.push(first);
                if !found.interspersed {
                    take_rest(&mut parser, &mut words)?;
                    break;
                }
            }
        }
    }
    check_arity(found, &words)?;
    Ok(Invocation { global, command: Some(found.name), words })
}

/// `help`, `help COMMAND` and `--help COMMAND`, none of which looks at what comes after.
fn help_on(name: String, parser: &mut Parser, mut global: Words) -> Result<Invocation, UsageError> {
    let asked = match &*name {
        "help" | "h" => read(parser, GLOBAL, false, &mut global)?,
        _ => Some(name),
    };
    let found = asked.map(|name| command(&name).ok_or(UsageError::NoCommand(name))).transpose()?;
    let words = Words { given: vec![("help", "true".to_owned())], args: Vec::new() };
    Ok(Invocation { global, command: found.map(|command| command.name), words })
}

/// The options before the command, as far as they are understood, of a line that is not.
pub fn global(words: impl IntoIterator<Item = OsString>) -> Words {
    let mut global = Words::default();
    let _ = read(&mut Parser::from_args(words), GLOBAL, false, &mut global);
    global
}

fn check_arity(command: &Command, words: &Words) -> Result<(), UsageError> {
    let (least, most) = command.arity;
    let count = words.args.len();
    if words.has("help") || (least..=most).contains(&count) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, most) if least == most => format!("exactly {least} argument(s)"),
        (least, _) if count < least => format!("a minimum of {least} argument(s)"),
        (_, most) => format!("a maximum of {most} argument(s)"),
    };
    Err(UsageError::Arity(command.name, wanted))
}

/// Reads options up to the next positional argument, which it returns.
fn read(
    parser: &mut Parser,
    flags: &'static [Flag],
    in_command: bool,
    words: &mut Words,
) -> Result<Option<String>, UsageError> {
    loop {
        if let Some((flag, attached)) = single_dash(parser, flags) {
            take(parser, flag, attached, words)?;
            continue;
        }
        let equals = short_with_equals(parser);
        let next = parser.next().map_err(|error| UsageError::Unknown(error.to_string()))?;
        let (flag, shown) = match next {
            None => return Ok(None),
            Some(Arg::Value(value)) => return text(value).map(Some),
            Some(Arg::Long(long)) => {
                let known = if long == "usage" { "help" } else { long };
                (flags.iter().find(|flag| flag.long == known), format!("--{long}"))
            }
            Some(Arg::Short(short)) => {
                // crun has a capital V, a question mark, and --usage.
                let known = match short {
                    'V' if !in_command => 'v',
                    '?' => 'h',
                    other => other,
                };
                (flags.iter().find(|flag| flag.short == Some(known)), format!("-{short}"))
            }
        };
        let Some(flag) = flag else { return Err(UsageError::Unknown(shown)) };
        if flag.long == "help" && in_command {
            words.given.push(("help", "true".to_owned()));
            return Ok(None);
        }
        let letters = shown.len() == 2 && flag.value.is_none() && !equals;
        let attached = if letters { None } else { parser.optional_value() };
        take(parser, flag, attached, words)?;
    }
}

/// Whether `-x=value` comes next; in `-xy`, y is another option unless x takes a value (crun).
fn short_with_equals(parser: &mut Parser) -> bool {
    let word = parser.try_raw_args().and_then(|raw| raw.peek().map(|word| word.to_owned()));
    word.is_some_and(|word| word.as_encoded_bytes().get(2) == Some(&b'='))
}

/// `-name` and `-name=value` for long options: Go's flag packages take them, and so does go-runc.
fn single_dash(
    parser: &mut Parser,
    flags: &'static [Flag],
) -> Option<(&'static Flag, Option<OsString>)> {
    let mut raw = parser.try_raw_args()?;
    let word = raw.peek()?.to_str()?;
    let name = word.strip_prefix('-').filter(|name| name.len() > 1 && !name.starts_with('-'))?;
    let (name, attached) = match name.split_once('=') {
        Some((name, value)) => (name, Some(OsString::from(value))),
        None => (name, None),
    };
    let flag = flags.iter().find(|flag| flag.long == name)?;
    raw.next();
    Some((flag, attached))
}

fn take(
    parser: &mut Parser,
    flag: &'static Flag,
    attached: Option<OsString>,
    words: &mut Words,
) -> Result<(), UsageError> {
    let value = match (flag.value, attached) {
        (None, None) => "true".to_owned(),
        (None, Some(value)) => {
            let value = text(value)?;
            let on = boolean(&value);
            on.ok_or_else(|| UsageError::BadSwitch(flag.long.to_owned(), value))?.to_string()
        }
        (Some(_), Some(value)) => text(value)?,
        (Some(_), None) => match parser.try_raw_args().and_then(|mut raw| raw.next()) {
            Some(value) => text(value)?,
            None => return Err(UsageError::NoValue(flag.long.to_owned())),
        },
    };
    words.given.push((flag.long, value));
    Ok(())
}

/// A truth value in each spelling of Go's.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "t" | "T" | "TRUE" | "True" => Some(true),
        "false" | "0" | "f" | "F" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Everything after the first positional argument is positional, but for one `--` right after it.
fn take_rest(parser: &mut Parser, words: &mut Words) -> Result<(), UsageError> {
    let rest = parser.raw_args().map_err(|error| UsageError::Unknown(error.to_string()))?;
    for (index, value) in rest.enumerate() {
        if index == 0 && value == "--" {
            continue;
        }
        words.args.push(text(value)?);
    }
    Ok(())
}

fn text(value: OsString) -> Result<String, UsageError> {
    value.into_string().map_err(|value| UsageError::Encoding(value.to_string_lossy().into_owned()))
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            UsageError::Unknown(flag) => write!(f, "flag provided but not defined: {flag}"),
            UsageError::NoValue(flag) => write!(f, "flag needs an argument: --{flag}"),
            UsageError::BadSwitch(flag, value) => {
                write!(f, "invalid boolean value {value:?} for --{flag}: it is true or false")
            }
            UsageError::NoCommand(name) => write!(f, "No help topic for '{name}'"),
            UsageError::Arity(name, wanted) => write!(f, "{name:?} requires {wanted}"),
            UsageError::Encoding(word) => write!(f, "{word:?} is not UTF-8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Invocation, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_come_in_every_spelling() {
        for line in [
            "--root /r --debug run --bundle /b -d --preserve-fds=2 c1",
            "-root /r -debug run -b/b -detach -preserve-fds 2 c1",
            "--root=/r --debug=true run -b /b --detach=true -preserve-fds=2 -- c1",
            "--root=/r --debug run -db /b -preserve-fds=2 c1",
            "--root=/r --debug run -d=t -b=/b -preserve-fds=2 c1",
        ] {
            let read = words(line).unwrap();
            assert_eq!(read.global.last("root"), Some("/r"), "{line}");
            assert!(read.global.has("debug"), "{line}");
            assert_eq!(read.command, Some("run"));
            assert_eq!(read.words.last("bundle"), Some("/b"), "{line}");
            assert_eq!(read.words.last("preserve-fds"), Some("2"), "{line}");
            assert!(read.words.has("detach"), "{line}");
            assert_eq!(read.words.args, ["c1"], "{line}");
        }
    }

    #[test]
    fn options_stop_at_the_first_positional_argument() {
        let read = words("exec -t c1 ls -la --help").unwrap();
        assert_eq!(read.words.args, ["c1", "ls", "-la", "--help"]);
        let read = words("exec c1 -- ls -- x").unwrap();
        assert_eq!(read.words.args, ["c1", "ls", "--", "x"]);
    }

    #[test]
    fn short_global_options_are_youkis() {
        let read = words("-s -r /x -l file run c1").unwrap().global;
        assert_eq!((read.last("root"), read.last("log")), (Some("/x"), Some("file")));
        assert!(read.has("systemd-cgroup"));
    }

    #[test]
    fn an_empty_value_is_none() {
        let read = words("exec --apparmor= --env= --cwd=/ --cwd= c1").unwrap();
        assert_eq!((read.words.last("apparmor"), read.words.last("cwd")), (None, None));
        assert_eq!(read.words.all("env"), [""]);
    }

    #[test]
    fn help_is_asked_for_in_many_ways() {
        for line in ["help run", "h run", "--help run", "run -h", "run --usage", "-? run x y"] {
            let read = words(line).unwrap();
            assert!(read.words.has("help") && read.command == Some("run"), "{line}");
        }
        assert_eq!(words("help").unwrap().command, None);
        assert!(words("--usage").unwrap().global.has("help"));
        assert!(words("--version run").unwrap().global.has("version"));
        assert_eq!(words("help frob").unwrap_err().to_string(), "No help topic for 'frob'");
    }

    #[test]
    fn mistakes_are_told_in_runcs_words() {
        assert_eq!(words("frob").unwrap_err().to_string(), "No help topic for 'frob'");
        assert_eq!(
            words("run --bundle").unwrap_err().to_string(),
            "flag needs an argument: --bundle"
        );
        assert_eq!(
            words("run --frob c1").unwrap_err().to_string(),
            "flag provided but not defined: --frob"
        );
        assert_eq!(
            words("state").unwrap_err().to_string(),
            "\"state\" requires exactly 1 argument(s)"
        );
        assert!(words("state --help").unwrap().words.has("help"));
    }
}

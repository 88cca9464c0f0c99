//! Annotations `org.systemd.property.NAME`: a property of the unit, in GVariant's text format
//! (gvariant-text(3)), of which these are understood: `true`, numbers with or without a word for their
//! type, strings in quotes, `[…]` and `(…)`, `@as []`.

use super::value::{Property, Value};
use crate::error::PlanError;

/// What such annotations begin with.
const PREFIX: &str = "org.systemd.property.";

/// The property that an annotation asks for; none if it is about something else.
pub(crate) fn property(key: &str, text: &str) -> Result<Option<Property>, PlanError> {
    let Some(name) = key.strip_prefix(PREFIX) else { return Ok(None) };
    let refuse = |message: String| PlanError::new(format!("annotations[{key:?}]"), message);
    if name.len() < 3 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(refuse(format!("annotation {key} name incorrect: {name:?} is no property")));
    }
    let value = parse(text)
        .map_err(|reason| refuse(format!("annotation {key}={text} value parse error: {reason}")))?;
    // What unit files have in seconds, D-Bus has in microseconds.
    let seconds =
        name.strip_suffix("Sec").filter(|rest| rest.ends_with(|c: char| c.is_ascii_lowercase()));
    let property = match seconds {
        None => Property::new(name, value),
        Some(rest) => {
            let value = microseconds(&value)
                .ok_or_else(|| refuse(format!("{text} is no number of seconds")))?;
            Property::new(format!("{rest}USec"), value)
        }
    };
    Ok(Some(property))
}

fn microseconds(value: &Value) -> Option<Value> {
    let seconds = match *value {
        Value::Byte(value) => u64::from(value),
        Value::U16(value) => value.into(),
        Value::U32(value) => value.into(),
        Value::U64(value) => value,
        Value::I16(value) => value.try_into().ok()?,
        Value::I32(value) => value.try_into().ok()?,
        Value::I64(value) => value.try_into().ok()?,
        Value::Double(value) if value >= 0.0 => return Some(Value::U64((value * 1e6) as u64)),
        _ => return None,
    };
    seconds.checked_mul(1_000_000).map(Value::U64)
}

fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser { rest: text.trim_start() };
    let value = parser.value(0)?;
    match parser.rest.is_empty() {
        true => Ok(value),
        false => Err(format!("{:?} is left over", parser.rest)),
    }
}

/// Deeper than D-Bus allows is deeper than the stack should go.
const DEEPEST: u32 = 32;

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn value(&mut self, depth: u32) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        match self.rest.chars().next() {
            None => Err("a value is missing".to_owned()),
            Some('\'' | '"') => self.quoted().map(Value::Text),
            Some('[') => {
                let values = self.list('[', ']', depth)?;
                array(None, values)
            }
            Some('(') => self.list('(', ')', depth).map(Value::Tuple),
            Some('@') => {
                let signature = self.word()[1..].to_owned();
                match (signature.strip_prefix('a'), self.value_of(&signature, depth)?) {
                    (Some(element), Value::Array(_, values)) => array(Some(element), values),
                    (_, value) if value.signature() == signature => Ok(value),
                    _ => Err(format!("it is not of type {signature:?}")),
                }
            }
            Some(_) => self.plain(depth),
        }
    }

    /// A value after its type: an empty array says nothing of its elements.
    fn value_of(&mut self, signature: &str, depth: u32) -> Result<Value, String> {
        match (signature.strip_prefix('a'), self.rest.starts_with('[')) {
            (Some(element), true) => {
                let values = self.list('[', ']', depth)?;
                array(Some(element), values)
            }
            _ => self.value(depth + 1),
        }
    }

    /// `true`, `false`, a number, or a number after a word for its type.
    fn plain(&mut self, depth: u32) -> Result<Value, String> {
        let word = self.word();
        let typed = match word {
            "true" | "false" => return Ok(Value::Bool(word == "true")),
            "byte" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64" | "double" => {
                word
            }
            "boolean" | "string" => return self.value(depth + 1),
            text if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                return Err(format!("{text:?} is no value; a text needs quotes"));
            }
            number if number.contains('.') => return number_of("double", number),
            number => return number_of("int32", number),
        };
        let number = self.word();
        number_of(typed, number)
    }

    /// The next word; what follows it is next.
    fn word(&mut self) -> &'t str {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || "[](),'\"".contains(c))
            .unwrap_or(self.rest.len());
        // Within `@a(ss)` the brackets belong to the type.
        let end = match self.rest.starts_with('@') {
            true => self.rest.find(char::is_whitespace).unwrap_or(self.rest.len()),
            false => end,
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut chars = self.rest.char_indices();
        let quote = chars.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((index, c)) = chars.next() {
            match c {
                c if Some(c) == quote => {
                    self.rest = self.rest[index + 1..].trim_start();
                    return Ok(text);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('\\' | '\'' | '"')) => text.push(c),
                    other => return Err(format!("unknown escape: backslash and {other:?}")),
                },
                c => text.push(c),
            }
        }
        Err("a quote is not closed".to_owned())
    }

    fn list(&mut self, open: char, close: char, depth: u32) -> Result<Vec<Value>, String> {
        self.rest = self.rest.strip_prefix(open).unwrap_or(self.rest).trim_start();
        let mut values = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest.trim_start();
                return Ok(values);
            }
            values.push(self.value(depth + 1)?);
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest.trim_start(),
                None if self.rest.starts_with(close) => {}
                None => return Err(format!("{close:?} is missing")),
            }
        }
    }
}

fn array(element: Option<&str>, values: Vec<Value>) -> Result<Value, String> {
    let element = match (element, values.first()) {
        (Some(element), _) => element.to_owned(),
        (None, Some(first)) => first.signature(),
        (None, None) => return Err("the type of an empty list is not known: use @as []".to_owned()),
    };
    // A signature that is none, such as `@a! []`, is caught here.
    if rustbus::params::validate_signature(&element).is_err() {
        return Err(format!("{element:?} is no type"));
    }
    let values: Result<Vec<Value>, String> =
        values.into_iter().map(|value| cast(value, &element)).collect();
    Ok(Value::Array(element, values?))
}

/// Plain numbers take the type that their array has.
fn cast(value: Value, wanted: &str) -> Result<Value, String> {
    if value.signature() == wanted {
        return Ok(value);
    }
    let word = match wanted {
        "y" => "byte",
        "n" => "int16",
        "q" => "uint16",
        "u" => "uint32",
        "x" => "int64",
        "t" => "uint64",
        _ => return Err(format!("{value} is not of type {wanted:?}")),
    };
    match value {
        Value::I32(number) => number_of(word, &number.to_string()),
        other => Err(format!("{other} is not of type {wanted:?}")),
    }
}

fn number_of(kind: &str, text: &str) -> Result<Value, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).map(i128::from),
        None => digits.parse::<u64>().map(i128::from),
    };
    let refuse = || format!("{text:?} is no {kind}");
    if kind == "double" {
        return text.parse().map(Value::Double).map_err(|_| refuse());
    }
    let number = number.map_err(|_| refuse())?;
    let number = if negative { -number } else { number };
    let value = match kind {
        "byte" => number.try_into().ok().map(Value::Byte),
        "int16" => number.try_into().ok().map(Value::I16),
        "uint16" => number.try_into().ok().map(Value::U16),
        "int32" => number.try_into().ok().map(Value::I32),
        "uint32" => number.try_into().ok().map(Value::U32),
        "int64" => number.try_into().ok().map(Value::I64),
        _ => number.try_into().ok().map(Value::U64),
    };
    value.ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, String) {
        let value = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (value.signature(), value.to_string())
    }

    #[test]
    fn values() {
        for (text, signature, shown) in [
            ("true", "b", "true"),
            (" 'a b' ", "s", "\"a b\""),
            ("\"it's\"", "s", "\"it's\""),
            (r"'it\'s'", "s", "\"it's\""),
            ("5", "i", "5"),
            ("-5", "i", "-5"),
            ("uint64 5", "t", "5"),
            ("uint64 18446744073709551615", "t", "infinity"),
            ("byte 0x1f", "y", "0x1f"),
            ("1.5", "d", "1.5"),
            ("['a', 'b']", "as", "[\"a\", \"b\"]"),
            ("@as []", "as", "[]"),
            ("@au [1, 2]", "au", "[1, 2]"),
            ("[uint32 1, 2]", "au", "[1, 2]"),
            ("('a', uint64 2)", "(st)", "(\"a\", 2)"),
            ("@a(ss) [('a', 'b')]", "a(ss)", "[(\"a\", \"b\")]"),
        ] {
            assert_eq!(of(text), (signature.to_owned(), shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn refused_values() {
        for text in [
            "",
            "yes",
            "'a",
            "[",
            "[]",
            "[1,'a']",
            "uint32 -1",
            "byte 256",
            "5 5",
            "@a! []",
            "@as [1]",
            "99999999999",
            &"[".repeat(1000),
            &"string ".repeat(1_000_000),
            "int64 -0x-80000000000000000000000000000000",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn properties() {
        let of = |key: &str, text: &str| property(key, text);
        assert_eq!(of("io.podman.x", "y").unwrap(), None);
        let plain =
            of("org.systemd.property.CollectMode", "'inactive-or-failed'").unwrap().unwrap();
        assert_eq!((plain.name.as_str(), plain.optional), ("CollectMode", false));
        let seconds = of("org.systemd.property.TimeoutStopSec", "uint64 2").unwrap().unwrap();
        assert_eq!(
            (seconds.name.as_str(), seconds.value),
            ("TimeoutStopUSec", Value::U64(2_000_000))
        );
        let seconds = of("org.systemd.property.TimeoutStopSec", "1.5").unwrap().unwrap();
        assert_eq!(seconds.value, Value::U64(1_500_000));
        // No unit, but the end of a word.
        assert_eq!(of("org.systemd.property.XYSec", "1").unwrap().unwrap().name, "XYSec");
        for (key, text) in [
            ("org.systemd.property.", "true"),
            ("org.systemd.property.ab", "true"),
            ("org.systemd.property.A-b", "true"),
            ("org.systemd.property.TimeoutStopSec", "'x'"),
            ("org.systemd.property.TimeoutStopSec", "-1"),
            ("org.systemd.property.After", "a b"),
        ] {
            let error = of(key, text).unwrap_err();
            assert_eq!(error.path, format!("annotations[{key:?}]"));
        }
    }
}

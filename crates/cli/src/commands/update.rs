//! `update`

use serde_json::{Map, Value, json};

use libcontainer_core::error::{Error, Result};
use libcontainer_core::step::Step;
use libcontainer_core::update::{Shares, update as update_container};

use super::exec::read;
use super::find;
use crate::parse::Words;

/// What kind of value an option has.
#[derive(Clone, Copy)]
enum Kind {
    /// Bytes, with a suffix such as `m`.
    Size,
    /// A number.
    Number,
    /// A number that is not negative.
    Count,
    /// A list such as `0-3`.
    List,
}

/// Options, and where their value goes in `linux.resources`.
const OPTIONS: [(&str, &str, &str, Kind); 15] = [
    ("blkio-weight", "blockIO", "weight", Kind::Count),
    ("cpu-burst", "cpu", "burst", Kind::Count),
    ("cpu-idle", "cpu", "idle", Kind::Number),
    ("cpu-period", "cpu", "period", Kind::Count),
    ("cpu-quota", "cpu", "quota", Kind::Number),
    ("cpu-rt-period", "cpu", "realtimePeriod", Kind::Count),
    ("cpu-rt-runtime", "cpu", "realtimeRuntime", Kind::Number),
    ("cpu-share", "cpu", "shares", Kind::Count),
    ("cpuset-cpus", "cpu", "cpus", Kind::List),
    ("cpuset-mems", "cpu", "mems", Kind::List),
    ("memory", "memory", "limit", Kind::Size),
    ("memory-reservation", "memory", "reservation", Kind::Size),
    ("memory-swap", "memory", "swap", Kind::Size),
    ("kernel-memory-tcp", "memory", "kernelTCP", Kind::Size),
    ("pids-limit", "pids", "limit", Kind::Number),
];

/// `update`
pub fn update(words: &Words, root: &str) -> Result<i32> {
    let container = find(root, &words.args[0])?;
    let document = match words.last("resources") {
        Some("-") => read("/dev/stdin")?,
        Some(file) => read(file)?,
        None => from_options(words)?.to_string().into_bytes(),
    };
    let given = |option| words.last(option).filter(|text| !text.is_empty());
    let shares = Shares { cache: given("l3-cache-schema"), bandwidth: given("mem-bw-schema") };
    update_container(&container, &document, shares).map(|()| 0)
}

fn from_options(words: &Words) -> Result<Value> {
    let mut resources = Map::new();
    for (option, part, property, kind) in OPTIONS {
        let Some(text) = words.last(option).filter(|text| !text.is_empty()) else { continue };
        let bad = |wanted: &str| {
            Error::because(Step::CheckValue, option, format!("{text:?} is not {wanted}"))
        };
        let number = || text.parse::<i64>().ok().map(Value::from);
        let value = match kind {
            Kind::List => json!(text),
            Kind::Number => number().ok_or_else(|| bad("a number"))?,
            Kind::Count => {
                text.parse::<u64>().map(Value::from).map_err(|_| bad("a number of zero or more"))?
            }
            Kind::Size => {
                size(text).map(Value::from).ok_or_else(|| bad("a size, such as 512m, or -1"))?
            }
        };
        resources.entry(part).or_insert_with(|| json!({}))[property] = value;
    }
    Ok(Value::Object(resources))
}

/// Bytes: a number with a suffix of b, k, m, g, t or p, binary, in any case, also `kb` and `KiB`; -1.
fn size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let power = match lower[digits.len()..].trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let number: f64 = digits.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    let bytes = number * 1024f64.powi(power);
    (bytes < i64::MAX as f64).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("64", 64),
            ("512m", 512 << 20),
            ("1.5k", 1536),
            ("2GiB", 2 << 30),
            ("1KB", 1024),
            ("-1", -1),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "m", "-2", "1x", "1 m", "nan"] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }
}

//! `update`

use serde_json::{Map, Value, json};

use libcontainer_core::error::{Error, Result};
use libcontainer_core::step::Step;
use libcontainer_core::update::{Shares, update as update_container};

use super::exec::read;
use super::{Context, find, warn};
use crate::parse::Words;
use crate::size::size;

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
pub fn update(context: &Context, words: &Words, root: &str) -> Result<i32> {
    let container = find(root, &words.args[0])?;
    let document = match words.last("resources") {
        Some("-") => read("/dev/stdin")?,
        Some(file) => read(file)?,
        None => from_options(words)?.to_string().into_bytes(),
    };
    let given = |option| words.last(option).filter(|text| !text.is_empty());
    let shares = Shares { cache: given("l3-cache-schema"), bandwidth: given("mem-bw-schema") };
    warn(context, &update_container(&container, &document, shares)?);
    Ok(0)
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

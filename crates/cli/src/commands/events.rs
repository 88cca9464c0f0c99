//! `events`

use std::io::Write as _;
use std::time::Duration;

use libcontainer_core::error::Result;
use libcontainer_core::events;

use super::{bad_option, find};
use crate::parse::Words;

/// Longer is no interval, and more than a point in time can be ahead.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// An interval as `5s`; not an empty one.
pub fn interval(text: &str) -> Result<Duration> {
    humantime::parse_duration(text)
        .ok()
        .filter(|interval| !interval.is_zero() && *interval <= LONGEST)
        .ok_or_else(|| bad_option("--interval", text, "a duration, such as 5s or 100ms"))
}

/// `events`
pub fn events(words: &Words, root: &str) -> Result<i32> {
    let container = find(root, &words.args[0])?;
    if words.has("stats") {
        return Ok(crate::print(&events::stats(&container)?));
    }
    let text = words.last("interval").unwrap_or("5s");
    let interval = interval(text)?;
    let mut out = std::io::stdout();
    let mut emit = |line: &str| out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok();
    events::watch(&container, interval, &mut emit).map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        assert_eq!(interval("100ms").ok(), Some(Duration::from_millis(100)));
        for bad in ["", "0s", "x", "500000000000years"] {
            assert!(interval(bad).is_err(), "{bad:?}");
        }
    }
}

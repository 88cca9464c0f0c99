//! `events`

use std::io::Write as _;

use libcontainer_core::error::Result;
use libcontainer_core::events;
use libcontainer_core::store::Store;

use super::{bad_option, find};
use crate::parse::Words;

/// `events`
pub fn events(words: &Words, root: &str) -> Result<i32> {
    let id = &words.args[0];
    let container = find(root, id)?;
    if words.has("stats") {
        return Ok(crate::print(&events::stats(&container)?));
    }
    let text = words.last("interval").unwrap_or("5s");
    let interval = humantime::parse_duration(text)
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or_else(|| bad_option("--interval", text, "a duration, such as 5s or 100ms"))?;
    let Some(store) = Store::open(root)? else { return Ok(0) };
    let mut out = std::io::stdout();
    let mut emit = |line: &str| out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok();
    events::watch(&store, id, interval, &mut emit).map(|()| 0)
}

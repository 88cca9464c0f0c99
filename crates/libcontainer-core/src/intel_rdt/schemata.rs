//! The lines of a `schemata` file.

use std::collections::BTreeMap;

use super::{CLOS, read, told};
use crate::error::{Error, Result};
use crate::step::Step;

/// Compares the schemata of a group that exists with those that are wanted.
pub fn compare(root: &str, group: &str, wanted: &[(String, String)]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let path = format!("{group}/schemata");
    let text = read(&path).map_err(|errno| told(errno, root, &path).field(CLOS))?;
    let current = values(text.lines());
    for ((resource, id), value) in values(wanted.iter().map(|(line, _)| &**line)) {
        let found = current.get(&(resource, id));
        if found != Some(&value) {
            let found = found.map_or("none", |found| found);
            let reason = format!("the group exists with {resource}:{id}={found}, not {value}");
            return Err(
                Error::because(Step::IntelRdt, path, reason).field(field_of(resource, wanted))
            );
        }
    }
    Ok(())
}

/// What `RESOURCE:ID=VALUE;...` lines say: the last one counts, and zeros in front do not.
fn values<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<(&'a str, &'a str), String> {
    let mut all = BTreeMap::new();
    for (resource, values) in lines.filter_map(|line| line.split_once(':')) {
        for (id, value) in values.split(';').filter_map(|value| value.split_once('=')) {
            let value = value.trim().to_ascii_lowercase();
            let digits = value.strip_prefix("0x").unwrap_or(&value).trim_start_matches('0');
            let value = if digits.is_empty() { "0" } else { digits };
            all.insert((resource.trim(), id.trim()), value.to_owned());
        }
    }
    all
}

/// The property with the last line for a resource.
fn field_of(resource: &str, wanted: &[(String, String)]) -> String {
    let of = |line: &str| line.split_once(':').is_some_and(|(name, _)| name.trim() == resource);
    let found = wanted.iter().rfind(|(line, _)| of(line));
    found.map_or_else(|| "linux.intelRdt".to_owned(), |(_, field)| field.clone())
}

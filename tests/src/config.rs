//! Edits a `config.json` by dotted paths, as `process.user.uid` or `mounts.0.options`.

use serde_json::{Map, Value};

/// What `runc spec` writes, without a terminal and with the probe as program.
pub(crate) fn default() -> Value {
    serde_json::from_str(include_str!("config.json")).expect("config.json of the suite is JSON")
}

/// Returns the value at `path`; makes objects on the way where nothing is.
pub(crate) fn entry<'a>(config: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(config, |value, key| match value {
        Value::Array(items) => {
            let index: usize = key.parse().unwrap_or_else(|_| panic!("{key} is no index: {path}"));
            &mut items[index]
        }
        value => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            let object = value.as_object_mut().unwrap_or_else(|| panic!("{path} passes a scalar"));
            object.entry(key).or_insert(Value::Null)
        }
    })
}

/// Adds an item to the list at `path`, which is made if it is not there.
pub(crate) fn push(config: &mut Value, path: &str, item: Value) {
    let list = entry(config, path);
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut().unwrap_or_else(|| panic!("{path} is no list")).push(item);
}

/// Removes the key or index that `path` ends with.
pub(crate) fn remove(config: &mut Value, path: &str) {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = if parent.is_empty() { config } else { entry(config, parent) };
    let gone = match parent {
        Value::Array(items) => Some(items.remove(key.parse().expect("an index"))),
        value => value.as_object_mut().and_then(|object| object.remove(key)),
    };
    assert!(gone.is_some(), "the configuration has no {path} to remove");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{entry, push, remove};

    #[test]
    fn paths_reach_into_lists_and_make_objects() {
        let mut config = json!({ "mounts": [{ "source": "a" }] });
        *entry(&mut config, "mounts.0.source") = json!("b");
        *entry(&mut config, "linux.resources.pids") = json!(1);
        push(&mut config, "linux.devices", json!("d"));
        remove(&mut config, "linux.resources");
        assert_eq!(config, json!({ "mounts": [{ "source": "b" }], "linux": { "devices": ["d"] } }));
    }
}

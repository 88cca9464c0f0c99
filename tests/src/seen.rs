//! What the probe answered from inside a container.

use std::ops::Index;

use serde_json::{Map, Value};

/// The answers of one run of the probe, by step.
#[derive(Debug)]
pub struct Seen(Map<String, Value>);

impl Seen {
    /// Collects the answers in `text`, and passes over lines that are none.
    ///
    /// A terminal may have put something before the first one.
    pub fn parse(text: &str) -> Seen {
        let answers = text.lines().filter_map(|line| {
            let object = &line[line.find('{')?..];
            let mut answer: Map<String, Value> = serde_json::from_str(object.trim()).ok()?;
            let step = answer.get("step")?.as_str()?.to_owned();
            Some((step, answer.remove("result")?))
        });
        Seen(answers.collect())
    }

    /// The topmost mount at `path`, from the step `mounts`; panics when there is none.
    #[track_caller]
    pub fn mount(&self, path: &str) -> &Value {
        let mount = self.mounts().rfind(|mount| mount["path"] == path);
        mount.unwrap_or_else(|| panic!("nothing is mounted at {path}: {:#}", self["mounts"]))
    }

    /// The options of the mount at `path`, as the kernel shows them, joined by commas.
    #[track_caller]
    pub fn mount_options(&self, path: &str) -> String {
        joined(&self.mount(path)["options"])
    }

    /// The options of the file system at `path`, joined by commas.
    #[track_caller]
    pub fn filesystem_options(&self, path: &str) -> String {
        joined(&self.mount(path)["super"])
    }

    /// The propagation of the mount at `path`: `shared`, `master`, both, or nothing for private.
    #[track_caller]
    pub fn propagation(&self, path: &str) -> String {
        joined(&self.mount(path)["propagation"])
    }

    /// The number of mounts at `path`.
    pub fn mounts_at(&self, path: &str) -> usize {
        self.mounts().filter(|mount| mount["path"] == path).count()
    }

    fn mounts(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self["mounts"].as_array().expect("the step `mounts` answers with a list").iter()
    }
}

impl Index<&str> for Seen {
    type Output = Value;

    #[track_caller]
    fn index(&self, step: &str) -> &Value {
        self.0.get(step).unwrap_or_else(|| panic!("no answer to {step:?} in {:?}", self.0))
    }
}

/// The values of some keys of an answer, as a list.
pub fn pick<const COUNT: usize>(answer: &Value, keys: [&str; COUNT]) -> Value {
    keys.iter().map(|key| answer[key].clone()).collect()
}

fn joined(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(",")
}

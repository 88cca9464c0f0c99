//! Both runtimes get the line, each in a world of its own.

use std::path::Path;

use behaviour::{Finished, runtime};
use serde_json::Value;

use crate::line::{Line, Output};
use crate::world::World;

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The exit code.
    Code,
    /// Standard output.
    Stdout,
    /// The peer does not say the words.
    Words,
}

/// What was found.
pub struct Found {
    /// What differs.
    pub differs: Vec<Aspect>,
    /// The words that the runtime under test does not say, which is never right.
    pub missing: Vec<&'static str>,
    /// Both, for people.
    pub shown: String,
}

/// Runs the line with both.
pub fn compare(line: &Line) -> Found {
    let (own, own_world) = run(&runtime().path(), line);
    let (peer, peer_world) = run(Path::new(line.peer.program()), line);
    let mut differs = Vec::new();
    if own.code() != peer.code() {
        differs.push(Aspect::Code);
    }
    let same = match line.output {
        Output::Same => own_world.plain(&own.stdout) == peer_world.plain(&peer.stdout),
        Output::Keys => keys(&own.stdout) == keys(&peer.stdout),
        Output::Mistake => own.stdout.is_empty() && peer.stdout.starts_with("Incorrect Usage"),
        Output::Any => true,
        Output::Prose => !own.stdout.is_empty() && !peer.stdout.is_empty(),
    };
    if !same {
        differs.push(Aspect::Stdout);
    }
    let lacks = |done: &Finished, world: &World| -> Vec<&'static str> {
        let text = world.plain(&format!("{}{}", done.stdout, done.stderr));
        line.says.iter().filter(|words| !text.contains(**words)).copied().collect()
    };
    if !lacks(&peer, &peer_world).is_empty() {
        differs.push(Aspect::Words);
    }
    let missing = lacks(&own, &own_world);
    Found { differs, missing, shown: format!("{own}\n\n{peer}") }
}

fn run(program: &Path, line: &Line) -> (Finished, World) {
    let world = World::new(program, line);
    (world.run(line), world)
}

/// The keys of a JSON text at all depths, in their order; lists count as their first item.
fn keys(text: &str) -> Vec<String> {
    fn gather(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    found.push(format!("{path}.{key}"));
                    gather(value, &format!("{path}.{key}"), found);
                }
            }
            Value::Array(list) => {
                list.first().into_iter().for_each(|item| gather(item, &format!("{path}[]"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    match serde_json::from_str(text) {
        Ok(value) => gather(&value, "", &mut found),
        Err(error) => found.push(format!("no JSON: {error}")),
    }
    found
}

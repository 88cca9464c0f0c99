//! What a command line finds: a bundle, and containers in the states that it names.

use std::path::Path;

use behaviour::{Bundle, Call, Finished};
use serde_json::json;

use crate::line::Line;

/// Containers that a line can name, and the commands that bring one there.
const CONTAINERS: [(&str, &[&str]); 4] = [
    ("CREATED", &["create"]),
    ("RUNNING", &["create", "start"]),
    ("PAUSED", &["create", "start", "pause"]),
    ("STOPPED", &["create", "start", "kill"]),
];
/// Ids that no container has before.
const FREE: [&str; 2] = ["NEW", "MISSING"];

/// The world of one runtime.
pub struct World {
    program: String,
    bundle: Bundle,
}

impl World {
    /// Makes the containers that the line names.
    pub fn new(program: &Path, line: &Line) -> World {
        let program = program.to_str().unwrap().to_owned();
        let bundle = Bundle::new().steps(&["sleep"]).writable();
        // Writes config.json.
        let _ = bundle.run_call(&[]);
        let world = World { program, bundle };
        world.write_files();
        for (word, commands) in CONTAINERS.iter().filter(|(word, _)| line.words.contains(word)) {
            for command in *commands {
                world.bring(command, &world.id(word));
            }
        }
        world
    }

    fn write_files(&self) {
        let process = json!({
            "args": ["/bin/probe", "self"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
        });
        self.bundle.host_file("process.json", &process.to_string());
        self.bundle.host_file("resources.json", &json!({ "pids": { "limit": 20 } }).to_string());
        self.bundle.host_file("broken.json", "{");
        self.bundle.host_file("file", "");
        self.bundle.host_folder("empty");
        std::fs::create_dir_all(self.bundle.root()).unwrap();
    }

    fn id(&self, word: &str) -> String {
        format!("{}-{}", self.bundle.id, word.to_lowercase())
    }

    fn bring(&self, command: &str, id: &str) {
        let call = self.call().arg(command);
        let call = match command {
            "create" => call.arg("--bundle").arg(self.bundle.path()).arg(id),
            "kill" => call.arg(id).arg("KILL"),
            _ => call.arg(id),
        };
        call.finish().ok();
        if command == "kill" {
            behaviour::host::eventually("the end of the container", || {
                let state = self.call().arg("state").arg(id).finish();
                state.stdout.contains("\"status\": \"stopped\"")
            });
        }
    }

    fn call(&self) -> Call {
        Call::new(self.program.as_ref()).arg("--root").arg(self.bundle.root())
    }

    /// Paths and names that are others in each world.
    fn own(&self) -> Vec<(String, &'static str)> {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let mut own: Vec<(String, &str)> = Vec::new();
        let words = CONTAINERS.iter().map(|(word, _)| *word).chain(FREE);
        own.extend(words.map(|word| (self.id(word), word)));
        own.push((path(self.bundle.path()), "BUNDLE"));
        own.push((path(self.bundle.root()), "ROOT"));
        own.push((path(self.bundle.scratch("x")).trim_end_matches("/x").to_owned(), "SCRATCH"));
        own
    }

    /// Gives the line to the runtime.
    pub fn run(&self, line: &Line) -> Finished {
        let own = self.own();
        let mut call = self.call().cwd(&self.bundle.scratch("empty"));
        for word in line.words.split(' ') {
            let word = if word == "''" { "" } else { word };
            let real =
                own.iter().fold(word.to_owned(), |text, (real, name)| text.replace(name, real));
            call = call.arg(real);
        }
        call.stdin(line.stdin).finish()
    }

    /// A text with the names that the lines have, and `N` for every number.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace("\\\"", "\"");
        let text = self.own().iter().fold(text, |text, (real, name)| text.replace(real, name));
        let mut plain = String::new();
        for letter in text.chars() {
            if !letter.is_ascii_digit() {
                plain.push(letter);
            } else if !plain.ends_with('N') {
                plain.push('N');
            }
        }
        plain
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for word in CONTAINERS.iter().map(|(word, _)| *word).chain(FREE) {
            self.call().args(&["delete", "--force"]).arg(self.id(word)).finish();
        }
    }
}

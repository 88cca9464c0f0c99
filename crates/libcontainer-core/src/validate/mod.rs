//! All problems of a configuration at once, for `orun validate`.
//!
//! No rule is written here: the types and the planner find one problem, and stop. So its value is
//! taken out of a copy of the document, and they are asked again, until they are content. An error
//! that only comes of what was taken out is not told.

mod document;
mod shape;

use std::collections::HashMap;

use serde::de::IgnoredAny;

use self::document::{Content, Member, Node, Trail, line_and_column, push_name};
use self::shape::{Shape, join};
use crate::error::{Cause, Error, Result};
use crate::plan::{self, Host, Options};
use crate::spec::{Spec, Strict};
use crate::step::Step;

/// What is wrong with a configuration.
#[derive(Debug)]
pub struct Report {
    /// The problems, in the order of the text.
    pub problems: Vec<Problem>,
    /// Whether these are all; not so after an error that leaves nothing to go on with.
    pub complete: bool,
}

/// One problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON path of the property, empty for the whole document.
    pub path: String,
    /// Line in the text, from 1.
    pub line: usize,
    /// Byte in the line, from 1.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The property that was meant, perhaps.
    pub suggestion: Option<String>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `create` refuses the configuration.
    Error,
    /// `create` accepts it; it may not mean what was wanted.
    Warning,
}

/// How often the planner is asked; a file with more errors than that is no configuration.
const ROUNDS_MAX: usize = 200;

/// What is put in the place of a value that is needed and missing, so that the rest can be checked.
const NEEDED: [(&str, &str); 8] = [
    ("ociVersion", r#""1.0.0""#),
    ("root", r#"{"path":"rootfs"}"#),
    ("root.path", r#""rootfs""#),
    ("process.cwd", r#""/""#),
    ("process.args", r#"["sh"]"#),
    ("linux.uidMappings", r#"[{"containerID":0,"hostID":0,"size":4294967295}]"#),
    ("linux.gidMappings", r#"[{"containerID":0,"hostID":0,"size":4294967295}]"#),
    ("linux.seccomp.defaultAction", r#""SCMP_ACT_ALLOW""#),
];

/// Finds the problems of a configuration.
///
/// An error is one of the options, not of the configuration.
pub fn validate(text: &[u8], options: &Options, mut host: Host) -> Result<Report> {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        let problem = Problem {
            path: String::new(),
            line: error.line(),
            column: error.column(),
            severity: Severity::Error,
            message: without_place(&error),
            suggestion: None,
        };
        return Ok(Report { problems: vec![problem], complete: false });
    }
    let shape = shape::of_config();
    let mut document = Node::read(text);
    let mut problems = Vec::new();
    Names { text, shapes: &shape, problems: &mut problems }.check(&mut document, &shape, "", "");
    let mut review = Review { text, document, problems, edited: Vec::new(), inserted: Vec::new() };
    let complete = review.ask(options, &mut host)?;
    let mut problems = review.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Ok(Report { problems, complete })
}

/// The paths of all properties that are read, as `mounts[].options` and `linux.timeOffsets.*.secs`.
pub fn properties() -> Vec<String> {
    let mut paths = Vec::new();
    shape::of_config().objects("", &mut |object, fields| {
        paths.extend(fields.iter().map(|(name, _)| join(object, name)));
    });
    paths
}

/// The document and what was found in it so far.
struct Review<'t> {
    text: &'t [u8],
    document: Node,
    problems: Vec<Problem>,
    /// Paths of what was taken out.
    edited: Vec<String>,
    /// Paths of what was put in.
    inserted: Vec<&'static str>,
}

impl Review<'_> {
    /// Asks the planner until it is content; whether it came to that.
    fn ask(&mut self, options: &Options, host: &mut Host) -> Result<bool> {
        for _ in 0..ROUNDS_MAX {
            let mut text = Vec::with_capacity(self.text.len());
            self.document.write(self.text, &mut text);
            let (path, message) = match judge(&text, options, host)? {
                Verdict::Accepted(warnings) => {
                    warnings.iter().for_each(|warning| self.warn(warning));
                    return Ok(true);
                }
                Verdict::Refused(path, message) => (path, message),
            };
            let trail = self.document.find(&path);
            let full = format!("{}{}", trail.path, trail.rest);
            if !self.is_consequence(&full) {
                self.note(&trail, &full, Severity::Error, message);
            }
            if full == "linux.namespaces" && host.euid != 0 {
                // For lack of a user namespace; root needs none.
                host.euid = 0;
            } else if !self.repair(&trail, &full) {
                return Ok(false);
            }
            self.edited.push(full);
        }
        Ok(false)
    }

    /// Whether an error is about something that was taken out, or that misses it.
    fn is_consequence(&self, path: &str) -> bool {
        self.edited.iter().any(|edited| {
            edited.strip_prefix(path).is_some_and(|rest| {
                rest.is_empty() || path.is_empty() || rest.starts_with(['.', '['])
            })
        })
    }

    /// Takes out what an error is about, or puts in what it misses; whether that was possible.
    fn repair(&mut self, trail: &Trail, full: &str) -> bool {
        let mut steps = &trail.steps[..];
        if !trail.rest.is_empty() && self.insert(trail, full) {
            return true;
        }
        if full.starts_with("mounts[") {
            // Its properties depend on each other: one that lost some is refused for others.
            steps = &steps[..steps.len().min(2)];
        }
        // Without namespaces all the rest would be refused.
        if steps.is_empty() || trail.path == "linux" {
            return false;
        }
        let replacement = if self.lacks_mount_namespace(full) { r#""mount""# } else { "" };
        self.document.at_mut(steps).replaced = Some(replacement);
        true
    }

    /// Whether this is the type of a namespace, and none of the others is a mount namespace: then
    /// everything about mounts would be refused.
    fn lacks_mount_namespace(&self, path: &str) -> bool {
        let Some((list, "type")) = path.rsplit_once("].") else { return false };
        let Some((list @ "linux.namespaces", _)) = list.rsplit_once('[') else { return false };
        let mut text = Vec::new();
        self.document.at(&self.document.find(list).steps).write(self.text, &mut text);
        !String::from_utf8_lossy(&text).contains(r#""type":"mount""#)
    }

    fn insert(&mut self, trail: &Trail, full: &str) -> bool {
        let Some((path, value)) = NEEDED.iter().find(|(path, _)| *path == full) else {
            return false;
        };
        let name = trail.rest.trim_start_matches('.');
        let parent = self.document.at_mut(&trail.steps);
        let start = parent.start;
        match &mut parent.content {
            Content::Object(members) if !self.inserted.contains(path) && !name.contains('.') => {
                let value = Node::instead(start, value);
                members.push(Member { name: name.to_owned(), start, value });
                self.inserted.push(path);
                true
            }
            _ => false,
        }
    }

    /// A warning of the planner begins with its property.
    fn warn(&mut self, warning: &str) {
        let (path, message) = warning.split_once(": ").unwrap_or(("", warning));
        let trail = self.document.find(path);
        if trail.rest.is_empty() {
            let full = trail.path.clone();
            self.note(&trail, &full, Severity::Warning, message.to_owned());
        } else {
            self.note(&self.document.find(""), "", Severity::Warning, warning.to_owned());
        }
    }

    fn note(&mut self, trail: &Trail, path: &str, severity: Severity, message: String) {
        let (line, column) = line_and_column(self.text, self.document.at(&trail.steps).start);
        let path = path.to_owned();
        self.problems.push(Problem { path, line, column, severity, message, suggestion: None });
    }
}

/// What the types and the planner say of a document.
enum Verdict {
    /// It is good; these are the warnings.
    Accepted(Vec<String>),
    /// The path of the first error, and what is wrong.
    Refused(String, String),
}

fn judge(text: &[u8], options: &Options, host: &Host) -> Result<Verdict> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let spec: Spec<'_> = match serde_path_to_error::deserialize(Strict(&mut deserializer)) {
        Ok(spec) => spec,
        Err(error) => {
            let path = error.path().to_string();
            let path = if path == "." { "" } else { &path };
            let message = without_place(error.inner());
            let missing = message.strip_prefix("missing field `");
            return Ok(match missing.and_then(|rest| rest.strip_suffix('`')) {
                Some(name) => Verdict::Refused(join(path, name), "is missing".to_owned()),
                None => Verdict::Refused(path.to_owned(), message),
            });
        }
    };
    match plan::plan(&spec, options, host) {
        Ok(plan) => Ok(Verdict::Accepted(plan.warnings)),
        Err(Error { step: Step::CheckConfig, field, cause: Cause::Reason(reason), .. }) => {
            Ok(Verdict::Refused(field.unwrap_or_default(), reason))
        }
        Err(error) => Err(error),
    }
}

/// The message alone: the place in it is one of the edited copy.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// The check of all names: those that nobody knows, and those that are given twice.
struct Names<'a> {
    text: &'a [u8],
    shapes: &'a Shape,
    problems: &'a mut Vec<Problem>,
}

impl Names<'_> {
    /// `object` is the path in the types, `path` the one in the document.
    fn check(&mut self, node: &mut Node, shape: &Shape, object: &str, path: &str) {
        match (&mut node.content, shape) {
            (Content::List(items), Shape::List(of)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.check(item, of, &format!("{object}[]"), &format!("{path}[{index}]"));
                }
            }
            (Content::Object(members), Shape::Map(_) | Shape::Object { .. }) => {
                self.find_doubles(members, shape, path);
                for member in members {
                    let inner = child(path, &member.name);
                    match shape {
                        Shape::Map(of) => {
                            self.check(&mut member.value, of, &join(object, "*"), &inner);
                        }
                        _ => self.known(member, shape, object, &inner),
                    }
                }
            }
            _ => {}
        }
    }

    fn known(&mut self, member: &mut Member, shape: &Shape, object: &str, path: &str) {
        let Shape::Object { fields, aliases } = shape else { return };
        if let Some((name, shape)) = fields.iter().find(|(name, _)| *name == member.name) {
            return self.check(&mut member.value, shape, &join(object, name), path);
        }
        if aliases.contains(&&*member.name) || shape::is_elsewhere(object, &member.name) {
            return;
        }
        let suggestion = self.shapes.closest(object, &member.name);
        self.note(member.start, path, Severity::Warning, "unknown property", suggestion);
    }

    /// The types refuse a property that is given twice; in a map the last one counts.
    fn find_doubles(&mut self, members: &mut [Member], shape: &Shape, path: &str) {
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(members.len());
        for index in 0..members.len() {
            let Some(before) = seen.insert(members[index].name.clone(), index) else { continue };
            let refused = matches!(shape, Shape::Object { fields, .. }
                if fields.iter().any(|(name, _)| *name == members[index].name));
            let (severity, message) = if refused {
                (Severity::Error, "is given twice")
            } else {
                (Severity::Warning, "is given twice; the last one counts")
            };
            let path = child(path, &members[index].name);
            self.note(members[index].start, &path, severity, message, None);
            members[before].value.replaced = Some("");
        }
    }

    fn note(
        &mut self,
        start: usize,
        path: &str,
        severity: Severity,
        message: &str,
        suggestion: Option<String>,
    ) {
        let (line, column) = line_and_column(self.text, start);
        let (path, message) = (path.to_owned(), message.to_owned());
        self.problems.push(Problem { path, line, column, severity, message, suggestion });
    }
}

fn child(path: &str, name: &str) -> String {
    let mut path = path.to_owned();
    push_name(&mut path, name);
    path
}

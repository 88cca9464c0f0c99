//! A document as a tree that knows where in the text each value is, and from which values can be taken away.

use std::fmt::Write as _;

/// A value: where it begins and ends in the text, and what it holds.
#[derive(Debug)]
pub struct Node {
    /// Offset of its first byte.
    pub start: usize,
    end: usize,
    /// What it holds.
    pub content: Content,
    /// What stands in its place, if it was taken away: nothing, or another text.
    pub replaced: Option<&'static str>,
}

/// What a value holds.
#[derive(Debug)]
pub enum Content {
    /// A string, number, truth value or null; and whatever is nested too deeply.
    Scalar,
    /// A list.
    List(Vec<Node>),
    /// An object.
    Object(Vec<Member>),
}

/// A property of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Offset of the name's first byte.
    pub start: usize,
    /// Its value.
    pub value: Node,
}

/// What is nested more deeply is read as one scalar: no property of a configuration is.
const DEPTH_MAX: usize = 60;

/// The place of a byte in a text: line and column, from 1. Columns are bytes, as in serde_json's messages.
pub fn line_and_column(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

impl Node {
    /// Reads a text that is known to be JSON.
    pub fn read(text: &[u8]) -> Node {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        reader.value(0)
    }

    /// A value that is not in the text.
    pub fn instead(start: usize, value: &'static str) -> Node {
        Node { start, end: start, content: Content::Scalar, replaced: Some(value) }
    }

    /// Whether the value is still there as it was given.
    pub fn is_there(&self) -> bool {
        self.replaced.is_none()
    }

    /// Writes the document anew, without what was taken away.
    pub fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        match (&self.replaced, &self.content) {
            (Some(other), _) => out.extend_from_slice(other.as_bytes()),
            (None, Content::Scalar) => out.extend_from_slice(&text[self.start..self.end]),
            (None, Content::List(items)) => {
                let items = items.iter().filter(|item| !item.is_gone());
                separated(out, b'[', items, b']', |item, out| item.write(text, out));
            }
            (None, Content::Object(members)) => {
                let members = members.iter().filter(|member| !member.value.is_gone());
                separated(out, b'{', members, b'}', |member, out| {
                    out.extend_from_slice(&serde_json::to_vec(&member.name).unwrap_or_default());
                    out.push(b':');
                    member.value.write(text, out);
                });
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.replaced == Some("")
    }

    /// Follows a path of the document *as it was written anew* as far as it leads.
    pub fn find(&self, path: &str) -> Trail {
        let mut trail = Trail { steps: Vec::new(), path: String::new(), rest: path.to_owned() };
        let mut node = self;
        while !trail.rest.is_empty() && node.is_there() {
            let Some((step, next, length)) = node.step(&trail.rest) else { break };
            trail.steps.push(step);
            match &node.content {
                Content::Object(members) => push_name(&mut trail.path, &members[step].name),
                _ => _ = write!(trail.path, "[{step}]"),
            }
            trail.rest.drain(..length);
            node = next;
        }
        trail
    }

    /// The child that a path begins with: its place among the children, and the length of its name in the path.
    fn step(&self, path: &str) -> Option<(usize, &Node, usize)> {
        match &self.content {
            Content::Scalar => None,
            Content::List(items) => {
                let (number, _) = path.strip_prefix('[')?.split_once(']')?;
                let index: usize = number.parse().ok()?;
                let there = items.iter().enumerate().filter(|(_, item)| !item.is_gone());
                let (place, item) = there.clone().nth(index)?;
                Some((place, item, number.len() + 2))
            }
            // Names may have dots: the longest one that fits is meant.
            Content::Object(members) => members
                .iter()
                .enumerate()
                .filter(|(_, member)| !member.value.is_gone())
                .filter_map(|(place, member)| {
                    Some((place, &member.value, prefix(path, &member.name)?))
                })
                .max_by_key(|(_, _, length)| *length),
        }
    }

    /// The value at the end of a trail's first steps.
    pub fn at(&self, steps: &[usize]) -> &Node {
        steps.iter().fold(self, |node, step| match &node.content {
            Content::List(items) => &items[*step],
            Content::Object(members) => &members[*step].value,
            Content::Scalar => unreachable!("a trail goes through lists and objects only"),
        })
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, steps: &[usize]) -> &mut Node {
        steps.iter().fold(self, |node, step| match &mut node.content {
            Content::List(items) => &mut items[*step],
            Content::Object(members) => &mut members[*step].value,
            Content::Scalar => unreachable!("a trail goes through lists and objects only"),
        })
    }
}

/// How far a path leads into a document.
#[derive(Debug)]
pub struct Trail {
    /// The place of the value in its parent, for each level.
    pub steps: Vec<usize>,
    /// The path so far, with the indices of the text as it was given.
    pub path: String,
    /// What of the path is not there.
    pub rest: String,
}

/// Adds a name to a path; one with strange letters in brackets and quotes.
pub fn push_name(path: &mut String, name: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        _ = write!(path, "[{name:?}]");
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// The length of a name at the begin of a path, in either way of writing it, if it is there.
fn prefix(path: &str, name: &str) -> Option<usize> {
    let plain = path.strip_prefix('.').unwrap_or(path);
    let quoted = format!("[{name:?}]");
    let (rest, length) = match plain.strip_prefix(name) {
        Some(rest) => (rest, path.len() - rest.len()),
        None => (path.strip_prefix(&quoted)?, quoted.len()),
    };
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(length)
}

fn separated<T>(
    out: &mut Vec<u8>,
    open: u8,
    items: impl Iterator<Item = T>,
    close: u8,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

/// A reader of text that is known to be JSON, so that nothing needs to be checked again.
struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(b'}')
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r' | b',' | b':') {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Node {
        let start = self.at;
        let content = match self.peek() {
            b'[' if depth < DEPTH_MAX => {
                self.at += 1;
                self.space();
                let mut items = Vec::new();
                while self.at < self.text.len() && self.peek() != b']' {
                    items.push(self.value(depth + 1));
                    self.space();
                }
                self.at += 1;
                Content::List(items)
            }
            b'{' if depth < DEPTH_MAX => {
                self.at += 1;
                self.space();
                let mut members = Vec::new();
                while self.at < self.text.len() && self.peek() != b'}' {
                    members.push(self.member(depth + 1));
                    self.space();
                }
                self.at += 1;
                Content::Object(members)
            }
            _ => {
                self.scalar();
                Content::Scalar
            }
        };
        Node { start, end: self.at.min(self.text.len()), content, replaced: None }
    }

    fn member(&mut self, depth: usize) -> Member {
        let start = self.at;
        self.scalar();
        let raw = &self.text[start..self.at];
        let name = serde_json::from_slice(raw)
            .unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned());
        self.space();
        Member { name, start, value: self.value(depth) }
    }

    /// Passes over a string, a word or number, or anything in brackets.
    fn scalar(&mut self) {
        let mut open = 0_usize;
        while self.at < self.text.len() {
            match self.peek() {
                b'"' => self.string(),
                b'[' | b'{' => {
                    open += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                b' ' | b'\n' | b'\t' | b'\r' | b',' | b':' => self.space(),
                _ => self.word(),
            }
            if open == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while self.at < self.text.len() && self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.text.len());
    }

    fn word(&mut self) {
        let ends = |byte: u8| {
            matches!(
                byte,
                b' ' | b'\n' | b'\t' | b'\r' | b',' | b':' | b']' | b'}' | b'[' | b'{' | b'"'
            )
        };
        while self.at < self.text.len() && !ends(self.peek()) {
            self.at += 1;
        }
    }
}

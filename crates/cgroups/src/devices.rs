//! Device rules (config-linux.md, "Allowed Device list"): parsed, completed with what every
//! container may use, and put in force by files in version 1, by a program in version 2.

use std::os::fd::AsFd;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::bpf::{self, Instruction};
use crate::error::{At, Cause, Error, PlanError};
use crate::file;
use crate::spec;
use crate::step::{Place, Write, Writer};
use crate::v1_devices::State;

pub(crate) const MKNOD: u8 = 1;
pub(crate) const READ: u8 = 2;
pub(crate) const WRITE: u8 = 4;
pub(crate) const ALL: u8 = MKNOD | READ | WRITE;

/// The type that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Block,
    Char,
}

/// One rule; a number that is `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) allow: bool,
    pub(crate) kind: Kind,
    pub(crate) major: Option<u32>,
    pub(crate) minor: Option<u32>,
    pub(crate) access: u8,
}

/// What every container may use whatever its rules say, as its `/dev` has it: any `mknod`; null,
/// zero, full, random, urandom; tty and ptmx; pseudo-terminals; and tun, which VPNs expect.
const ALWAYS: [(Kind, Option<u32>, Option<u32>, u8); 11] = [
    (Kind::Char, None, None, MKNOD),
    (Kind::Block, None, None, MKNOD),
    (Kind::Char, Some(1), Some(3), ALL),
    (Kind::Char, Some(1), Some(5), ALL),
    (Kind::Char, Some(1), Some(7), ALL),
    (Kind::Char, Some(1), Some(8), ALL),
    (Kind::Char, Some(1), Some(9), ALL),
    (Kind::Char, Some(5), Some(0), ALL),
    (Kind::Char, Some(5), Some(2), ALL),
    (Kind::Char, Some(136), None, ALL),
    (Kind::Char, Some(10), Some(200), ALL),
];

/// Rules in order, the last match wins; what none matches is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    /// How many of them, from the first, the configuration lists.
    pub(crate) listed: usize,
}

impl Rules {
    /// Parses the rules and adds what every container may use.
    ///
    /// A list that says nothing about a device denies it: a list of allowed devices must not turn
    /// into a list of denied ones (GO-2022-0396).
    pub(crate) fn new(listed: &[spec::Device<'_>]) -> Result<Self, PlanError> {
        let mut rules = Vec::with_capacity(listed.len() + ALWAYS.len());
        for (index, device) in listed.iter().enumerate() {
            rules.push(parse(index, device)?);
        }
        rules.extend(ALWAYS.map(|(kind, major, minor, access)| Rule {
            allow: true,
            kind,
            major,
            minor,
            access,
        }));
        Ok(Self { rules, listed: listed.len() })
    }

    /// Whether the rules allow everything.
    pub(crate) fn allow_all(&self) -> bool {
        let rules = &self.rules;
        let last_of_all = rules.iter().rposition(Rule::is_all);
        last_of_all.is_some_and(|index| rules[index..].iter().all(|rule| rule.allow))
    }
}

impl Rule {
    /// Whether the rule is about every access to every device.
    pub(crate) fn is_all(&self) -> bool {
        self.kind == Kind::Any && self.major.is_none() && self.minor.is_none() && self.access == ALL
    }

    /// The rule as the files of version 1 have it.
    pub(crate) fn line(&self) -> String {
        let kind = match self.kind {
            Kind::Any => 'a',
            Kind::Block => 'b',
            Kind::Char => 'c',
        };
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |n| n.to_string());
        format!("{kind} {}:{} {}", number(self.major), number(self.minor), self.letters())
    }

    /// The kinds of access, as letters.
    pub(crate) fn letters(&self) -> String {
        let letters = [(READ, 'r'), (WRITE, 'w'), (MKNOD, 'm')];
        letters.iter().filter(|(bit, _)| self.access & bit != 0).map(|(_, letter)| letter).collect()
    }
}

fn parse(index: usize, device: &spec::Device<'_>) -> Result<Rule, PlanError> {
    let refuse = |field: &str, message: String| {
        Err(PlanError::new(format!("linux.resources.devices[{index}].{field}"), message))
    };
    let kind = match device.kind.as_deref().unwrap_or("a") {
        "" | "a" => Kind::Any,
        "b" => Kind::Block,
        "c" => Kind::Char,
        other => return refuse("type", format!("{other:?} is none of a, b, c")),
    };
    let mut numbers = [None; 2];
    for (slot, (field, value)) in
        numbers.iter_mut().zip([("major", device.major), ("minor", device.minor)])
    {
        *slot = match value.map(u32::try_from) {
            None => None,
            Some(Ok(number)) => Some(number),
            Some(Err(_)) if value == Some(-1) => None,
            Some(Err(_)) => return refuse(field, "is neither a device number nor -1".to_owned()),
        };
    }
    let letters = device.access.as_deref().unwrap_or_default();
    let mut access = 0;
    for letter in letters.chars() {
        access |= match letter {
            'r' => READ,
            'w' => WRITE,
            'm' => MKNOD,
            // Of no meaning here, but taken by runc.
            'a' => 0,
            _ => return refuse("access", format!("{letters:?} has other letters than r, w, m")),
        };
    }
    if access == 0 {
        if kind != Kind::Any {
            return refuse("access", "is missing".to_owned());
        }
        access = ALL;
    }
    Ok(Rule { allow: device.allow, kind, major: numbers[0], minor: numbers[1], access })
}

/// Device rules, ready to be put in force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Devices {
    /// Index of the directory in the record.
    pub(crate) directory: usize,
    form: Form,
    /// What to show: the writes of a new cgroup, or the rules of the program.
    writes: Vec<Write>,
    allow_all: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    V1(State),
    V2(Vec<Instruction>),
}

impl Devices {
    /// Rules for the devices controller of version 1.
    pub(crate) fn v1(directory: usize, rules: &Rules) -> Result<Self, PlanError> {
        let state = State::of(rules)?;
        let writes = writes(directory, state.writes_from_scratch());
        Ok(Self { directory, form: Form::V1(state), writes, allow_all: rules.allow_all() })
    }

    /// Rules as a program for version 2.
    pub(crate) fn v2(directory: usize, rules: &Rules) -> Self {
        let lines = rules.rules.iter().map(|rule| {
            ("bpf:device", format!("{} {}", if rule.allow { "allow" } else { "deny" }, rule.line()))
        });
        let writes = writes(directory, lines);
        let form = Form::V2(bpf::program(rules));
        Self { directory, form, writes, allow_all: rules.allow_all() }
    }

    /// What a new cgroup needs; lines under the name `bpf:device` are a listing, not a file.
    pub(crate) fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Puts the rules in force.
    pub(crate) fn apply(&self, place: &Place<'_>, writer: &mut Writer<'_>) -> Result<(), Error> {
        let result = match &self.form {
            Form::V1(state) => self.apply_v1(state, place, writer),
            Form::V2(program) => self.apply_v2(program, place),
        };
        match result {
            // Without the right to lift a parent's rules there is nothing to lift them from.
            Err(error) if self.allow_all && error.errno() == Some(Errno::PERM) => Ok(()),
            result => result,
        }
    }

    /// A new cgroup that denies by default is written from scratch; any other cgroup goes from
    /// what it has to the target without a moment that denies what both allow.
    fn apply_v1(
        &self,
        target: &State,
        place: &Place<'_>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error> {
        if place.is_fresh(self.directory) && !target.default_allow {
            return self.writes.iter().try_for_each(|write| writer.write(write));
        }
        let path = place.record.directories[self.directory].file("devices.list");
        let full = place.record.full(&path);
        let list = file::read_at(place.root, &path).at("read", &full)?;
        let Some(current) = State::parse(&list) else {
            return Err(Error::new("read", full, Cause::Unreadable));
        };
        let writes = writes(self.directory, current.transition(target));
        writes.iter().try_for_each(|write| writer.write(write))
    }

    fn apply_v2(&self, program: &[Instruction], place: &Place<'_>) -> Result<(), Error> {
        let path = place.record.directories[self.directory].below_root();
        let full = place.record.full(&path);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let cgroup = file::open(place.root, &path, flags).at("open cgroup", &full)?;
        let loaded = bpf::load(program).at("load device program for", &full)?;
        let result = if place.is_fresh(self.directory) {
            bpf::attach(cgroup.as_fd(), loaded.as_fd())
        } else {
            bpf::replace(cgroup.as_fd(), loaded.as_fd())
        };
        result.at("attach device program to", &full)
    }
}

fn writes(directory: usize, lines: impl IntoIterator<Item = (&'static str, String)>) -> Vec<Write> {
    let write = |(file, data): (&'static str, String)| Write {
        controller: "devices",
        file: file.into(),
        data: data.into(),
        directory,
        optional: false,
    };
    lines.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(json: &str) -> Result<Rule, PlanError> {
        parse(3, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn rules_from_json() {
        for (json, line) in [
            (r#"{"allow":false}"#, "a *:* rwm"),
            (r#"{"allow":false,"access":"rwm"}"#, "a *:* rwm"),
            (r#"{"allow":true,"type":"c","major":1,"minor":3,"access":"r"}"#, "c 1:3 r"),
            (r#"{"allow":true,"type":"b","major":-1,"minor":0,"access":"mw"}"#, "b *:0 wm"),
            (r#"{"allow":true,"type":"c","major":136,"access":"rw"}"#, "c 136:* rw"),
            (r#"{"allow":true,"type":"a","access":"r"}"#, "a *:* r"),
        ] {
            assert_eq!(device(json).unwrap().line(), line, "{json}");
        }
    }

    #[test]
    fn refused_rules() {
        for (json, field) in [
            (r#"{"allow":true,"type":"p","access":"r"}"#, "type"),
            (r#"{"allow":true,"type":"c","major":-2,"access":"r"}"#, "major"),
            (r#"{"allow":true,"type":"c","minor":4294967296,"access":"r"}"#, "minor"),
            (r#"{"allow":true,"type":"c","access":"rx"}"#, "access"),
            (r#"{"allow":true,"type":"c","major":1,"minor":3}"#, "access"),
        ] {
            let path = format!("linux.resources.devices[3].{field}");
            assert_eq!(device(json).unwrap_err().path, path, "{json}");
        }
    }

    #[test]
    fn allow_all() {
        let all = |json: &str| {
            let devices: Vec<spec::Device<'_>> = serde_json::from_str(json).unwrap();
            Rules::new(&devices).unwrap().allow_all()
        };
        assert!(all(r#"[{"allow":false},{"allow":true}]"#));
        assert!(!all("[]"));
        assert!(!all(r#"[{"allow":true},{"allow":false}]"#));
        assert!(!all(r#"[{"allow":true},{"allow":false,"type":"c","access":"r"}]"#));
        assert!(!all(r#"[{"allow":true,"access":"rw"}]"#));
    }
}

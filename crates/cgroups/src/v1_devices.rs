//! The devices controller of version 1 as a model: a default, exceptions to it, and the shortest
//! way from one state to another (Documentation/admin-guide/cgroup-v1/devices.rst).

use crate::devices::{Kind, MKNOD, READ, Rule, Rules, WRITE};
use crate::error::PlanError;

/// What a devices cgroup allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) default_allow: bool,
    exceptions: Vec<Exception>,
}

/// Devices and accesses that differ from the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exception {
    /// `Block` or `Char`.
    kind: Kind,
    major: Option<u32>,
    minor: Option<u32>,
    access: u8,
}

impl State {
    /// The state that rules lead to, from "nothing is allowed".
    ///
    /// # Errors
    /// When a rule takes a part out of an exception with a wildcard: version 1 cannot say that.
    pub(crate) fn of(rules: &Rules) -> Result<Self, PlanError> {
        let mut state = Self { default_allow: false, exceptions: Vec::new() };
        for (index, rule) in rules.rules.iter().enumerate() {
            if let Err(exception) = state.add(rule) {
                let (rule, exception) = (rule.line(), exception.line());
                let message = format!("cgroup v1 cannot take `{rule}` out of `{exception}`");
                let path = "linux.resources.devices";
                return Err(match index < rules.listed {
                    true => PlanError::new(format!("{path}[{index}]"), message),
                    false => PlanError::new(path, message + ", and every container may use it"),
                });
            }
        }
        Ok(state)
    }

    /// What differs from the default, as rules.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = Rule> + '_ {
        self.exceptions.iter().map(|exception| Rule {
            allow: !self.default_allow,
            kind: exception.kind,
            major: exception.major,
            minor: exception.minor,
            access: exception.access,
        })
    }

    /// Reads `devices.list`, which shows what is allowed.
    pub(crate) fn parse(list: &str) -> Option<Self> {
        let mut state = Self { default_allow: false, exceptions: Vec::new() };
        for line in list.lines() {
            let mut fields = line.split([' ', ':']);
            let kind = match fields.next()? {
                "a" => {
                    state.default_allow = true;
                    continue;
                }
                "b" => Kind::Block,
                "c" => Kind::Char,
                _ => return None,
            };
            let mut number = || match fields.next()? {
                "*" => Some(None),
                number => number.parse().ok().map(Some),
            };
            let (major, minor) = (number()?, number()?);
            let access = fields.next()?.bytes().try_fold(0, |access, letter| match letter {
                b'r' => Some(access | READ),
                b'w' => Some(access | WRITE),
                b'm' => Some(access | MKNOD),
                _ => None,
            })?;
            state.exceptions.push(Exception { kind, major, minor, access });
        }
        Some(state)
    }

    /// What to write, whatever the cgroup had: the default first, which drops all exceptions.
    pub(crate) fn writes_from_scratch(&self) -> Vec<(&'static str, String)> {
        let all = (file(self.default_allow), "a".to_owned());
        let exceptions = self.exceptions.iter();
        let rest = exceptions.map(|exception| (file(!self.default_allow), exception.line()));
        std::iter::once(all).chain(rest).collect()
    }

    /// What to write to go from here to the target; what both allow stays allowed all the time.
    pub(crate) fn transition(&self, target: &Self) -> Vec<(&'static str, String)> {
        // The kernel lists no exceptions to "allow all", so they may be there unseen.
        if self.default_allow != target.default_allow || !target.lists_its_exceptions() {
            return target.writes_from_scratch();
        }
        let missing = target.without(self).map(|e| (file(!self.default_allow), e.line()));
        let surplus = self.without(target).map(|e| (file(self.default_allow), e.line()));
        missing.chain(surplus).collect()
    }

    /// Whether `devices.list` shows this state in full.
    fn lists_its_exceptions(&self) -> bool {
        !self.default_allow || self.exceptions.is_empty()
    }

    /// The exceptions that the other state lacks.
    fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Exception> + 'a {
        self.exceptions.iter().filter_map(|exception| {
            let same = other.exceptions.iter().find(|one| one.is_same_device(exception));
            let access = exception.access & !same.map_or(0, |one| one.access);
            (access != 0).then_some(Exception { access, ..*exception })
        })
    }

    /// Applies a rule; the error is an exception that it would cut a hole into.
    fn add(&mut self, rule: &Rule) -> Result<(), Exception> {
        if rule.is_all() {
            *self = Self { default_allow: rule.allow, exceptions: Vec::new() };
            return Ok(());
        }
        // The kernel takes `a` for "everything", whatever else the line says.
        let kinds: &[Kind] = match rule.kind {
            Kind::Any => &[Kind::Block, Kind::Char],
            Kind::Block => &[Kind::Block],
            Kind::Char => &[Kind::Char],
        };
        for kind in kinds {
            let exception = Exception {
                kind: *kind,
                major: rule.major,
                minor: rule.minor,
                access: rule.access,
            };
            if rule.allow == self.default_allow {
                self.take_out(&exception)?;
            } else {
                self.put_in(exception);
            }
        }
        Ok(())
    }

    fn put_in(&mut self, exception: Exception) {
        match self.exceptions.iter_mut().find(|one| one.is_same_device(&exception)) {
            Some(same) => same.access |= exception.access,
            None => self.exceptions.push(exception),
        }
    }

    fn take_out(&mut self, exception: &Exception) -> Result<(), Exception> {
        for one in &mut self.exceptions {
            if exception.covers(one) {
                one.access &= !exception.access;
            } else if exception.overlaps(one) && one.access & exception.access != 0 {
                return Err(*one);
            }
        }
        self.exceptions.retain(|one| one.access != 0);
        Ok(())
    }
}

impl Exception {
    fn line(&self) -> String {
        let Self { kind, major, minor, access } = *self;
        Rule { allow: true, kind, major, minor, access }.line()
    }

    fn is_same_device(&self, other: &Self) -> bool {
        (self.kind, self.major, self.minor) == (other.kind, other.major, other.minor)
    }

    /// Whether every device of the other is one of these.
    fn covers(&self, other: &Self) -> bool {
        let covers = |mine: Option<u32>, its: Option<u32>| mine.is_none() || mine == its;
        self.kind == other.kind
            && covers(self.major, other.major)
            && covers(self.minor, other.minor)
    }

    /// Whether some device is in both.
    fn overlaps(&self, other: &Self) -> bool {
        let meet =
            |mine: Option<u32>, its: Option<u32>| mine.is_none() || its.is_none() || mine == its;
        self.kind == other.kind && meet(self.major, other.major) && meet(self.minor, other.minor)
    }
}

fn file(allow: bool) -> &'static str {
    if allow { "devices.allow" } else { "devices.deny" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::ALL;

    fn rule(text: &str) -> Rule {
        let (word, line) = text.split_once(' ').unwrap();
        let allow = word == "allow";
        if line == "a" {
            return Rule { allow, kind: Kind::Any, major: None, minor: None, access: ALL };
        }
        let any = line.starts_with('a');
        let state = State::parse(&line.replacen('a', "c", 1)).unwrap();
        let Exception { kind, major, minor, access } = state.exceptions[0];
        Rule { allow, kind: if any { Kind::Any } else { kind }, major, minor, access }
    }

    fn state(rules: &[&str]) -> Result<State, PlanError> {
        let rules: Vec<Rule> = rules.iter().map(|text| rule(text)).collect();
        State::of(&Rules { listed: rules.len(), rules })
    }

    fn lines(writes: &[(&str, String)]) -> Vec<String> {
        writes.iter().map(|(file, line)| format!("{} {line}", &file[8..])).collect()
    }

    #[test]
    fn from_scratch() {
        for (rules, expected) in [
            (&["allow c 1:3 r", "allow c 1:3 w"][..], &["deny a", "allow c 1:3 rw"][..]),
            (&["deny a", "allow a *:* m"], &["deny a", "allow b *:* m", "allow c *:* m"]),
            (&["allow a", "deny c 1:3 rwm"], &["allow a", "deny c 1:3 rwm"]),
            (&["allow c 1:3 rwm", "deny c 1:* w"], &["deny a", "allow c 1:3 rm"]),
            (&["allow c 1:3 rwm", "deny c 1:3 rwm"], &["deny a"]),
            (&["allow c 1:3 rwm", "allow a", "deny a"], &["deny a"]),
            (&["deny c 1:3 rwm"], &["deny a"]),
        ] {
            assert_eq!(lines(&state(rules).unwrap().writes_from_scratch()), expected, "{rules:?}");
        }
    }

    #[test]
    fn holes_in_wildcards() {
        for rules in [
            &["allow c 1:* rw", "deny c 1:3 r"][..],
            &["allow c *:3 rw", "deny c 1:* r"],
            &["allow a", "deny c 1:* rw", "allow c 1:3 r"],
        ] {
            assert_eq!(
                state(rules).unwrap_err().path,
                format!("linux.resources.devices[{}]", rules.len() - 1)
            );
        }
        let always = Rules { rules: vec![rule("allow c 1:* rw"), rule("deny c 1:3 r")], listed: 1 };
        assert_eq!(State::of(&always).unwrap_err().path, "linux.resources.devices");
        assert!(state(&["allow c *:* m", "deny c 1:3 rw"]).is_ok());
    }

    #[test]
    fn transitions() {
        for (from, to, expected) in [
            ("c 1:3 rwm\nc 1:5 rwm\n", &["allow c 1:3 rwm", "allow c 1:5 rwm"][..], &[][..]),
            ("c 1:3 rwm\n", &["allow c 1:5 r"], &["allow c 1:5 r", "deny c 1:3 rwm"]),
            ("c 1:3 r\n", &["allow c 1:3 w"], &["allow c 1:3 w", "deny c 1:3 r"]),
            ("a *:* rwm\n", &["allow a"], &[]),
            ("a *:* rwm\n", &["allow a", "deny b 8:0 w"], &["allow a", "deny b 8:0 w"]),
            ("a *:* rwm\n", &["allow c 1:3 r"], &["deny a", "allow c 1:3 r"]),
            ("", &["allow a"], &["allow a"]),
            ("", &[], &[]),
        ] {
            let current = State::parse(from).unwrap();
            let target = state(to).unwrap();
            assert_eq!(lines(&current.transition(&target)), expected, "{from:?} {to:?}");
        }
    }

    #[test]
    fn unknown_lists() {
        for list in ["x 1:3 r", "c 1 r", "c 1:y r", "c 1:3 q", "c 1:3"] {
            assert_eq!(State::parse(list), None, "{list:?}");
        }
    }
}

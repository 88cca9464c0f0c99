//! What resources mean where two of them speak of the same.

use std::borrow::Cow;

use crate::spec::{Cpu, Resources};

/// Files of version 2 that hold the weight.
const WEIGHTS: [&str; 2] = ["cpu.weight", "cpu.weight.nice"];

impl<'a> Resources<'a> {
    /// What of these resources has no effect, in a sentence.
    pub fn warning(&self) -> Option<&'static str> {
        let resources = self.with_one_cpu();
        (resources.is_idle() && resources.has_weight()).then_some(
            "linux.resources.cpu: unable to apply both shares (cpu.weight) and idle (cpu.idle): idle counts",
        )
    }

    /// The same without contradictions: `cpu` and `CPU` in one, and no weight for what is idle, as the
    /// kernel gives it none.
    pub(crate) fn settled(&self) -> Cow<'_, Self> {
        let mut resources = self.with_one_cpu();
        if resources.is_idle() && resources.has_weight() {
            let Self { cpu, unified, .. } = resources.to_mut();
            cpu.iter_mut().for_each(|cpu| cpu.shares = None);
            unified
                .iter_mut()
                .for_each(|files| files.retain(|file, _| !WEIGHTS.contains(&&**file)));
        }
        resources
    }

    /// `cpu.idle` or the file that overrides it: whether it is to be 1.
    pub(crate) fn idle(&self) -> Option<bool> {
        let file = self.unified.as_ref().and_then(|files| files.get("cpu.idle"));
        let property = self.cpu.as_ref().and_then(|cpu| cpu.idle);
        file.map(|value| value.trim() == "1").or(property.map(|idle| idle == 1))
    }

    /// Whether a weight is given, as shares or as a file.
    pub(crate) fn has_weight(&self) -> bool {
        let shares = self.cpu.as_ref().and_then(|cpu| cpu.shares).unwrap_or(0);
        let is_file =
            |file: &&str| self.unified.as_ref().is_some_and(|files| files.contains_key(*file));
        shares != 0 || WEIGHTS.iter().any(is_file)
    }

    fn is_idle(&self) -> bool {
        self.idle() == Some(true)
    }

    fn with_one_cpu(&self) -> Cow<'_, Self> {
        let Some(capitals) = &self.cpu_in_capitals else { return Cow::Borrowed(self) };
        let cpu = match &self.cpu {
            Some(cpu) => or(capitals.clone(), cpu),
            None => capitals.clone(),
        };
        Cow::Owned(Self { cpu: Some(cpu), cpu_in_capitals: None, ..self.clone() })
    }
}

fn or<'a>(first: Cpu<'a>, other: &Cpu<'a>) -> Cpu<'a> {
    Cpu {
        shares: first.shares.or(other.shares),
        quota: first.quota.or(other.quota),
        burst: first.burst.or(other.burst),
        period: first.period.or(other.period),
        realtime_runtime: first.realtime_runtime.or(other.realtime_runtime),
        realtime_period: first.realtime_period.or(other.realtime_period),
        cpus: first.cpus.or_else(|| other.cpus.clone()),
        mems: first.mems.or_else(|| other.mems.clone()),
        idle: first.idle.or(other.idle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Resources<'static> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_name_in_both_cases() {
        let both = read(r#"{"cpu":{"shares":2,"quota":3},"CPU":{"Quota":4,"Cpus":"0"}}"#);
        let one = read(r#"{"cpu":{"shares":2,"quota":4,"cpus":"0"}}"#);
        assert_eq!(*both.settled(), one);
        assert_eq!(both.warning(), None);
        assert!(matches!(one.settled(), Cow::Borrowed(_)));
    }

    #[test]
    fn idle_beside_a_weight() {
        for (text, meant) in [
            (r#"{"cpu":{"shares":2,"idle":1}}"#, r#"{"cpu":{"idle":1}}"#),
            (r#"{"cpu":{"shares":2},"CPU":{"idle":1}}"#, r#"{"cpu":{"idle":1}}"#),
            (
                r#"{"cpu":{"shares":2},"unified":{"cpu.idle":"1\n","cpu.weight":"8","cpu.max":"9"}}"#,
                r#"{"cpu":{},"unified":{"cpu.idle":"1\n","cpu.max":"9"}}"#,
            ),
        ] {
            assert_eq!(*read(text).settled(), read(meant), "{text}");
            assert!(read(text).warning().is_some(), "{text}");
        }
        for text in [
            r#"{"cpu":{"shares":2,"idle":0}}"#,
            r#"{"cpu":{"shares":0,"idle":1}}"#,
            r#"{"cpu":{"shares":2,"idle":1},"unified":{"cpu.idle":"0"}}"#,
        ] {
            assert_eq!(*read(text).settled(), read(text));
            assert_eq!(read(text).warning(), None, "{text}");
        }
    }
}

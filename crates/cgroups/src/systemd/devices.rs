//! Device rules as `DevicePolicy` and `DeviceAllow` (systemd.resource-control(5)): systemd puts its own
//! rules in force again whenever it reloads, so they must be ours.

use super::value::{Property, Value};
use crate::devices::{Kind, Rules};
use crate::error::PlanError;
use crate::spec::Device;
use crate::v1_devices::State;

/// The properties for these rules.
///
/// systemd knows lists of what is allowed only; a list of what is denied, or a hole in what is allowed,
/// stays with the rules that are put in force beside systemd's.
pub(crate) fn properties(listed: &[Device<'_>]) -> Result<[Property; 2], PlanError> {
    let rules = Rules::new(listed)?;
    let allowed = State::of(&rules).ok().filter(|state| !state.default_allow);
    let policy = if allowed.is_some() { "strict" } else { "auto" };
    let exceptions = allowed.iter().flat_map(State::exceptions);
    let entries = exceptions.filter_map(|rule| {
        let group = match rule.kind {
            Kind::Block => "block",
            _ => "char",
        };
        let device = match (rule.major, rule.minor) {
            (None, None) => format!("{group}-*"),
            (Some(major), None) => format!("{group}-{major}"),
            (Some(major), Some(minor)) => format!("/dev/{group}/{major}:{minor}"),
            (None, Some(_)) => return None,
        };
        Some(Value::Tuple(vec![Value::Text(device), Value::Text(rule.letters())]))
    });
    let allow = Value::Array("(ss)".to_owned(), entries.collect());
    Ok([
        Property::new("DevicePolicy", Value::Text(policy.to_owned())),
        Property::new("DeviceAllow", allow),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> (String, String) {
        let devices: Vec<Device<'_>> = serde_json::from_str(json).unwrap();
        let [policy, allow] = properties(&devices).unwrap();
        (policy.value.to_string(), allow.value.to_string())
    }

    #[test]
    fn lists() {
        let (policy, allow) = of(r#"[{"allow":false},
            {"allow":true,"type":"b","major":8,"minor":0,"access":"r"},
            {"allow":true,"type":"c","minor":7,"access":"r"}]"#);
        assert_eq!(policy, "\"strict\"");
        for entry in [
            r#"("/dev/block/8:0", "r")"#,
            r#"("char-*", "m")"#,
            r#"("char-136", "rwm")"#,
            r#"("/dev/char/1:3", "rwm")"#,
        ] {
            assert!(allow.contains(entry), "{entry} in {allow}");
        }
        // systemd cannot say "minor 7 of whatever".
        assert_eq!(allow.matches("\"r\"").count(), 1, "{allow}");
    }

    #[test]
    fn what_systemd_cannot_say() {
        let auto = ("\"auto\"".to_owned(), "[]".to_owned());
        assert_eq!(of(r#"[{"allow":true}]"#), auto);
        assert_eq!(of(r#"[{"allow":true},{"allow":false,"type":"b","access":"r"}]"#), auto);
    }
}

//! `seccomp explain`: which rule of a profile decides a call, and how.

use std::fmt::Write as _;

use libcontainer_core::error::{Error, Result};
use libcontainer_core::seccomp::Arch;
use libcontainer_core::seccomp::explain::{Considered, Explanation, Reason, explain};
use libcontainer_core::seccomp::spec::{Condition, Rule};
use libcontainer_core::step::Step;
use serde_json::{Value, json};

use super::{Document, print};
use crate::commands::bad_option;

/// Prints what decides a call.
pub fn run(call: &Call, document: &Document<'_>, as_json: bool) -> Result<i32> {
    let told = explain(&document.profile, Arch::NATIVE, call.arch, call.number, call.arguments)
        .map_err(|error| document.refusal(&error))?;
    Ok(if as_json {
        print(&in_json(call, &told, document))
    } else {
        crate::print(&in_text(call, &told, document))
    })
}

/// A call to explain.
pub struct Call {
    arch: Arch,
    number: u32,
    arguments: [u64; 6],
}

fn find_arch(word: &str) -> Result<Arch> {
    let name = word.to_ascii_uppercase();
    Arch::from_name(&name).or_else(|| Arch::from_name(&format!("SCMP_ARCH_{name}"))).ok_or_else(
        || bad_option("--arch", word, "an architecture, such as x86_64 or SCMP_ARCH_X86"),
    )
}

/// Reads a call from the words of a command line.
pub fn call(arch: Option<&str>, syscall: &str, arguments: &[&str]) -> Result<Call> {
    let arch = arch.map_or(Ok(Arch::NATIVE), find_arch)?;
    let number = match arch.number(syscall) {
        Some(number) => number,
        None => {
            integer(syscall).and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
                let words = format!("{} has no system call of this name", arch.name());
                Error::because(Step::CheckOption, format!("{syscall:?}"), words)
            })?
        }
    };
    let mut values = [0; 6];
    if arguments.len() > values.len() {
        let words = "a system call has at most 6 arguments";
        return Err(Error::because(Step::CheckOption, "ARG", words));
    }
    for (value, word) in values.iter_mut().zip(arguments) {
        *value = integer(word).ok_or_else(|| bad_option("ARG", word, "a number"))?;
    }
    Ok(Call { arch, number, arguments: values })
}

/// Decimal, 0x hexadecimal or 0o octal; a negative one as the kernel sees it.
fn integer(word: &str) -> Option<u64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let value = match (digits.strip_prefix("0x"), digits.strip_prefix("0o")) {
        (Some(digits), _) => u64::from_str_radix(digits, 16),
        (_, Some(digits)) => u64::from_str_radix(digits, 8),
        _ => digits.parse(),
    };
    value.ok().map(|value| if negative { value.wrapping_neg() } else { value })
}

fn reason_text(reason: Reason, document: &Document<'_>) -> String {
    match reason {
        Reason::Architecture => "because the profile does not list the architecture".to_owned(),
        Reason::Newer(newest) => {
            format!("because it is newer than number {newest}, the last one that the profile knows")
        }
        Reason::Rule(at) => format!("by {}", document.path(&format!("syscalls[{at}]"))),
        Reason::Default => format!("by {}", document.path("defaultAction")),
    }
}

fn in_text(call: &Call, told: &Explanation, document: &Document<'_>) -> String {
    let name = call.arch.name_of(call.number).map_or_else(|| "?".to_owned(), str::to_owned);
    let used = call.arguments.iter().rposition(|value| *value != 0).map_or(0, |last| last + 1);
    let arguments: Vec<String> =
        call.arguments[..used].iter().map(|value| format!("{value:#x}")).collect();
    let mut text = format!(
        "{name}({}), number {} of {}: {}\ndecided {}, after {} instructions\n",
        arguments.join(", "),
        call.number,
        call.arch.name(),
        told.action,
        reason_text(told.reason, document),
        told.executed,
    );
    let rules = document.profile.syscalls.as_deref().unwrap_or_default();
    for Considered { rule, holds } in &told.considered {
        let mark = match (holds, told.reason) {
            (true, Reason::Rule(first)) if first == *rule => "holds, and decides",
            (true, _) => "holds",
            (false, _) => "does not hold",
        };
        let path = document.path(&format!("syscalls[{rule}]"));
        let _ = writeln!(text, "  {path} {}: {mark}", rule_text(&rules[*rule]));
    }
    text
}

fn rule_text(rule: &Rule<'_>) -> String {
    let conditions: Vec<String> = rule.args.iter().flatten().map(condition_text).collect();
    let errno = rule.errno_ret.map_or_else(String::new, |errno| format!(" {errno}"));
    let when = if conditions.is_empty() { "" } else { " if " };
    format!("{}{errno}{when}{}", rule.action, conditions.join(", "))
}

fn condition_text(condition: &Condition<'_>) -> String {
    let Condition { index, value, value_two, op } = condition;
    let sign = match &**op {
        "SCMP_CMP_NE" => "!=",
        "SCMP_CMP_LT" => "<",
        "SCMP_CMP_LE" => "<=",
        "SCMP_CMP_EQ" => "==",
        "SCMP_CMP_GE" => ">=",
        "SCMP_CMP_GT" => ">",
        _ => return format!("arg{index} & {value:#x} == {value_two:#x}"),
    };
    format!("arg{index} {sign} {value:#x}")
}

fn in_json(call: &Call, told: &Explanation, document: &Document<'_>) -> Value {
    let path = |at: usize| document.path(&format!("syscalls[{at}]"));
    let (decided, rule) = match told.reason {
        Reason::Architecture => ("architecture", None),
        Reason::Newer(_) => ("newerThanProfile", None),
        Reason::Rule(at) => ("rule", Some(path(at))),
        Reason::Default => ("defaultAction", None),
    };
    let rules: Vec<Value> = told
        .considered
        .iter()
        .map(|one| json!({ "rule": path(one.rule), "holds": one.holds }))
        .collect();
    json!({
        "architecture": call.arch.name(),
        "syscall": call.arch.name_of(call.number),
        "number": call.number,
        "arguments": call.arguments,
        "action": told.action.name(),
        "data": told.action.data(),
        "decidedBy": decided,
        "rule": rule,
        "rules": rules,
        "instructions": told.executed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_kernel_sees_them() {
        for (word, value) in [
            ("12", Some(12)),
            ("0x7e020000", Some(0x7e02_0000)),
            ("0o755", Some(0o755)),
            ("-1", Some(u64::MAX)),
            ("-0x64", Some(-100i64 as u64)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("x", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(integer(word), value, "{word}");
        }
    }

    #[test]
    fn architectures_have_short_names() {
        for word in ["x32", "SCMP_ARCH_X32", "X32"] {
            assert_eq!(find_arch(word).unwrap(), Arch::X32);
        }
        assert!(find_arch("abacus").unwrap_err().to_string().contains("abacus"));
    }
}

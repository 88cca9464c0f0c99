//! seccomp: conditions on the arguments of a system call.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::seccomp::{PROBED, probed, with_rules};

pub const CASES: &[Case] = cases![
    equal,
    not_equal,
    less_than,
    less_or_equal,
    greater_than,
    greater_or_equal,
    masked_equal,
    all_64_bits_are_compared,
    conditions_of_one_rule_are_all_needed,
    one_of_two_rules_is_enough,
];

fn equal() {
    compares("SCMP_CMP_EQ", 100, 0, &[(99, false), (100, true), (101, false)]);
}

fn not_equal() {
    compares("SCMP_CMP_NE", 100, 0, &[(99, true), (100, false), (101, true)]);
}

fn less_than() {
    compares("SCMP_CMP_LT", 100, 0, &[(99, true), (100, false), (101, false)]);
}

fn less_or_equal() {
    compares("SCMP_CMP_LE", 100, 0, &[(99, true), (100, true), (101, false)]);
}

fn greater_than() {
    compares("SCMP_CMP_GT", 100, 0, &[(99, false), (100, false), (101, true)]);
}

fn greater_or_equal() {
    compares("SCMP_CMP_GE", 100, 0, &[(99, false), (100, true), (101, true)]);
}

fn masked_equal() {
    let cases = [(0x40, true), (0x4f, true), (0x50, false), (0x1_0040, true)];
    compares("SCMP_CMP_MASKED_EQ", 0xf0, 0x40, &cases);
}

fn all_64_bits_are_compared() {
    let high = 1 << 40;
    compares("SCMP_CMP_EQ", high | 100, 0, &[(100, false), (high | 100, true), (high, false)]);
    compares("SCMP_CMP_GT", high, 0, &[(high - 1, false), (high + 1, true), (5, false)]);
    compares("SCMP_CMP_LT", high, 0, &[(high - 1, true), (high, false), (high + 1, false)]);
}

fn conditions_of_one_rule_are_all_needed() {
    let arguments =
        json!([condition(0, "SCMP_CMP_EQ", 4000, 0), condition(1, "SCMP_CMP_EQ", 7, 0)]);
    let rule = json!({ "names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "args": arguments });
    let number = libc::SYS_getpriority;
    let [both, first, second] =
        [(4000, 7), (4000, 8), (4001, 7)].map(|(one, two)| format!("call {number} {one} {two}"));
    let seen = with_rules(json!([rule])).look(&[&both, &first, &second]);
    assert_eq!(seen[both.as_str()], "EPERM");
    assert_eq!(seen[first.as_str()], "EINVAL");
    assert_eq!(seen[second.as_str()], "EINVAL");
}

fn one_of_two_rules_is_enough() {
    let rule = |value| {
        let arguments = json!([condition(0, "SCMP_CMP_EQ", value, 0)]);
        json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "args": arguments })
    };
    let steps = [7001, 7002, 7003].map(|value| format!("call {PROBED} {value}"));
    let bundle = with_rules(json!([rule(7001), rule(7002)]));
    let seen = bundle.look(&steps.each_ref().map(String::as_str));
    assert_eq!(steps.each_ref().map(|step| &seen[step.as_str()]), ["EPERM", "EPERM", "ESRCH"]);
}

fn condition(index: u32, op: &str, value: u64, second: u64) -> Value {
    json!({ "index": index, "op": op, "value": value, "valueTwo": second })
}

/// Checks for which first arguments a condition denies a call.
#[track_caller]
fn compares(op: &str, value: u64, second: u64, cases: &[(u64, bool)]) {
    let rule = json!({
        "names": ["getpgid"],
        "action": "SCMP_ACT_ERRNO",
        "args": [condition(0, op, value, second)],
    });
    let arguments: Vec<u64> = cases.iter().map(|(argument, _)| *argument).collect();
    for ((argument, denied), answer) in cases.iter().zip(probed(rule, &arguments)) {
        assert_eq!(answer == "EPERM", *denied, "{op} {value} with {argument}: {answer}");
    }
}

//! `seccomp check` and `seccomp explain`: what a profile does, told without a container.

use behaviour::{Bundle, Finished};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    check_tells_what_is_denied,
    check_tells_what_has_no_effect,
    check_names_the_property_that_is_wrong,
    check_reads_a_configuration,
    check_wants_a_profile,
    check_reads_standard_input,
    explain_tells_the_rule,
    explain_tells_the_default_action,
    explain_knows_other_architectures,
    explain_takes_numbers,
    explain_wants_a_known_call,
    explain_agrees_with_the_container,
];

fn check_tells_what_is_denied() {
    let told = on(profile(), &["check", "FILE", "--format", "json"]).json();
    assert_eq!(told["good"], true);
    let native = &told["architectures"][0];
    let denied = native["answers"].as_array().unwrap().iter();
    let denied = denied.filter(|answer| answer["action"] == "SCMP_ACT_ERRNO");
    let denied: Vec<&Value> = denied.collect();
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["data"], libc::ENOTTY);
    assert_eq!(denied[0]["names"], json!(["mkdir"]));
    assert_eq!(native["argumentsDecide"], json!(["getpgid"]));
    let text = on(profile(), &["check", "FILE"]).ok().stdout;
    assert!(text.contains("good") && text.contains("\n    mkdir\n"), "{text}");
}

fn check_tells_what_has_no_effect() {
    let mut profile = profile();
    profile["syscalls"][0]["names"] = json!(["mkdir", "no_such_call"]);
    profile["syscalls"][0]["includes"] = json!({ "caps": [] });
    let told = on(profile, &["check", "FILE"]).ok().stderr.replace("\\\"", "\"");
    assert!(told.contains("syscalls[0].names[1]: \"no_such_call\" is no known"), "{told}");
    assert!(told.contains("syscalls[].includes: no property"), "{told}");
}

fn check_names_the_property_that_is_wrong() {
    let mut profile = profile();
    profile["syscalls"][1]["args"][0]["op"] = json!("SCMP_CMP_ABOUT");
    on(profile.clone(), &["check", "FILE"]).fails_with("syscalls[1].args[0].op");
    let told = on(profile, &["check", "FILE", "--format", "json"]).exits(1).stdout;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["good"], false);
    assert_eq!(told["error"]["path"], "syscalls[1].args[0].op");
    let mut profile = self::profile();
    profile["syscalls"][0]["names"] = json!("mkdir");
    on(profile, &["check", "FILE"]).fails_with("syscalls[0].names");
}

fn check_reads_a_configuration() {
    let config = |profile| json!({ "ociVersion": "1.2.0", "linux": { "seccomp": profile } });
    on(config(profile()), &["check", "FILE"]).ok();
    let mut wrong = profile();
    wrong["defaultAction"] = json!("SCMP_ACT_DREAM");
    on(config(wrong), &["check", "FILE"]).fails_with("linux.seccomp.defaultAction");
}

fn check_wants_a_profile() {
    on(json!({ "ociVersion": "1.2.0" }), &["check", "FILE"]).fails_with("linux.seccomp");
    on(json!({}), &["check", "FILE"]).fails_with("defaultAction");
    on(profile(), &["check", "/absent.json"]).fails_with("/absent.json");
    on(profile(), &["frob", "FILE"]).fails();
    on(profile(), &["check", "FILE", "FILE"]).fails();
}

fn check_reads_standard_input() {
    let bundle = Bundle::new();
    let call = bundle.call("seccomp").args(&["check", "-"]).stdin(&profile().to_string());
    call.finish().ok();
}

fn explain_tells_the_rule() {
    let told = explained(&["getpgid", "7"]);
    assert_eq!(told["action"], "SCMP_ACT_ERRNO");
    assert_eq!(told["data"], libc::ENODEV);
    assert_eq!((&told["decidedBy"], &told["rule"]), (&json!("rule"), &json!("syscalls[1]")));
    let text = on(profile(), &["explain", "FILE", "getpgid", "0x7"]).ok().stdout;
    assert!(text.contains("decided by syscalls[1]"), "{text}");
    assert!(text.contains("if arg0 == 0x7: holds, and decides"), "{text}");
}

fn explain_tells_the_default_action() {
    let told = explained(&["getpgid", "8"]);
    assert_eq!(told["action"], "SCMP_ACT_ALLOW");
    assert_eq!((&told["decidedBy"], &told["rule"]), (&json!("defaultAction"), &Value::Null));
    assert_eq!(told["rules"], json!([{ "rule": "syscalls[1]", "holds": false }]));
}

fn explain_knows_other_architectures() {
    let told = explained(&["--arch", "s390x", "mkdir"]);
    assert_eq!(told["decidedBy"], "architecture");
    assert_eq!(told["action"], "SCMP_ACT_KILL_THREAD");
    on(profile(), &["explain", "FILE", "mkdir", "--arch", "abacus"]).fails_with("abacus");
}

fn explain_takes_numbers() {
    let number = libc::SYS_getpgid.to_string();
    for arguments in [&[number.as_str(), "7"][..], &["getpgid", "0o7"]] {
        assert_eq!(explained(arguments)["rule"], "syscalls[1]", "{arguments:?}");
    }
    on(profile(), &["explain", "FILE", "mkdir", "seven"]).fails_with("seven");
    let many = ["explain", "FILE", "mkdir", "1", "2", "3", "4", "5", "6", "7"];
    on(profile(), &many).fails_with("6");
}

fn explain_wants_a_known_call() {
    on(profile(), &["explain", "FILE", "no_such_call"]).fails_with("no_such_call");
}

/// What is told is what a container sees.
fn explain_agrees_with_the_container() {
    let bundle = Bundle::new().writable().set("linux.seccomp", profile());
    let [seven, eight] =
        ["7", "8"].map(|argument| format!("call {} {argument}", libc::SYS_getpgid));
    let seen = bundle.look(&["mkdir /tmp/x", &seven, &eight]);
    assert_eq!(seen["mkdir /tmp/x"], "ENOTTY");
    assert_eq!(seen[seven.as_str()], "ENODEV");
    assert_eq!(seen[eight.as_str()], "ESRCH");
}

fn profile() -> Value {
    let seven = json!({ "index": 0, "value": 7, "op": "SCMP_CMP_EQ" });
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            { "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENOTTY },
            {
                "names": ["getpgid"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": libc::ENODEV,
                "args": [seven],
            },
        ],
    })
}

#[track_caller]
fn explained(words: &[&str]) -> Value {
    on(profile(), &[&["explain", "FILE"], words, &["--format", "json"]].concat()).json()
}

/// Runs the command on a document in a file; `FILE` stands for that.
fn on(document: Value, words: &[&str]) -> Finished {
    let bundle = Bundle::new();
    let file = bundle.host_file("profile.json", &document.to_string());
    let file = file.to_str().unwrap();
    let words: Vec<&str> =
        words.iter().map(|word| if *word == "FILE" { file } else { word }).collect();
    bundle.call("seccomp").args(&words).finish()
}

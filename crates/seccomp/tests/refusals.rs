//! What is refused, with which path and words.

use seccomp::compile;
use seccomp::spec::Profile;

#[test]
fn refusals_name_the_path() {
    let rule = |rest: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["read"], {rest}}}]}}"#
        )
    };
    for (json, path, message) in [
        ("{}".into(), "defaultAction", "is missing"),
        (r#"{"defaultAction": "ALLOW"}"#.into(), "defaultAction", r#"unknown action "ALLOW""#),
        (
            r#"{"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/a"}"#.into(),
            "defaultAction",
            "SCMP_ACT_NOTIFY cannot be used as default action",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}"#.into(),
            "defaultErrnoRet",
            "is above 4095",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "amd64"]}"#
                .into(),
            "architectures[1]",
            r#"unknown architecture "amd64""#,
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"]}"#.into(),
            "flags[0]",
            r#"unknown flag "LOG""#,
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW",
                "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}"#
                .into(),
            "flags",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}"#.into(),
            "listenerMetadata",
            "is set without listenerPath",
        ),
        (
            rule(r#""action": "SCMP_ACT_NO""#),
            "syscalls[0].action",
            r#"unknown action "SCMP_ACT_NO""#,
        ),
        (
            rule(r#""action": "SCMP_ACT_TRACE", "errnoRet": 65536"#),
            "syscalls[0].errnoRet",
            "is above 65535",
        ),
        (rule(r#""action": "SCMP_ACT_NOTIFY""#), "listenerPath", "seccomp listenerPath is not set"),
        (
            rule(
                r#""action": "SCMP_ACT_KILL", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]"#,
            ),
            "syscalls[0].args[0].index",
            "6 is above 5, the last argument",
        ),
        (
            rule(r#""action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 0, "op": "EQ"}]"#),
            "syscalls[0].args[0].op",
            r#"unknown operator "EQ""#,
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/a", "syscalls": [
                {"names": ["read", "write"], "action": "SCMP_ACT_NOTIFY"}]}"#
                .into(),
            "syscalls[0].names[1]",
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": [""], "action": "SCMP_ACT_KILL"}]}"#
                .into(),
            "syscalls[0].names[0]",
            "an empty string is not a system call",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["read"], "action": "SCMP_ACT_KILL", "args": [
                    {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
                {"names": ["read"], "action": "SCMP_ACT_LOG", "args": [
                    {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#
                .into(),
            "syscalls[1]",
            "has the same conditions on SCMP_ARCH_X86_64 as syscalls[0], another action",
        ),
    ] {
        let profile: Profile<'_> = serde_json::from_str(&json).expect(&json);
        let error = compile(&profile).expect_err(&json);
        assert_eq!((error.path(), error.message()), (path, message), "{json}");
        assert_eq!(error.to_string(), format!("{path}: {message}"));
    }
}

#[test]
fn wrong_types_are_refused_by_the_parser() {
    for json in [
        r#"{"defaultAction": 5}"#,
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}"#,
        r#"{"syscalls": [{"action": "SCMP_ACT_ALLOW"}]}"#,
        r#"{"syscalls": [{"names": ["read"]}]}"#,
        r#"{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": -1}]}"#,
    ] {
        assert!(serde_json::from_str::<Profile<'_>>(json).is_err(), "{json}");
    }
}

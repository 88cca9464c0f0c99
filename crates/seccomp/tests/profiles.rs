//! Profiles, calls and the answers: one table per topic.

use seccomp::interpret::{Call, run};
use seccomp::spec::Profile;
use seccomp::{Arch, Filter, compile, compile_for};

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0;

fn errno(number: u32) -> u32 {
    0x0005_0000 | number
}

fn profile(json: &str) -> Profile<'_> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn filter(json: &str) -> Filter {
    compile_for(&profile(json), Arch::X86_64).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn answer(filter: &Filter, arch: Arch, name: &str, arguments: [u64; 6]) -> u32 {
    let number = arch.number(name).expect(name);
    answer_number(filter, arch, number, arguments)
}

fn answer_number(filter: &Filter, arch: Arch, number: u32, arguments: [u64; 6]) -> u32 {
    let call = Call::new(arch, number, arguments);
    run(filter.instructions(), &call).expect("a valid program").action.0
}

#[test]
fn actions() {
    for (action, code) in [
        (r#""SCMP_ACT_ALLOW""#, ALLOW),
        (r#""SCMP_ACT_LOG""#, 0x7ffc_0000),
        (r#""SCMP_ACT_ERRNO""#, errno(1)),
        (r#""SCMP_ACT_ERRNO", "errnoRet": 0"#, errno(0)),
        (r#""SCMP_ACT_ERRNO", "errnoRet": 4095"#, errno(4095)),
        (r#""SCMP_ACT_TRAP""#, 0x0003_0000),
        (r#""SCMP_ACT_TRACE""#, 0x7ff0_0001),
        (r#""SCMP_ACT_TRACE", "errnoRet": 65535"#, 0x7ff0_ffff),
        (r#""SCMP_ACT_NOTIFY""#, 0x7fc0_0000),
        (r#""SCMP_ACT_KILL""#, KILL),
        (r#""SCMP_ACT_KILL_THREAD""#, KILL),
        (r#""SCMP_ACT_KILL_PROCESS""#, 0x8000_0000),
        // Like runc: an errno that the action has no use for is ignored.
        (r#""SCMP_ACT_ALLOW", "errnoRet": 70000"#, ALLOW),
    ] {
        let filter = filter(&format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 99, "listenerPath": "/a",
                "syscalls": [{{"names": ["mkdir", "openat2"], "action": {action}}}]}}"#
        ));
        assert_eq!(answer(&filter, Arch::X86_64, "mkdir", [0; 6]), code, "{action}");
        assert_eq!(answer(&filter, Arch::X86_64, "rmdir", [0; 6]), errno(99), "{action}");
        assert_eq!(filter.notifies(), code == 0x7fc0_0000, "{action}");
    }
}

#[test]
fn operators_compare_64_bits() {
    const HIGH: u64 = 1 << 32;
    for (condition, holds, fails) in [
        (r#""SCMP_CMP_EQ", "value": 4294967301"#, vec![HIGH + 5], vec![5, HIGH, HIGH + 4]),
        (r#""SCMP_CMP_NE", "value": 4294967301"#, vec![5, HIGH, u64::MAX], vec![HIGH + 5]),
        (r#""SCMP_CMP_LT", "value": 4294967301"#, vec![0, 6, HIGH + 4], vec![HIGH + 5, 2 * HIGH]),
        (r#""SCMP_CMP_LE", "value": 4294967301"#, vec![0, 6, HIGH + 5], vec![HIGH + 6, 2 * HIGH]),
        (r#""SCMP_CMP_GE", "value": 4294967301"#, vec![HIGH + 5, 2 * HIGH], vec![6, HIGH + 4]),
        (r#""SCMP_CMP_GT", "value": 4294967301"#, vec![HIGH + 6, 2 * HIGH], vec![6, HIGH + 5]),
        (
            r#""SCMP_CMP_MASKED_EQ", "value": 4294967297, "valueTwo": 1"#,
            vec![1, 3, 2 * HIGH + 1],
            vec![0, HIGH + 1],
        ),
        // The mask clears bits of the value as well.
        (r#""SCMP_CMP_MASKED_EQ", "value": 1, "valueTwo": 3"#, vec![1, 3], vec![0, 2]),
        (r#""SCMP_CMP_GE", "value": 0"#, vec![0, u64::MAX], vec![]),
        (r#""SCMP_CMP_LT", "value": 0"#, vec![], vec![0, u64::MAX]),
        (r#""SCMP_CMP_GT", "value": 18446744073709551615"#, vec![], vec![0, u64::MAX]),
        (r#""SCMP_CMP_LE", "value": 18446744073709551615"#, vec![0, u64::MAX], vec![]),
        (r#""SCMP_CMP_MASKED_EQ", "value": 0, "valueTwo": 7"#, vec![0, 5, u64::MAX], vec![]),
    ] {
        let filter = filter(&format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["mkdir"],
                "action": "SCMP_ACT_ERRNO", "args": [{{"index": 3, "op": {condition}}}]}}]}}"#
        ));
        for (values, code) in [(holds, errno(1)), (fails, ALLOW)] {
            for value in values {
                let arguments = [9, 9, 9, value, 9, 9];
                let found = answer(&filter, Arch::X86_64, "mkdir", arguments);
                assert_eq!(found, code, "{condition} {value:#x}");
            }
        }
    }
}

#[test]
fn rules_are_found_by_architecture() {
    let filter = filter(
        r#"{"defaultAction": "SCMP_ACT_ERRNO",
            "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": [{"names": ["mkdir", "socket", "no_such_call"],
                "action": "SCMP_ACT_ALLOW"}]}"#,
    );
    assert_eq!(filter.ignored(), ["no_such_call"]);
    // rmdir is older than socket on i386 only.
    for (arch, denied) in [(Arch::X86_64, 38), (Arch::X86, 1), (Arch::X32, 38)] {
        assert_eq!(answer(&filter, arch, "mkdir", [0; 6]), ALLOW, "{}", arch.name());
        assert_eq!(answer(&filter, arch, "rmdir", [0; 6]), errno(denied), "{}", arch.name());
    }
    // On i386 socket is also the first call behind socketcall.
    assert_eq!(answer(&filter, Arch::X86, "socketcall", [1, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&filter, Arch::X86, "socketcall", [2, 0, 0, 0, 0, 0]), errno(1));
    assert_eq!(answer(&filter, Arch::Aarch64, "read", [0; 6]), KILL);
}

#[test]
fn x32_is_killed_unless_listed() {
    let filter = filter(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#);
    assert_eq!(answer(&filter, Arch::X86_64, "read", [0; 6]), ALLOW);
    assert_eq!(answer(&filter, Arch::X32, "read", [0; 6]), KILL);
    assert_eq!(answer(&filter, Arch::X86, "read", [0; 6]), KILL);
    // What a tracer makes of a call to skip it.
    assert_eq!(answer_number(&filter, Arch::X86_64, u32::MAX, [0; 6]), ALLOW);
}

#[test]
fn calls_newer_than_the_profile_are_not_implemented() {
    for (default, newer) in [
        ("SCMP_ACT_ERRNO", errno(38)),
        ("SCMP_ACT_KILL", errno(38)),
        ("SCMP_ACT_KILL_PROCESS", errno(38)),
        ("SCMP_ACT_TRAP", errno(38)),
        ("SCMP_ACT_ALLOW", ALLOW),
        ("SCMP_ACT_LOG", 0x7ffc_0000),
        ("SCMP_ACT_TRACE", 0x7ff0_0001),
    ] {
        let json = format!(
            r#"{{"defaultAction": "{default}", "syscalls": [
                {{"names": ["close_range"], "action": "{default}"}},
                {{"names": ["read"], "action": "SCMP_ACT_ALLOW"}}]}}"#
        );
        let filter = filter(&json);
        let number = Arch::X86_64.number("close_range").expect("known");
        // The newest is in a rule without effect, which counts all the same.
        let known = answer_number(&filter, Arch::X86_64, number, [0; 6]);
        assert_eq!(known, answer(&filter, Arch::X86_64, "mkdir", [0; 6]), "{default}");
        assert_ne!(known, errno(38), "{default}");
        for above in [number + 1, 9999, 0x3fff_ffff] {
            let found = answer_number(&filter, Arch::X86_64, above, [0; 6]);
            assert_eq!(found, newer, "{default} {above}");
        }
    }
}

#[test]
fn precedence() {
    type Calls = &'static [(u64, u64, u32)];
    let cases: &[(&str, Calls)] = &[
        // A rule without conditions wins wherever it is, the first of two.
        ("a0 == 1: 11; : 12; : 13; a1 == 2: 14", &[(1, 2, 12), (0, 0, 12)]),
        // The later argument first.
        ("a0 == 1: 11; a1 == 2: 12", &[(1, 2, 12), (1, 0, 11), (0, 2, 12)]),
        // Equality, then less, then greater.
        ("a0 > 3: 11; a0 < 9: 12; a0 == 5: 13", &[(5, 0, 13), (6, 0, 12), (9, 0, 11), (3, 0, 12)]),
        // The tighter of two bounds.
        ("a0 > 3: 11; a0 > 9: 12", &[(4, 0, 11), (10, 0, 12)]),
        ("a0 < 9: 11; a0 < 3: 12", &[(2, 0, 12), (4, 0, 11)]),
        // The greater value of two masked comparisons.
        ("a0 & 1 == 1: 11; a0 & 6 == 6: 12", &[(7, 0, 12), (6, 0, 12), (1, 0, 11)]),
        // Fewer conditions before more with the same beginning.
        ("a0 == 1 a1 == 2: 11; a0 == 1: 12", &[(1, 2, 12)]),
        // Conditions on one argument are alternatives.
        ("a0 < 3 a0 > 9 a1 == 7: 11", &[(1, 0, 11), (10, 0, 11), (5, 7, 11), (5, 0, 0)]),
    ];
    for (rules, calls) in cases {
        let json = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
                "syscalls": [{}]}}"#,
            rules.split(';').map(rule).collect::<Vec<_>>().join(",")
        );
        let filter = filter(&json);
        for &(a0, a1, expected) in *calls {
            let expected = if expected == 0 { ALLOW } else { errno(expected) };
            for arch in [Arch::X86_64, Arch::X86] {
                let found = answer(&filter, arch, "mkdir", [a0, a1, 0, 0, 0, 0]);
                assert_eq!(found, expected, "{rules}: {a0} {a1} {}", arch.name());
            }
        }
    }
}

/// JSON for `CONDITIONS: ERRNO`.
fn rule(text: &str) -> String {
    let (conditions, errno) = text.split_once(':').expect("a colon");
    let words: Vec<&str> = conditions.split_whitespace().collect();
    let mut args = Vec::new();
    let mut rest = &words[..];
    while let [argument, op, value, ..] = rest {
        let index = &argument[1..];
        let masked = *op == "&";
        let op = match *op {
            "==" => "EQ",
            "<" => "LT",
            ">" => "GT",
            "&" => "MASKED_EQ",
            other => panic!("{other}"),
        };
        let two = if masked { rest[4] } else { "0" };
        args.push(format!(
            r#"{{"index": {index}, "op": "SCMP_CMP_{op}", "value": {value}, "valueTwo": {two}}}"#
        ));
        rest = &rest[if masked { 5 } else { 3 }..];
    }
    let args = args.join(",");
    format!(
        r#"{{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}, "args": [{args}]}}"#
    )
}

#[test]
fn flags() {
    for (flags, bits) in [
        ("", 4),
        (r#""flags": null,"#, 4),
        (r#""flags": [],"#, 0),
        (r#""flags": ["SECCOMP_FILTER_FLAG_LOG"],"#, 2),
        (r#""flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],"#, 4),
        (r#""flags": ["SECCOMP_FILTER_FLAG_TSYNC"],"#, 0),
        (r#""flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],"#, 6),
    ] {
        let filter = filter(&format!(r#"{{{flags} "defaultAction": "SCMP_ACT_ALLOW"}}"#));
        assert_eq!(filter.flags(), bits, "{flags}");
    }
    let filter = filter(
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/a",
            "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}"#,
    );
    assert_eq!(filter.flags(), 40);
}

/// A profile of 8,000 rules on three architectures, about 1 MB.
fn large(args: fn(usize) -> String) -> String {
    let names: Vec<_> = Arch::X86_64.syscalls().map(|(name, _)| name).collect();
    let rule = |at: usize| {
        let (name, args) = (names[at % names.len()], args(at));
        format!(r#"{{"names": ["{name}"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#)
    };
    let rules: Vec<String> = (0..8000).map(rule).collect();
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}],
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}}"#,
        rules.join(",")
    )
}

#[test]
fn many_rules_compile_quickly() {
    let equal = |at| format!(r#"{{"index": 1, "value": {}, "op": "SCMP_CMP_EQ"}}"#, at * 3);
    let masked =
        |at| format!(r#"{{"index": {}, "value": {at}, "op": "SCMP_CMP_MASKED_EQ"}}"#, at % 3 + 1);
    for (json, fits) in
        [(large(|_| String::new()), true), (large(equal), false), (large(masked), false)]
    {
        let profile = profile(&json);
        let start = std::time::Instant::now();
        let result = compile(&profile);
        let elapsed = start.elapsed();
        assert!(elapsed.as_secs_f64() < 1.0, "{elapsed:?}");
        match result {
            Ok(filter) => assert!(fits, "{}", filter.instructions().len()),
            Err(error) => {
                assert!(!fits, "{error}");
                assert_eq!(error.path(), "syscalls");
                assert!(
                    error.message().ends_with("instructions, the kernel takes 4096"),
                    "{error}"
                );
            }
        }
    }
}

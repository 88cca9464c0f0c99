//! Which rule decides a call, and what a profile denies.

use seccomp::explain::{Considered, Reason, Summary, check, explain};
use seccomp::spec::Profile;
use seccomp::{Action, Arch};

const PROFILE: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    "syscalls": [
        { "names": ["read", "execve", "no_such_call"], "action": "SCMP_ACT_ALLOW" },
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW",
          "args": [{ "index": 0, "value": 8, "op": "SCMP_CMP_EQ" }] },
        { "names": ["personality"], "action": "SCMP_ACT_KILL_PROCESS",
          "args": [{ "index": 0, "value": 4, "op": "SCMP_CMP_GE" }] },
        { "names": ["read"], "action": "SCMP_ACT_LOG" },
        { "names": ["openat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }
    ]
}"#;

fn profile(json: &str) -> Profile<'_> {
    serde_json::from_str(json).expect("a profile")
}

fn reason(arch: Arch, number: u32, first: u64) -> (Reason, Action) {
    let arguments = [first, 0, 0, 0, 0, 0];
    let told = explain(&profile(PROFILE), Arch::X86_64, arch, number, arguments).expect("told");
    (told.reason, told.action)
}

#[test]
fn the_reason_is_told() {
    let (allow, errno, kill) = (Action(0x7fff_0000), Action(0x0005_0001), Action(0x8000_0000));
    let personality = Arch::X86_64.number("personality").expect("a number");
    for (arch, number, first, expected) in [
        (Arch::X86_64, 0, 0, (Reason::Rule(0), allow)),
        (Arch::X86_64, personality, 8, (Reason::Rule(1), allow)),
        (Arch::X86_64, personality, 9, (Reason::Rule(2), kill)),
        (Arch::X86_64, personality, 1 << 40, (Reason::Rule(2), kill)),
        (Arch::X86_64, personality, 3, (Reason::Default, errno)),
        (Arch::X86_64, 1, 0, (Reason::Default, errno)),
        // The rule says what the default says, and so is none, but the number counts as known.
        (Arch::X86_64, 437, 0, (Reason::Default, errno)),
        (Arch::X86_64, 438, 0, (Reason::Newer(437), Action::ENOSYS)),
        (Arch::X86_64, 0x4000_0000, 0, (Reason::Architecture, Action::KILL_THREAD)),
        (Arch::X86_64, 0x8000_0000, 0, (Reason::Architecture, Action::KILL_THREAD)),
        (Arch::X86_64, u32::MAX, 0, (Reason::Default, errno)),
        (Arch::X86, 3, 0, (Reason::Rule(0), allow)),
        (Arch::X86, 136, 1 << 40, (Reason::Default, errno)),
        (Arch::Aarch64, 63, 0, (Reason::Architecture, Action::KILL_THREAD)),
    ] {
        assert_eq!(reason(arch, number, first), expected, "{} {number} {first}", arch.name());
    }
}

#[test]
fn rules_are_told_in_the_order_in_which_they_are_asked() {
    let personality = Arch::X86_64.number("personality").expect("a number");
    let told =
        explain(&profile(PROFILE), Arch::X86_64, Arch::X86_64, personality, [9, 0, 0, 0, 0, 0]);
    let told = told.expect("told");
    let expected = [Considered { rule: 1, holds: false }, Considered { rule: 2, holds: true }];
    assert_eq!(told.considered, expected);
    assert!(told.executed > 3);
}

fn warnings(json: &str) -> Vec<String> {
    let summary = check(&profile(json), Arch::X86_64).expect("it compiles");
    summary.warnings.into_iter().map(|(path, text)| format!("{path}: {text}")).collect()
}

#[test]
fn what_has_no_effect_is_told() {
    let told = warnings(PROFILE);
    assert_eq!(
        told,
        [
            "syscalls[0].names[2]: \"no_such_call\" is no known system call: ignored",
            "syscalls[3]: decides no call: others do, or the architectures lack it",
        ]
    );
}

#[test]
fn a_profile_that_lets_no_program_start_is_told() {
    let told = warnings(r#"{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [] }"#);
    assert_eq!(told, [": execve is denied: no program can be started"]);
    assert_eq!(warnings(r#"{ "defaultAction": "SCMP_ACT_ALLOW" }"#), [""; 0]);
}

#[test]
fn another_byte_order_is_told() {
    let text = r#"{ "defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_S390X"] }"#;
    let expected =
        ["architectures[0]: SCMP_ARCH_S390X has another byte order than SCMP_ARCH_X86_64: ignored"];
    assert_eq!(warnings(text), expected);
}

#[test]
fn what_is_denied_is_told_by_architecture() {
    let Summary { archs, length, .. } = check(&profile(PROFILE), Arch::X86_64).expect("compiles");
    assert_eq!(archs.iter().map(|one| one.arch).collect::<Vec<_>>(), [Arch::X86_64, Arch::X86]);
    for one in &archs {
        let answer = |name| one.always.iter().find(|(known, _)| *known == name).map(|one| one.1);
        assert_eq!(answer("read"), Some(Action(0x7fff_0000)));
        assert_eq!(answer("write"), Some(Action(0x0005_0001)));
        assert_eq!(answer("mseal"), Some(Action::ENOSYS));
        assert_eq!(answer("personality"), None);
        assert_eq!(one.depends, ["personality"]);
        assert_eq!(one.always.len() + 1, one.arch.syscalls().count());
        assert!(one.length < length);
    }
    assert!(Action::ENOSYS.denies() && !Action(0x7fff_0000).denies());
    assert_eq!(Action(0).name(), Some("SCMP_ACT_KILL_THREAD"));
    assert_eq!((Action::ENOSYS.data(), Action(0x7fff_0000).data()), (Some(38), None));
}

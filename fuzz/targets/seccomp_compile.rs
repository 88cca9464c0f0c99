//! Any profile is refused or compiled; a compiled one answers as its rules read one by one.
//!
//! An input that starts with `{` is a profile as JSON; every other one is a profile made of words
//! that have a meaning, so that most of them compile.
#![no_main]

#[path = "../../crates/seccomp/tests/naive/mod.rs"]
mod naive;

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use seccomp::explain::{Reason, explain};
use seccomp::interpret::{Call, run};
use seccomp::spec::{Condition, Profile, Rule};
use seccomp::{Arch, Filter, bpf, compile_for};

fuzz_target!(|data: &[u8]| {
    if data.first() == Some(&b'{') {
        if let Ok(profile) = serde_json::from_slice::<Profile<'_>>(data) {
            for family in FAMILIES {
                check(&profile, family[0], &[]);
            }
        }
        return;
    }
    let mut bytes = Unstructured::new(data);
    if let Ok(case) = Case::arbitrary(&mut bytes) {
        let family = FAMILIES[usize::from(case.family) % FAMILIES.len()];
        check(&case.profile(family), family[0], &case.calls);
    }
});

/// Sets of architectures that exist together; the first is the native one.
const FAMILIES: &[&[Arch]] = &[
    &[Arch::X86_64, Arch::X86, Arch::X32],
    &[Arch::X86_64],
    &[Arch::Aarch64, Arch::Arm],
    &[Arch::S390x, Arch::S390],
    &[Arch::Mips64, Arch::Mips, Arch::Mips64N32],
    &[Arch::Mipsel64, Arch::Mipsel, Arch::Mipsel64N32],
    &[Arch::Ppc64le],
    &[Arch::Loongarch64, Arch::Riscv64],
    &[Arch::M68k, Arch::Parisc],
    &[Arch::Sh],
];
const ACTIONS: &[&str] =
    &["ALLOW", "ERRNO", "KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP", "TRACE", "LOG", "NOTIFY"];
const OPERATORS: &[&str] = &["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
/// Few names, so that rules meet; the last ones are multiplexed by older ABIs.
const NAMES: &[&str] = &[
    "read",
    "ioctl",
    "clone",
    "personality",
    "open",
    "futex_wait",
    "no_such_call",
    "socket",
    "accept4",
    "semop",
    "socketcall",
    "ipc",
];
static ALL_NAMES: LazyLock<Vec<&str>> =
    LazyLock::new(|| Arch::X86.syscalls().map(|(name, _)| name).collect());
/// Checked calls for each program; more would only make each run slower.
const CALLS: usize = 300;

#[derive(Arbitrary, Debug)]
struct Case {
    family: u8,
    default: u8,
    default_errno: Option<u16>,
    flags: Option<u8>,
    rules: Vec<RawRule>,
    calls: Vec<RawCall>,
}

#[derive(Arbitrary, Debug)]
struct RawRule {
    names: Vec<Name>,
    action: u8,
    errno: Option<u16>,
    args: Vec<RawCondition>,
}

#[derive(Arbitrary, Debug)]
enum Name {
    Often(u8),
    Any(u16),
}

#[derive(Arbitrary, Debug)]
struct RawCondition {
    index: u8,
    op: u8,
    value: Value,
    two: Value,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Value {
    Small(u8),
    Word(u32),
    Wide(u64),
    Bit(u8),
    BelowBit(u8),
}

#[derive(Arbitrary, Debug)]
struct RawCall {
    number: u32,
    arguments: [Value; 6],
}

impl Case {
    fn profile(&self, family: &[Arch]) -> Profile<'static> {
        let rules = self.rules.iter().map(|rule| Rule {
            names: rule.names.iter().map(|name| name.text().into()).collect(),
            action: action(rule.action),
            errno_ret: rule.errno.map(u32::from),
            args: Some(rule.args.iter().map(RawCondition::to_condition).collect()),
        });
        let flags = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"];
        let flag = |bits: u8| {
            let chosen = flags.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1);
            chosen.map(|(_, flag)| format!("SECCOMP_FILTER_FLAG_{flag}").into()).collect()
        };
        Profile {
            default_action: Some(action(self.default)),
            default_errno_ret: self.default_errno.map(u32::from),
            architectures: Some(family.iter().map(|arch| arch.name().into()).collect()),
            flags: self.flags.map(flag),
            listener_path: Some("/agent".into()),
            syscalls: Some(rules.collect()),
            ..Profile::default()
        }
    }
}

impl Name {
    fn text(&self) -> &'static str {
        match self {
            Name::Often(at) => NAMES[usize::from(*at) % NAMES.len()],
            Name::Any(at) => ALL_NAMES[usize::from(*at) % ALL_NAMES.len()],
        }
    }
}

impl RawCondition {
    fn to_condition(&self) -> Condition<'static> {
        Condition {
            index: u32::from(self.index % 6),
            value: self.value.number(),
            value_two: self.two.number(),
            op: format!("SCMP_CMP_{}", OPERATORS[usize::from(self.op) % OPERATORS.len()]).into(),
        }
    }
}

impl Value {
    fn number(self) -> u64 {
        match self {
            Value::Small(value) => value.into(),
            Value::Word(value) => value.into(),
            Value::Wide(value) => value,
            Value::Bit(at) => 1 << (at % 64),
            Value::BelowBit(at) => (1u64 << (at % 64)) - 1,
        }
    }
}

fn action(at: u8) -> std::borrow::Cow<'static, str> {
    format!("SCMP_ACT_{}", ACTIONS[usize::from(at) % ACTIONS.len()]).into()
}

/// Compiles, and if that succeeds, compares the program with the rules.
fn check(profile: &Profile<'_>, native: Arch, more: &[RawCall]) {
    let Ok(filter) = compile_for(profile, native) else { return };
    assert_valid(&filter);
    seccomp::explain::check(profile, native).expect("what compiles has a summary");
    let listed = profile.architectures.iter().flatten().filter_map(|name| Arch::from_name(name));
    let archs = listed.filter(|arch| arch.big_endian() == native.big_endian());
    let mut archs: Vec<Arch> = archs.chain([native]).collect();
    archs.sort_unstable();
    archs.dedup();
    // x32 alone has no table for the other half of its numbers to be read with.
    let foreign_x32 = archs.contains(&Arch::X32) && !archs.contains(&Arch::X86_64);
    let mut left = CALLS;
    for &arch in archs.iter().filter(|arch| **arch != Arch::X32 || !foreign_x32) {
        for number in numbers(profile, arch, more) {
            for arguments in arguments(profile, more) {
                if left == 0 {
                    return;
                }
                left -= 1;
                assert_right(profile, &filter, arch, number, arguments);
                if left.is_multiple_of(64) {
                    assert_explained(profile, &filter, native, arch, number, arguments);
                }
            }
        }
    }
}

fn assert_right(
    profile: &Profile<'_>,
    filter: &Filter,
    arch: Arch,
    number: u32,
    arguments: [u64; 6],
) {
    let call = Call::new(arch, number, arguments);
    let answer = run(filter.instructions(), &call).expect("a valid program").action;
    let right = naive::answers(profile, arch, number, &arguments);
    assert!(
        right.contains(&answer.0),
        "{} {number} {arguments:x?}: {answer}, not {right:x?}",
        arch.name()
    );
}

/// The reason that is told gives the answer of the program.
fn assert_explained(
    profile: &Profile<'_>,
    filter: &Filter,
    native: Arch,
    arch: Arch,
    number: u32,
    arguments: [u64; 6],
) {
    let call = Call::new(arch, number, arguments);
    let answer = run(filter.instructions(), &call).expect("a valid program").action.0;
    let told = explain(profile, native, arch, number, arguments).expect("what compiles is told");
    let rules = profile.syscalls.as_deref().unwrap_or_default();
    let decided = match told.reason {
        Reason::Architecture => 0,
        Reason::Newer(_) => 0x0005_0000 | 38,
        Reason::Rule(at) => naive::action(&rules[at].action, rules[at].errno_ret),
        Reason::Default => {
            let name = profile.default_action.as_deref().expect("a default action");
            naive::action(name, profile.default_errno_ret)
        }
    };
    assert_eq!(decided, answer, "{} {number} {arguments:x?}: {told:?}", arch.name());
}

fn numbers(profile: &Profile<'_>, arch: Arch, more: &[RawCall]) -> Vec<u32> {
    let names = profile.syscalls.iter().flatten().flat_map(|rule| &rule.names);
    let mut numbers: Vec<u32> = names.filter_map(|name| arch.number(name)).take(12).collect();
    numbers.extend(["socketcall", "ipc", "getpid"].iter().filter_map(|name| arch.number(name)));
    numbers.extend(more.iter().map(|call| call.number).take(4));
    numbers.extend([999, u32::MAX]);
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The given arguments, and for each condition those on both sides of it.
fn arguments(profile: &Profile<'_>, more: &[RawCall]) -> Vec<[u64; 6]> {
    let given = more.iter().take(4).map(|call| call.arguments.map(Value::number));
    let mut all: Vec<[u64; 6]> = given.chain([[0; 6]]).collect();
    let rules = profile.syscalls.iter().flatten();
    let conditions = rules.flat_map(|rule| rule.args.iter().flatten());
    for (at, condition) in conditions.take(12).enumerate() {
        let masked = condition.op == "SCMP_CMP_MASKED_EQ";
        let value = if masked { condition.value_two } else { condition.value };
        let near = [value, value.wrapping_add(1), value.wrapping_sub(1), value ^ 1 << 32];
        // Each on top of another one, so that several conditions hold at once.
        for value in near {
            let mut set = all[(7 * at) % all.len()];
            set[condition.index as usize] = value;
            all.push(set);
        }
    }
    all
}

/// Every way stays inside the program (`bpf_check_classic` of the kernel).
fn assert_valid(filter: &Filter) {
    let program = filter.instructions();
    assert!((1..=bpf::MAX_INSTRUCTIONS).contains(&program.len()));
    for (at, instruction) in program.iter().enumerate() {
        let furthest = match (instruction.code, instruction.code & 7) {
            (_, 6) => continue,
            (5, _) => instruction.k as usize,
            (_, 5) => usize::from(instruction.jump_true.max(instruction.jump_false)),
            _ => 0,
        };
        assert!(at + 1 + furthest < program.len(), "instruction {at} leaves the program");
    }
}

//! What a profile says about one call, read rule by rule, slowly and without any compiling.
#![allow(dead_code, reason = "tests use parts")]

use seccomp::Arch;
use seccomp::spec::{Condition, Profile, Rule};

/// Which calls go through `socketcall` and `ipc`, and by which selector (`linux/net.h`,
/// `linux/ipc.h`).
const SOCKETCALL: &str = "socket bind connect listen accept getsockname getpeername socketpair \
    send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg \
    sendmmsg";
const IPC: &[(&str, u64)] = &[
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// The answers that are right for a call: one, unless rules contradict each other.
pub fn answers(profile: &Profile<'_>, arch: Arch, number: u32, args: &[u64; 6]) -> Vec<u32> {
    let arch = abi(arch, number);
    let default_name = profile.default_action.as_deref().expect("a default action");
    let default = action(default_name, profile.default_errno_ret);
    if let Some(answer) = without_rules(profile, arch, number, default) {
        return vec![answer];
    }
    let mut right = Vec::new();
    for rule in profile.syscalls.iter().flatten() {
        let action = action(&rule.action, rule.errno_ret);
        // runc does not even look at such a rule.
        if action == default {
            continue;
        }
        for conditions in uses(rule, arch, number) {
            if conditions.iter().all(|condition| tautology(condition, arch)) {
                // Wins over every rule with conditions.
                return vec![unconditional(profile, arch, number, default)];
            }
            if conditions.iter().all(|condition| holds(condition, arch, args)) {
                right.push(action);
            }
        }
    }
    if right.is_empty() { vec![default] } else { right }
}

/// The answer for numbers that no rule can be about.
fn without_rules(profile: &Profile<'_>, arch: Arch, number: u32, default: u32) -> Option<u32> {
    let listed = |abi: Arch| {
        abi == Arch::X86_64 || profile.architectures.iter().flatten().any(|name| name == abi.name())
    };
    let x86 = arch.audit() == Arch::X86_64.audit();
    let denies = ![0x7fff, 0x7ffc, 0x7ff0].contains(&(default >> 16));
    if x86 && number >= 0x4000_0000 && !listed(Arch::X32) {
        return Some(if number == u32::MAX { default } else { 0 });
    }
    let abi = abi(arch, number);
    let newest = newest(profile, abi)?;
    let setup = matches!(arch, Arch::S390 | Arch::S390x) && number == 0;
    (denies && (number > newest || setup)).then_some(0x0005_0000 | 38)
}

/// The greatest number that rules are about, if only through a call that multiplexes others.
pub fn newest(profile: &Profile<'_>, abi: Arch) -> Option<u32> {
    let names = profile.syscalls.iter().flatten().flat_map(|rule| &rule.names);
    let numbers = names.flat_map(|name| {
        let through = through(abi, name).and_then(|(call, _)| abi.number(call));
        [abi.number(name), through]
    });
    numbers.flatten().max()
}

/// x86-64 and x32 share the calls of one audit architecture: x32 has the upper numbers.
pub fn abi(arch: Arch, number: u32) -> Arch {
    match arch {
        Arch::X86_64 | Arch::X32 if number >= 0x4000_0000 => Arch::X32,
        Arch::X86_64 | Arch::X32 => Arch::X86_64,
        other => other,
    }
}

/// The first rule for a call that has no conditions.
fn unconditional(profile: &Profile<'_>, arch: Arch, number: u32, default: u32) -> u32 {
    for rule in profile.syscalls.iter().flatten() {
        let action = action(&rule.action, rule.errno_ret);
        let all = |list: &Vec<Condition<'_>>| list.iter().all(|one| tautology(one, arch));
        if action != default && uses(rule, arch, number).iter().any(all) {
            return action;
        }
    }
    default
}

/// The lists of conditions under which `rule` applies to a call, for each of its ways.
fn uses<'p>(rule: &'p Rule<'p>, arch: Arch, number: u32) -> Vec<Vec<Condition<'p>>> {
    let mut uses = Vec::new();
    for alternative in alternatives(rule) {
        for name in &rule.names {
            if arch.number(name) == Some(number) {
                uses.push(alternative.clone());
            }
            if through(arch, name).is_some_and(|(call, _)| arch.number(call) == Some(number)) {
                let (_, selector) = through(arch, name).expect("multiplexed");
                let mut conditions = alternative.clone();
                conditions.retain(|condition| condition.index != 0);
                let op = "SCMP_CMP_EQ".into();
                conditions.push(Condition { index: 0, value: selector, value_two: 0, op });
                uses.push(conditions);
            }
        }
    }
    uses
}

/// All conditions together, or each for itself if two are on one argument.
fn alternatives<'p>(rule: &'p Rule<'p>) -> Vec<Vec<Condition<'p>>> {
    let args = rule.args.clone().unwrap_or_default();
    let twice = (0..6).any(|index| args.iter().filter(|arg| arg.index == index).count() > 1);
    if twice { args.into_iter().map(|arg| vec![arg]).collect() } else { vec![args] }
}

fn through(arch: Arch, name: &str) -> Option<(&'static str, u64)> {
    arch.number("socketcall")?;
    // An old number that libseccomp and this crate leave alone.
    if matches!(arch, Arch::Parisc | Arch::Parisc64 | Arch::Arm) {
        return None;
    }
    if let Some(at) = SOCKETCALL.split_whitespace().position(|call| call == name) {
        return Some(("socketcall", at as u64 + 1));
    }
    IPC.iter().find(|(call, _)| *call == name).map(|(_, selector)| ("ipc", *selector))
}

fn tautology(condition: &Condition<'_>, arch: Arch) -> bool {
    condition.op == "SCMP_CMP_MASKED_EQ" && condition.value & width(arch) == 0
}

fn holds(condition: &Condition<'_>, arch: Arch, args: &[u64; 6]) -> bool {
    let argument = args[condition.index as usize] & width(arch);
    let value = condition.value & width(arch);
    match &*condition.op {
        "SCMP_CMP_NE" => argument != value,
        "SCMP_CMP_LT" => argument < value,
        "SCMP_CMP_LE" => argument <= value,
        "SCMP_CMP_EQ" => argument == value,
        "SCMP_CMP_GE" => argument >= value,
        "SCMP_CMP_GT" => argument > value,
        "SCMP_CMP_MASKED_EQ" => argument & value == condition.value_two & value,
        other => panic!("{other}"),
    }
}

fn width(arch: Arch) -> u64 {
    use Arch::*;
    match arch {
        X86_64 | Aarch64 | Mips64 | Mipsel64 | Ppc64 | Ppc64le | S390x | Parisc64 | Riscv64
        | Loongarch64 => u64::MAX,
        _ => u64::from(u32::MAX),
    }
}

/// `SECCOMP_RET_*` of `linux/seccomp.h`.
pub fn action(name: &str, errno_ret: Option<u32>) -> u32 {
    let errno = errno_ret.unwrap_or(1);
    match name {
        "SCMP_ACT_ALLOW" => 0x7fff_0000,
        "SCMP_ACT_ERRNO" => 0x0005_0000 | errno,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => 0,
        "SCMP_ACT_KILL_PROCESS" => 0x8000_0000,
        "SCMP_ACT_LOG" => 0x7ffc_0000,
        "SCMP_ACT_NOTIFY" => 0x7fc0_0000,
        "SCMP_ACT_TRACE" => 0x7ff0_0000 | errno,
        "SCMP_ACT_TRAP" => 0x0003_0000,
        other => panic!("{other}"),
    }
}

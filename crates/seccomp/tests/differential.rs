//! Every profile means the same here and in libseccomp: both programs answer alike for all
//! numbers and for the arguments on both sides of every condition.
//!
//! `SECCOMP_PROFILES` is the number of random profiles and `SECCOMP_SEED` the first one;
//! `SECCOMP_ENGINE_PROFILES` names more profiles of engines. Best with `--release`.
//!
//! Where libseccomp's answer contradicts the profile, a third reading of it (`naive`) judges.

mod engine;
mod naive;
mod oracle;
mod random;

use oracle::{Libseccomp, skip};
use seccomp::interpret::{Call, run};
use seccomp::spec::{Condition, Profile, Rule};
use seccomp::{Action, Arch, Instruction, compile_for};

/// Sets of architectures that exist together; the first is the native one.
const FAMILIES: &[&[Arch]] = &[
    &[Arch::X86_64, Arch::X86, Arch::X32],
    &[Arch::X86_64],
    &[Arch::X86_64, Arch::X86],
    &[Arch::X86_64, Arch::X32],
    &[Arch::Aarch64, Arch::Arm],
    &[Arch::S390x, Arch::S390],
    &[Arch::Mips64, Arch::Mips, Arch::Mips64N32],
    &[Arch::Mipsel64, Arch::Mipsel, Arch::Mipsel64N32],
    &[Arch::Ppc64, Arch::Ppc],
    &[Arch::Ppc64le],
    &[Arch::Riscv64],
    &[Arch::Parisc64, Arch::Parisc],
];

/// What libseccomp 2.5 knows otherwise, because its tables are of Linux 5.17.
const CHANGED: &[(&str, &[Arch], u32)] = &[
    ("cacheflush", &[Arch::Parisc, Arch::Parisc64], 356),
    ("_llseek", &[Arch::Parisc64], 140),
    ("memfd_secret", &[Arch::Riscv64, Arch::S390, Arch::S390x], 447),
];

#[test]
fn numbers_are_those_of_libseccomp() {
    let Some(mut oracle) = Libseccomp::start() else { return };
    let mut compared = 0;
    for arch in FAMILIES.iter().flat_map(|family| family.iter()) {
        for (name, number) in arch.syscalls() {
            let theirs = oracle.resolve(*arch, name);
            // Unknown there, or one that it multiplexes and hides behind a pseudo number.
            if theirs < 0 || changed(*arch, number) {
                continue;
            }
            assert_eq!(i64::from(number), theirs, "{name} on {}", arch.name());
            compared += 1;
        }
    }
    assert!(compared > 5000, "{compared} numbers compared");
}

#[test]
fn profiles_of_engines() {
    let Some(mut oracle) = Libseccomp::start() else { return };
    let files = engine::profile_files();
    if files.is_empty() {
        skip("no seccomp.json of an engine (Debian: golang-github-containers-common)");
    }
    for file in files {
        let text = std::fs::read_to_string(&file).expect("read the profile");
        for family in FAMILIES {
            for caps in [&[][..], &["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN"][..]] {
                let profile = engine::resolve(&text, family[0], caps);
                let counts = compare(&mut oracle, &profile, family).expect("libseccomp takes it");
                assert!(counts.calls > 600 && counts.wrong_there == 0);
            }
        }
    }
}

#[test]
fn deny_lists() {
    let Some(mut oracle) = Libseccomp::start() else { return };
    // The groups that service managers deny by default.
    let names: &[&[&str]] = &[
        &["clock_adjtime", "clock_settime", "settimeofday", "adjtimex", "stime"],
        &["init_module", "finit_module", "delete_module"],
        &[
            "mount",
            "umount",
            "umount2",
            "pivot_root",
            "chroot",
            "fsopen",
            "move_mount",
            "open_tree",
        ],
        &["bpf", "perf_event_open", "userfaultfd", "ptrace", "process_vm_readv", "kexec_load"],
        &["swapon", "swapoff", "reboot", "iopl", "ioperm", "personality", "socket", "semop"],
    ];
    for default in ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"] {
        for action in ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"] {
            let rules = names.iter().enumerate().map(|(at, names)| Rule {
                names: names.iter().map(|name| (*name).into()).collect(),
                action: action.into(),
                errno_ret: Some(at as u32),
                args: None,
            });
            let profile = Profile {
                default_action: Some(default.into()),
                syscalls: Some(rules.collect()),
                ..Profile::default()
            };
            for family in FAMILIES {
                compare(&mut oracle, &profile, family).expect("libseccomp takes it");
            }
        }
    }
}

#[test]
fn random_profiles() {
    let Some(mut oracle) = Libseccomp::start() else { return };
    let wanted = std::env::var("SECCOMP_PROFILES").map_or(100, |n| n.parse().expect("a number"));
    let first = std::env::var("SECCOMP_SEED").map_or(1, |n| n.parse().expect("a number"));
    let (mut total, mut refused) = (Counts::default(), 0);
    for seed in first..first + wanted {
        println!("SECCOMP_SEED={seed}");
        let mut random = random::Random::new(seed);
        let profile = random.profile();
        let family = FAMILIES[random.below(FAMILIES.len())];
        match compare(&mut oracle, &profile, family) {
            Some(counts) => {
                total.calls += counts.calls;
                total.wrong_there += counts.wrong_there;
                total.other_order += counts.other_order;
            }
            None => refused += 1,
        }
    }
    let Counts { calls, wrong_there, other_order } = total;
    println!("{wanted} profiles, {refused} refused by libseccomp, {calls} calls compared");
    println!("libseccomp: {wrong_there} answers contradict the profile, {other_order} its order");
    assert!(refused * 2 < wanted, "libseccomp refused {refused} of {wanted}");
    assert!((wrong_there + other_order) * 50 < calls, "{wrong_there}, {other_order} of {calls}");
}

/// How a comparison went.
#[derive(Default)]
struct Counts {
    calls: usize,
    /// Calls for which no rule of the profile gives libseccomp's answer.
    wrong_there: usize,
    /// Calls that contradictory rules decide, otherwise than here.
    other_order: usize,
}

/// Compares the answers for `profile`; `None` if libseccomp refuses it.
fn compare(oracle: &mut Libseccomp, profile: &Profile<'_>, family: &[Arch]) -> Option<Counts> {
    let names = family.iter().map(|arch| arch.name().into()).collect();
    let profile = Profile { architectures: Some(names), ..profile.clone() };
    let theirs = oracle.compile(&profile, family, false);
    let ours = compile_for(&profile, family[0]);
    let (theirs, ours) = match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (Err(_), _) => return None,
        (Ok(_), Err(error)) => panic!("only we refuse: {error}\n{profile:#?}"),
    };
    let newest = newest(&profile, family);
    let mut counts = Counts::default();
    for &arch in family {
        for number in numbers(arch) {
            // A rule for one of these, or what was one in 2022.
            if changed(arch, number) {
                continue;
            }
            for arguments in arguments(&profile, arch, number) {
                let call = Call::new(arch, number, arguments);
                let expected = expected(&theirs, &newest, arch, &call);
                let ours = run(ours.instructions(), &call).expect("a valid program").action;
                counts.calls += 1;
                if ours == expected {
                    continue;
                }
                let right = naive::answers(&profile, arch, number, &arguments);
                let at = format!("{} {number} {arguments:x?}", arch.name());
                let what = relevant(&profile, arch, number);
                assert!(right.contains(&ours.0), "{at}: we {ours}, they {expected}\n{what}");
                // Its programs compare the wrong word now and then: the one that an earlier
                // test loaded, or that of the architecture.
                if right.contains(&expected.0) {
                    let flat = is_flat(&profile, arch, number);
                    assert!(!flat, "{at}: we {ours}, they {expected}\n{what}");
                    counts.other_order += 1;
                } else {
                    counts.wrong_there += 1;
                }
            }
        }
    }
    Some(counts)
}

fn changed(arch: Arch, number: u32) -> bool {
    let name = arch.name_of(number);
    // Since 2.6 it knows that these are used there, too.
    let new_multiplexed = ![Arch::X86, Arch::S390, Arch::S390x].contains(&arch);
    if new_multiplexed && [Some("socketcall"), Some("ipc")].contains(&name) {
        return true;
    }
    CHANGED.iter().any(|(_, archs, n)| *n == number && archs.contains(&arch))
        // Calls that came later.
        || (arch.name_of(number).is_some_and(random::is_new))
}

/// Whether each rule for a call compares one word, without a mask.
fn is_flat(profile: &Profile<'_>, arch: Arch, number: u32) -> bool {
    let name = arch.name_of(number).unwrap_or_default();
    let rules = profile.syscalls.iter().flatten();
    let mut rules = rules.filter(|rule| rule.names.iter().any(|n| n == name));
    let wide = [Arch::X86_64, Arch::Aarch64, Arch::Riscv64, Arch::Ppc64le, Arch::Ppc64]
        .into_iter()
        .chain([Arch::S390x, Arch::Mips64, Arch::Mipsel64, Arch::Parisc64])
        .any(|wide| wide == arch);
    !wide
        && !["socketcall", "ipc"].contains(&name)
        && rules.all(|rule| match rule.args.as_deref().unwrap_or_default() {
            [] => true,
            [only] => only.op != "SCMP_CMP_MASKED_EQ",
            _ => false,
        })
}

/// The part of a profile that decides a call, to read in a failure.
fn relevant(profile: &Profile<'_>, arch: Arch, number: u32) -> String {
    let name = arch.name_of(number).unwrap_or_default();
    let mut text = format!("{name}: default {:?}\n", profile.default_action);
    for rule in profile.syscalls.iter().flatten() {
        let through = ["socketcall", "ipc"].contains(&name);
        if !through && !rule.names.iter().any(|n| n == name) {
            continue;
        }
        let names = if through { &rule.names[..] } else { &[] };
        let args = rule.args.iter().flatten();
        let args: Vec<_> = args
            .map(|c| format!("a{} {} {:#x} {:#x}", c.index, &c.op[9..], c.value, c.value_two))
            .collect();
        text += &format!("{} {:?} {args:?} {names:?}\n", rule.action, rule.errno_ret);
    }
    text
}

/// The newest number of each ABI, where runc answers ENOSYS for those above.
fn newest(profile: &Profile<'_>, family: &[Arch]) -> Vec<(Arch, u32)> {
    let default = profile.default_action.as_deref().expect("a default");
    if ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].contains(&default) {
        return Vec::new();
    }
    family.iter().filter_map(|abi| Some((*abi, naive::newest(profile, *abi)?))).collect()
}

/// libseccomp's answer, after runc's rule for system calls newer than the profile.
fn expected(theirs: &[Instruction], newest: &[(Arch, u32)], arch: Arch, call: &Call) -> Action {
    let abi = naive::abi(arch, call.number);
    if let Some((_, newest)) = newest.iter().find(|(of, _)| *of == abi) {
        let setup = matches!(arch, Arch::S390 | Arch::S390x) && call.number == 0;
        if call.number > *newest || setup {
            return Action::ENOSYS;
        }
    }
    run(theirs, call).expect("a valid program").action
}

/// The numbers to try: all of the table and around it, and the edges of the areas.
fn numbers(arch: Arch) -> impl Iterator<Item = u32> {
    let base = match arch {
        Arch::X32 => 0x4000_0000,
        Arch::Mips | Arch::Mipsel => 4000,
        Arch::Mips64 | Arch::Mipsel64 => 5000,
        Arch::Mips64N32 | Arch::Mipsel64N32 => 6000,
        _ => 0,
    };
    let edges = [983_041, 983_045, 983_046, 0x3fff_ffff, 0x4000_0000, 0x4000_0001, u32::MAX];
    (base..base + 600).chain(edges)
}

/// Arguments on both sides of each condition of the rules for a call, a few at once.
fn arguments(profile: &Profile<'_>, arch: Arch, number: u32) -> Vec<[u64; 6]> {
    let name = arch.name_of(number).unwrap_or_default();
    let through = ["socketcall", "ipc"].contains(&name);
    let rules = profile.syscalls.iter().flatten();
    let rules = rules.filter(|rule| through || rule.names.iter().any(|n| n == name));
    let conditions: Vec<&Condition<'_>> =
        rules.flat_map(|rule| rule.args.iter().flatten()).collect();
    let mut random = random::Random::new(u64::from(number) + 1);
    let mut sets = vec![[0; 6], [u64::MAX; 6]];
    if through {
        sets.extend((0..25).map(|selector| [selector, 0, 1, 2, 3, 4]));
    }
    for condition in &conditions {
        for value in around(condition) {
            let mut set = [0; 6];
            set[condition.index as usize] = value;
            sets.push(set);
            // The other conditions hold or just fail.
            for other in &conditions {
                let near = around(other);
                set[other.index as usize] = near[random.below(near.len())];
            }
            set[condition.index as usize] = value;
            sets.push(set);
        }
    }
    sets
}

fn around(condition: &Condition<'_>) -> Vec<u64> {
    let value =
        if condition.op == "SCMP_CMP_MASKED_EQ" { condition.value_two } else { condition.value };
    let upper = 1 << 32;
    vec![
        value,
        value.wrapping_sub(1),
        value.wrapping_add(1),
        value ^ upper,
        value.wrapping_add(upper),
        value.wrapping_sub(upper),
        value & 0xffff_ffff,
        value ^ !condition.value,
        !value,
    ]
}

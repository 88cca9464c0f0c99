//! For any profile: the program is valid, and answers what the rules say one by one.

mod naive;
mod random;

use proptest::prelude::*;
use seccomp::explain::{Reason, explain};
use seccomp::interpret::{Call, run};
use seccomp::spec::{Condition, Profile};
use seccomp::{Arch, Filter, bpf, compile_for};

const FAMILIES: &[&[Arch]] = &[
    &[Arch::X86_64, Arch::X86, Arch::X32],
    &[Arch::X86_64, Arch::X86],
    &[Arch::Aarch64, Arch::Arm],
    &[Arch::S390x, Arch::S390],
    &[Arch::Mips64, Arch::Mips, Arch::Mips64N32],
    &[Arch::Ppc64le],
    &[Arch::Loongarch64],
    &[Arch::M68k],
    &[Arch::Sh],
];

fn compiled(seed: u64) -> Option<(Profile<'static>, &'static [Arch], Filter, random::Random)> {
    let mut random = random::Random::new(seed);
    let family = FAMILIES[random.below(FAMILIES.len())];
    let names = family.iter().map(|arch| arch.name().into()).collect();
    let profile = Profile { architectures: Some(names), ..random.profile() };
    // Contradictions and programs above the limit are refused, and not what is tested here.
    let filter = compile_for(&profile, family[0]).ok()?;
    Some((profile, family, filter, random))
}

/// The answer that goes with a reason.
fn decided(profile: &Profile<'_>, reason: Reason) -> u32 {
    let rules = profile.syscalls.as_deref().unwrap_or_default();
    match reason {
        Reason::Architecture => 0,
        Reason::Newer(_) => 0x0005_0000 | 38,
        Reason::Rule(at) => naive::action(&rules[at].action, rules[at].errno_ret),
        Reason::Default => {
            let name = profile.default_action.as_deref().expect("a default action");
            naive::action(name, profile.default_errno_ret)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn agrees_with_the_rules(seed: u64) {
        let Some((profile, family, filter, mut random)) = compiled(seed) else { return Ok(()) };
        let conditions: Vec<&Condition<'_>> =
            profile.syscalls.iter().flatten().flat_map(|rule| rule.args.iter().flatten()).collect();
        for &arch in family {
            for (_, number) in arch.syscalls().step_by(7).chain([("newer", 999), ("skip", u32::MAX)]) {
                let mut arguments = [0; 6];
                for condition in conditions.iter().take(random.below(4)) {
                    let near = condition.value.wrapping_add(random.below(3) as u64);
                    arguments[condition.index as usize] = near.wrapping_sub(1);
                }
                let call = Call::new(arch, number, arguments);
                let answer = run(filter.instructions(), &call).expect("a valid program").action;
                let right = naive::answers(&profile, arch, number, &arguments);
                prop_assert!(right.contains(&answer.0), "{} {number} {arguments:x?}: {answer}",
                    arch.name());
                let told = explain(&profile, family[0], arch, number, arguments).expect("told");
                prop_assert_eq!(told.action, answer);
                prop_assert_eq!(decided(&profile, told.reason), answer.0, "{:?}", told);
            }
        }
    }

    #[test]
    fn the_kernel_would_take_it(seed: u64) {
        let Some((_, _, filter, _)) = compiled(seed) else { return Ok(()) };
        let program = filter.instructions();
        prop_assert!((1..=bpf::MAX_INSTRUCTIONS).contains(&program.len()));
        for (at, instruction) in program.iter().enumerate() {
            // Every way stays inside the program (`bpf_check_classic` of the kernel).
            let skip = match instruction.code & 7 {
                5 if instruction.code == 5 => vec![instruction.k as usize],
                5 => vec![instruction.jump_true.into(), instruction.jump_false.into()],
                6 => continue,
                _ => vec![0],
            };
            prop_assert!(skip.iter().all(|skip| at + 1 + skip < program.len()));
        }
    }

    #[test]
    fn any_json_is_compiled_or_refused(text in "\\PC{0,80}") {
        if let Ok(profile) = serde_json::from_str::<Profile<'_>>(&text) {
            let _ = seccomp::compile(&profile);
        }
    }
}

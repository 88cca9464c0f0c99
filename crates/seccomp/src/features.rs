//! What `features` reports about seccomp (runtime-spec features-linux.md, "seccomp").

use crate::arch::Arch;
use crate::{action, rules, sys};

/// The actions that [`compile`](crate::compile()) knows, sorted.
pub fn actions() -> Vec<&'static str> {
    action::KNOWN.iter().map(|known| known.name).collect()
}

/// The operators that [`compile`](crate::compile()) knows, sorted.
pub fn operators() -> Vec<&'static str> {
    sorted(rules::OPERATORS.iter().map(|(name, _)| *name))
}

/// The architectures that [`compile`](crate::compile()) knows, sorted.
pub fn architectures() -> Vec<&'static str> {
    sorted(Arch::all().map(Arch::name))
}

/// The flags that [`compile`](crate::compile()) knows.
pub fn flags() -> Vec<&'static str> {
    rules::FLAGS.iter().map(|(name, _)| *name).collect()
}

/// Those of [`flags`] that the running kernel supports; asks it at each call.
pub fn supported_flags() -> Vec<&'static str> {
    let known = rules::FLAGS.iter().filter(|(_, bits)| {
        // This flag is valid only together with the other.
        let with = if *bits == sys::WAIT_KILLABLE_RECV { sys::NEW_LISTENER } else { 0 };
        sys::flags_available(bits | with)
    });
    known.map(|(name, _)| *name).collect()
}

/// Those of [`actions`] that the running kernel supports, sorted; asks it at each call.
pub fn supported_actions() -> Vec<&'static str> {
    let known = action::KNOWN.iter().filter(|known| sys::action_available(known.code));
    known.map(|known| known.name).collect()
}

fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_complete() {
        assert!(actions().is_sorted() && actions().len() == 9);
        assert!(operators().is_sorted() && operators().len() == 7);
        assert!(architectures().is_sorted() && architectures().len() == 23);
        assert_eq!(flags().len(), 4);
    }

    #[test]
    fn this_kernel_supports_the_old_actions_and_flags() {
        // All since Linux 4.14; a machine that builds this has them.
        let actions = supported_actions();
        for name in ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_KILL_PROCESS"] {
            assert!(actions.contains(&name), "{name} in {actions:?}");
        }
        assert!(supported_flags().contains(&"SECCOMP_FILTER_FLAG_LOG"));
        assert!(!sys::flags_available(1 << 31));
        assert!(!sys::action_available(0x1234_0000));
    }
}

//! The rules of a profile by number, for one architecture.

use crate::arch::Arch;
use crate::conditions::{Conditional, Layout};
use crate::names::position;
use crate::precedence::{self, Conflict};
use crate::rules::{Condition, Op, Rules};

/// What a profile does with one system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The rule without conditions that decides.
    Always(Conditional),
    /// The first that holds; the default action if none does.
    Depends(Vec<Conditional>),
}

/// A call that older ABIs make through `socketcall` or `ipc`, whose first argument says which.
struct Multiplexed {
    name: &'static str,
    through: &'static str,
    selector: u64,
}

macro_rules! multiplexed {
    ($($through:ident: $($name:ident $selector:literal),*;)*) => {
        &[$($(Multiplexed {
            name: stringify!($name),
            through: stringify!($through),
            selector: $selector,
        }),*),*]
    };
}

/// The numbers of `linux/net.h` (`SYS_*`) and `linux/ipc.h`.
static MULTIPLEXED: &[Multiplexed] = multiplexed! {
    socketcall: socket 1, bind 2, connect 3, listen 4, accept 5, getsockname 6, getpeername 7,
        socketpair 8, send 9, recv 10, sendto 11, recvfrom 12, shutdown 13, setsockopt 14,
        getsockopt 15, sendmsg 16, recvmsg 17, accept4 18, recvmmsg 19, sendmmsg 20;
    ipc: semop 1, semget 2, semctl 3, semtimedop 4, msgsnd 11, msgrcv 12, msgget 13, msgctl 14,
        shmat 21, shmdt 22, shmget 23, shmctl 24;
};

/// The decisions of `rules` on `arch`, sorted by number.
pub(crate) fn decisions(
    rules: &Rules,
    arch: Arch,
    layout: Layout,
) -> Result<Vec<(u32, Decision)>, Conflict> {
    let mut uses: Vec<Conditional> = Vec::new();
    // A number and the index of a use.
    let mut found: Vec<(u32, usize)> = Vec::with_capacity(rules.mentioned.len());
    let multiplexed = if arch.multiplexed() { selectors(arch) } else { Vec::new() };
    for rule in &rules.rules {
        for alternative in &rule.alternatives {
            let conditions = alternative.iter().filter_map(|one| layout.narrow(*one)).collect();
            let base = uses.len();
            uses.push(Conditional { conditions, action: rule.action, source: rule.source });
            for &name in &rule.names {
                if let Some((_, through, selector)) = multiplexed.iter().find(|m| m.0 == name) {
                    found.push((*through, uses.len()));
                    uses.push(through_selector(&uses[base], *selector));
                }
                found.extend(arch.number_at(name).map(|number| (number, base)));
            }
        }
    }
    // The uses of one number stay in the order of the profile.
    found.sort_unstable();
    let same = |a: &(u32, usize), b: &(u32, usize)| a.0 == b.0;
    found.chunk_by(same).map(|chunk| Ok((chunk[0].0, decide(chunk, &uses, layout)?))).collect()
}

/// The greatest number that `rules` are about on `arch`, rules without effect included.
fn newest(rules: &Rules, arch: Arch) -> Option<u32> {
    let direct = rules.mentioned.iter().filter_map(|&name| arch.number_at(name)).max();
    if !arch.multiplexed() {
        return direct;
    }
    let through = selectors(arch).into_iter().filter(|(name, ..)| rules.mentioned.contains(name));
    through.map(|(_, number, _)| number).max().max(direct)
}

/// The first number that is newer than all that the profile mentions, if such calls are to fail
/// with ENOSYS: programs then fall back to what the profile knows.
///
/// The rule is runc's (libcontainer/seccomp/patchbpf): it applies if the default action denies,
/// whatever its errno.
pub(crate) fn unknown(rules: &Rules, arch: Arch) -> Option<u32> {
    if rules.default.lets_unknown_pass() {
        return None;
    }
    newest(rules, arch)?.checked_add(1)
}

/// Whether calls that the kernel does not know arrive as number 0, so that it counts as unknown.
pub(crate) fn has_setup_number(arch: Arch) -> bool {
    matches!(arch, Arch::S390 | Arch::S390x)
}

fn decide(
    chunk: &[(u32, usize)],
    uses: &[Conditional],
    layout: Layout,
) -> Result<Decision, Conflict> {
    let rules = || chunk.iter().map(|(_, at)| &uses[*at]);
    if let Some(rule) = rules().find(|rule| rule.conditions.is_empty()) {
        return Ok(Decision::Always(rule.clone()));
    }
    Ok(Decision::Depends(precedence::sort(rules().cloned().collect(), layout)?))
}

/// Position of the name, number of the call that it goes through, selector.
fn selectors(arch: Arch) -> Vec<(usize, u32, u64)> {
    let each = MULTIPLEXED.iter();
    each.filter_map(|m| Some((position(m.name)?, arch.number(m.through)?, m.selector))).collect()
}

/// `rule` for a call that is made through another one.
///
/// The other arguments are behind a pointer there; like libseccomp, this leaves the conditions
/// on them as they are, and replaces one on the first argument.
fn through_selector(rule: &Conditional, selector: u64) -> Conditional {
    let first = Condition { argument: 0, op: Op::Equal, value: selector, mask: u64::MAX };
    let others = rule.conditions.iter().filter(|condition| condition.argument != 0);
    Conditional { conditions: [first].iter().chain(others).copied().collect(), ..*rule }
}

//! Profiles at random, the same ones for the same seed.
#![allow(dead_code, reason = "tests use parts")]

use std::borrow::Cow;
use std::sync::OnceLock;

use seccomp::Arch;
use seccomp::spec::{Condition, Profile, Rule};

/// A source of numbers (xorshift64*), so that a failure can be repeated from its seed.
pub struct Random(u64);

const ACTIONS: &[&str] = &[
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_LOG",
];
const OPERATORS: &[&str] = &["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
/// Calls that older ABIs multiplex, and that are therefore worth choosing often.
const MULTIPLEXED: &[&str] =
    &["socket", "accept4", "sendmsg", "semop", "shmat", "socketcall", "ipc"];

static NAMES: OnceLock<Vec<&str>> = OnceLock::new();

impl Random {
    /// A source for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 33) % end as u64) as usize
    }

    /// A profile without notification, which needs a listener.
    pub fn profile(&mut self) -> Profile<'static> {
        // Few names and many rules make rules that overlap; many names make long filters.
        let names = [2, 10, 60, 300][self.below(4)];
        let pool: Vec<&'static str> = (0..names).map(|_| self.name()).collect();
        let rules = self.below(40);
        // Several actions on one call make libseccomp refuse the profile more often.
        let actions = 1 + self.below(3);
        let actions: Vec<_> = (0..actions).map(|_| self.action()).collect();
        let rules = (0..rules).map(|_| self.rule(&pool, &actions)).collect();
        let (default_action, default_errno_ret) = self.action();
        Profile {
            default_action: Some(default_action.into()),
            default_errno_ret,
            syscalls: Some(rules),
            ..Profile::default()
        }
    }

    fn name(&mut self) -> &'static str {
        if self.below(8) == 0 {
            return MULTIPLEXED[self.below(MULTIPLEXED.len())];
        }
        let names = NAMES.get_or_init(|| {
            let names = Arch::X86.syscalls().chain(Arch::X86_64.syscalls()).map(|(name, _)| name);
            // Those are unknown to libseccomp 2.5.
            names.filter(|name| !is_new(name)).collect()
        });
        names[self.below(names.len())]
    }

    fn action(&mut self) -> (&'static str, Option<u32>) {
        let errno = [None, Some(0), Some(13), Some(38), Some(4094)][self.below(5)];
        (ACTIONS[self.below(ACTIONS.len())], errno)
    }

    fn rule(
        &mut self,
        pool: &[&'static str],
        actions: &[(&'static str, Option<u32>)],
    ) -> Rule<'static> {
        let (action, errno_ret) = actions[self.below(actions.len())];
        let names = 1 + self.below(pool.len().min(30));
        let names = (0..names).map(|_| Cow::from(pool[self.below(pool.len())])).collect();
        let args = [0, 0, 1, 1, 2, 3][self.below(6)];
        let args = (0..args).map(|_| self.condition()).collect();
        Rule { names, action: action.into(), errno_ret, args: Some(args) }
    }

    fn condition(&mut self) -> Condition<'static> {
        let op = OPERATORS[self.below(OPERATORS.len())];
        let (value, value_two) = (self.value(), self.value());
        Condition {
            index: [0, 0, 1, 2, 5][self.below(5)],
            value,
            value_two,
            op: format!("SCMP_CMP_{op}").into(),
        }
    }

    /// Small numbers, flags, and the edges of both words.
    fn value(&mut self) -> u64 {
        let bits = [0, 1, 2, 8, 40, 0x2_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xff];
        let (low, high) = (bits[self.below(bits.len())], bits[self.below(bits.len())]);
        if self.below(3) == 0 { low | high << 32 } else { low }
    }
}

/// Whether a call came after Linux 5.17, or on some architectures after it.
pub fn is_new(name: &str) -> bool {
    const LAST: u32 = 450;
    let number = Arch::X86_64.number(name).or(Arch::X86.number(name));
    number.is_some_and(|number| number > LAST)
        || ["map_shadow_stack", "uretprobe", "uprobe", "memfd_secret", "cacheflush", "_llseek"]
            .contains(&name)
}

//! Which of several rules for one system call wins where more than one holds.
//!
//! The spec is silent; what counts is what libseccomp makes of a profile, because all profiles
//! were written against it. It does not look at the order in the profile:
//!
//! - a rule without conditions wins over every other one, the first such rule over the next;
//! - a rule whose first condition is on a later argument wins over one on an earlier argument;
//! - on the same argument, equality (masked or not) and inequality win over "less", and that
//!   over "greater"; then the greater value wins, but for "less", where it is the smaller one;
//!   values are compared in words of 32 bits, the upper one first;
//! - then the next condition decides in the same way; a rule that has none wins;
//! - what is still equal is in the order of the profile.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::conditions::{Conditional, Layout};
use crate::rules::{Condition, Op};

/// Two rules with the same conditions and different actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// Sorts `rules`, all with conditions and in the order of the profile, so that the first one
/// that holds decides.
pub(crate) fn sort(rules: Vec<Conditional>, layout: Layout) -> Result<Vec<Conditional>, Conflict> {
    let mut sorted = Vec::with_capacity(rules.len());
    let chains = rules.into_iter().map(|rule| Chain::new(rule, layout)).collect();
    sort_level(chains, 0, &mut sorted)?;
    Ok(sorted)
}

/// A rule as the comparisons of words that libseccomp makes of it.
struct Chain {
    links: Vec<Link>,
    rule: Conditional,
}

/// A comparison of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    argument: u8,
    high: bool,
    comparison: Comparison,
    value: u32,
    mask: u32,
}

/// The operators that libseccomp distinguishes; the others are these with the answer reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Comparison {
    Equal,
    MaskedEqual,
    /// `<` and `<=`, with whether equality counts.
    Less(bool),
    /// `>` and `>=`, with whether equality counts.
    Greater(bool),
}

impl Chain {
    fn new(rule: Conditional, layout: Layout) -> Self {
        let mut links = Vec::with_capacity(2 * rule.conditions.len());
        for condition in &rule.conditions {
            if layout.wide {
                links.push(Link::new(condition, true));
            }
            links.push(Link::new(condition, false));
        }
        Self { links, rule }
    }
}

impl Link {
    fn new(condition: &Condition, high: bool) -> Self {
        let word = |value: u64| if high { (value >> 32) as u32 } else { value as u32 };
        let comparison = match condition.op {
            Op::Equal | Op::NotEqual => Comparison::Equal,
            Op::MaskedEqual => Comparison::MaskedEqual,
            // The upper words are compared in the same way for both.
            Op::Less => Comparison::Less(high),
            Op::LessOrEqual => Comparison::Less(true),
            Op::Greater => Comparison::Greater(high),
            Op::GreaterOrEqual => Comparison::Greater(true),
        };
        Self {
            argument: condition.argument,
            high,
            comparison,
            value: word(condition.value),
            mask: word(condition.mask),
        }
    }

    /// The smallest comes first.
    fn rank(&self) -> impl Ord + use<> {
        let (operator, value) = match self.comparison {
            Comparison::Equal | Comparison::MaskedEqual => (0, u32::MAX - self.value),
            Comparison::Less(_) => (1, self.value),
            Comparison::Greater(_) => (2, u32::MAX - self.value),
        };
        (Reverse(self.argument), Reverse(self.high), operator, value)
    }
}

/// Sorts rules that agree in their first `depth` links.
fn sort_level(
    chains: Vec<Chain>,
    depth: usize,
    sorted: &mut Vec<Conditional>,
) -> Result<(), Conflict> {
    let (ended, going_on): (Vec<_>, Vec<_>) =
        chains.into_iter().partition(|chain| chain.links.len() == depth);
    for chain in ended {
        push_unless_known(chain.rule, sorted)?;
    }
    let mut groups: Vec<(Link, Vec<Chain>)> = Vec::new();
    let mut at: BTreeMap<Link, usize> = BTreeMap::new();
    for chain in going_on {
        let link = chain.links[depth];
        let at = *at.entry(link).or_insert_with(|| {
            groups.push((link, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(chain);
    }
    groups.sort_by_key(|(link, _)| link.rank());
    for (_, group) in groups {
        sort_level(group, depth + 1, sorted)?;
    }
    Ok(())
}

/// Adds `rule`; rules with the same conditions are neighbours, at most one apart per operator.
fn push_unless_known(rule: Conditional, sorted: &mut Vec<Conditional>) -> Result<(), Conflict> {
    let same = |other: &&Conditional| other.conditions == rule.conditions;
    match sorted.iter().rev().take(NEIGHBOURS).find(same) {
        None => sorted.push(rule),
        Some(known) if known.action == rule.action => {}
        Some(known) => {
            return Err(Conflict { first: known.source, second: rule.source });
        }
    }
    Ok(())
}

/// Rules that end at the same link differ in `==` against `!=` only, for up to six arguments.
const NEIGHBOURS: usize = 1 << 6;

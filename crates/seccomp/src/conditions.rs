//! Conditions on 64-bit arguments as comparisons of 32-bit words.

use std::collections::BTreeMap;

use crate::action::Action;
use crate::arch::Arch;
use crate::bpf;
use crate::graph::{Graph, Node, Test};
use crate::rules::{Condition, Op};
use crate::search::{Range, search};

/// A rule of one system call: the action if all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conditional {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) action: Action,
    /// The index in `syscalls`, for errors.
    pub(crate) source: usize,
}

/// How an architecture lays out its arguments, and how much of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) wide: bool,
    pub(crate) big_endian: bool,
}

impl Layout {
    /// The layout of `arch`.
    pub(crate) fn of(arch: Arch) -> Self {
        Self { wide: arch.wide(), big_endian: arch.big_endian() }
    }

    /// The bits of an argument that count.
    pub(crate) fn kept(self) -> u64 {
        if self.wide { u64::MAX } else { u64::from(u32::MAX) }
    }

    /// `condition` as it applies here; `None` if it holds for every argument.
    pub(crate) fn narrow(self, condition: Condition) -> Option<Condition> {
        let kept = self.kept();
        let Condition { value, mask, .. } = condition;
        let narrowed = Condition { value: value & kept, mask: mask & kept, ..condition };
        (narrowed.op != Op::MaskedEqual || narrowed.mask != 0).then_some(narrowed)
    }

    fn low(self, argument: u8) -> u32 {
        self.word(argument, self.big_endian)
    }

    fn high(self, argument: u8) -> u32 {
        self.word(argument, !self.big_endian)
    }

    fn word(self, argument: u8, second: bool) -> u32 {
        bpf::ARGUMENTS + 8 * u32::from(argument) + if second { 4 } else { 0 }
    }
}

/// The node that gives the action of the first rule that holds, and `otherwise` if none does.
pub(crate) fn first_match(
    graph: &mut Graph,
    layout: Layout,
    rules: &[Conditional],
    otherwise: Node,
) -> Node {
    let mut next = otherwise;
    let mut rest = rules;
    while let Some((last, before)) = rest.split_last() {
        // Neighbours that only compare the same argument become one search.
        if let Some(argument) = plain_argument(last) {
            let same = |rule: &&Conditional| plain_argument(rule) == Some(argument);
            let run = rest.iter().rev().take_while(same).count();
            let (earlier, run) = rest.split_at(rest.len() - run);
            let mut intervals = Intervals::new(next);
            for rule in run.iter().rev() {
                let answer = graph.answer(rule.action);
                intervals.paint(&rule.conditions[0], answer, layout);
            }
            next = intervals.into_node(graph, layout, argument);
            rest = earlier;
        } else {
            let mut node = graph.answer(last.action);
            for condition in last.conditions.iter().rev() {
                node = holds(graph, layout, condition, node, next);
            }
            next = node;
            rest = before;
        }
    }
    next
}

/// The argument that `rule` compares, if it compares just one and without a mask.
fn plain_argument(rule: &Conditional) -> Option<u8> {
    match rule.conditions[..] {
        [condition] if condition.op != Op::MaskedEqual => Some(condition.argument),
        _ => None,
    }
}

fn holds(graph: &mut Graph, layout: Layout, condition: &Condition, yes: Node, no: Node) -> Node {
    if condition.op == Op::MaskedEqual {
        return masked(graph, layout, condition, yes, no);
    }
    let mut intervals = Intervals::new(no);
    intervals.paint(condition, yes, layout);
    intervals.into_node(graph, layout, condition.argument)
}

fn masked(graph: &mut Graph, layout: Layout, condition: &Condition, yes: Node, no: Node) -> Node {
    let &Condition { argument, value, mask, .. } = condition;
    let (low, high) = (layout.low(argument), layout.high(argument));
    let yes = masked_word(graph, low, mask as u32, value as u32, (yes, no));
    if !layout.wide {
        return yes;
    }
    masked_word(graph, high, (mask >> 32) as u32, (value >> 32) as u32, (yes, no))
}

fn masked_word(
    graph: &mut Graph,
    offset: u32,
    mask: u32,
    value: u32,
    (yes, no): (Node, Node),
) -> Node {
    if mask == 0 {
        return yes;
    }
    let test = if mask == u32::MAX {
        let (yes, no) = (graph.loaded(offset, yes), graph.loaded(offset, no));
        graph.branch(Test::Equal, value, yes, no)
    } else if value == 0 || (value == mask && mask.is_power_of_two()) {
        let (yes, no) = (graph.loaded(offset, yes), graph.loaded(offset, no));
        let (set, clear) = if value == 0 { (no, yes) } else { (yes, no) };
        graph.branch(Test::AnyBit, mask, set, clear)
    } else {
        let compare = graph.branch(Test::Equal, value, yes, no);
        graph.and(mask, compare)
    };
    graph.load(offset, test)
}

/// A node for each value of an argument: the start of each interval, up to the next one.
struct Intervals(BTreeMap<u64, Node>);

impl Intervals {
    fn new(everywhere: Node) -> Self {
        Self(BTreeMap::from([(0, everywhere)]))
    }

    /// Puts `node` where `condition` holds, over what is there.
    fn paint(&mut self, condition: &Condition, node: Node, layout: Layout) {
        let value = condition.value;
        let max = if layout.wide { u64::MAX } else { u64::from(u32::MAX) };
        let below = value.checked_sub(1).map(|last| (0, last));
        let above = (value < max).then(|| (value + 1, max));
        let parts = match condition.op {
            Op::Equal | Op::MaskedEqual => [Some((value, value)), None],
            Op::NotEqual => [below, above],
            Op::Less => [below, None],
            Op::LessOrEqual => [Some((0, value)), None],
            Op::Greater => [above, None],
            Op::GreaterOrEqual => [Some((value, max)), None],
        };
        for (first, last) in parts.into_iter().flatten() {
            self.paint_interval(first, last, node);
        }
    }

    fn paint_interval(&mut self, first: u64, last: u64, node: Node) {
        if let Some(after) = last.checked_add(1)
            && let Some((_, &behind)) = self.0.range(..=after).next_back()
        {
            self.0.insert(after, behind);
        }
        let covered: Vec<u64> = self.0.range(first..=last).map(|(&start, _)| start).collect();
        for start in covered {
            self.0.remove(&start);
        }
        self.0.insert(first, node);
    }

    fn into_node(self, graph: &mut Graph, layout: Layout, argument: u8) -> Node {
        let mut intervals: Vec<(u64, Node)> = self.0.into_iter().collect();
        intervals.dedup_by_key(|(_, node)| *node);
        let low = layout.low(argument);
        if !layout.wide {
            intervals.retain(|(start, _)| *start <= u64::from(u32::MAX));
            return search(graph, low, &ranges(&intervals));
        }
        let mut highs: Vec<(u64, Node)> = Vec::new();
        let mut rest = &intervals[..];
        // The node that holds at the end of what is done, and from there on.
        let mut node = intervals[0].1;
        while let Some(&(start, _)) = rest.first() {
            let high = start >> 32;
            let count = rest.iter().take_while(|(start, _)| start >> 32 == high).count();
            let (same, later) = rest.split_at(count);
            let mut lows: Vec<_> =
                same.iter().map(|(start, node)| (start & u64::from(u32::MAX), *node)).collect();
            if lows[0].0 != 0 {
                lows.insert(0, (0, node));
            }
            let mixed = search(graph, low, &ranges(&lows));
            node = same[count - 1].1;
            highs.push((high, mixed));
            if high < u64::from(u32::MAX) && later.first().is_none_or(|(s, _)| s >> 32 > high + 1) {
                highs.push((high + 1, node));
            }
            rest = later;
        }
        search(graph, layout.high(argument), &ranges(&highs))
    }
}

fn ranges(intervals: &[(u64, Node)]) -> Vec<Range> {
    let range = |&(start, node): &(u64, Node)| Range { start: start as u32, node, weight: 1 };
    intervals.iter().map(range).collect()
}

//! Binary search over the values of one word: few comparisons to the ranges that matter most.

use crate::graph::{Graph, Node, Test};

/// A run of values with the same answer; it ends where the next one starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: u32,
    pub(crate) node: Node,
    /// How often its values are expected, relative to the other ranges; at least 1.
    pub(crate) weight: u32,
}

/// How many single values are compared one after the other rather than by halves.
const MAX_SINGLES: usize = 3;

/// The node that loads the word at `offset` and finds its range; `ranges` start with 0.
pub(crate) fn search(graph: &mut Graph, offset: u32, ranges: &[Range]) -> Node {
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.node == range.node => last.weight += range.weight,
            _ => merged.push(*range),
        }
    }
    if let [only] = merged[..] {
        return only.node;
    }
    for range in &mut merged {
        range.node = graph.loaded(offset, range.node);
    }
    let found = find(graph, &merged, 1 << 32);
    graph.load(offset, found)
}

/// Finds the range among `ranges`, of which the last one ends before `end`.
fn find(graph: &mut Graph, ranges: &[Range], end: u64) -> Node {
    if let [only] = ranges {
        return only.node;
    }
    if let Some(node) = singles(graph, ranges, end) {
        return node;
    }
    let middle = balance(ranges);
    let (left, right) = ranges.split_at(middle);
    let border = right[0].start;
    let yes = find(graph, right, end);
    let no = find(graph, left, u64::from(border));
    graph.branch(Test::GreaterOrEqual, border, yes, no)
}

/// A few single values in a range that is otherwise the same: one comparison for each.
fn singles(graph: &mut Graph, ranges: &[Range], end: u64) -> Option<Node> {
    let ends = ranges.iter().skip(1).map(|range| u64::from(range.start)).chain([end]);
    let mut around = None;
    let mut singles = Vec::with_capacity(MAX_SINGLES);
    for (range, end) in ranges.iter().zip(ends) {
        if around == Some(range.node) {
            continue;
        }
        if end - u64::from(range.start) == 1 {
            singles.push(range);
        } else if around.is_none() {
            around = Some(range.node);
        } else {
            return None;
        }
        if singles.len() > MAX_SINGLES {
            return None;
        }
    }
    // The last one added is compared first.
    singles.sort_by_key(|range| range.weight);
    let around = around?;
    Some(
        singles
            .iter()
            .fold(around, |no, range| graph.branch(Test::Equal, range.start, range.node, no)),
    )
}

/// Where to cut `ranges`, at least two, so that both parts weigh about the same.
fn balance(ranges: &[Range]) -> usize {
    let total: u64 = ranges.iter().map(|range| u64::from(range.weight)).sum();
    let mut left = 0;
    let mut best = (u64::MAX, 1);
    for at in 1..ranges.len() {
        left += u64::from(ranges[at - 1].weight);
        let uneven = left.abs_diff(total - left);
        if uneven < best.0 {
            best = (uneven, at);
        }
    }
    best.1
}

//! A filter as a graph in which equal parts exist once, and its way into a program.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::action::Action;
use crate::bpf::{self, Assembler, Instruction, Label};

/// A place in a [`Graph`] from which a filter can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node(u32);

/// What happens at a node. Jumps look at the word that was loaded last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Return(Action),
    /// Load the word at an offset of `struct seccomp_data`.
    Load(u32, Node),
    And(u32, Node),
    Branch(Test, u32, Node, Node),
}

/// How a branch compares the loaded word with its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Test {
    Equal,
    GreaterOrEqual,
    /// Whether any bit of the operand is set.
    AnyBit,
}

/// A filter that grows from its answers towards its start.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    steps: Vec<Step>,
    nodes: HashMap<Step, Node, BuildHasherDefault<Mixer>>,
}

/// A hasher for a few numbers: the standard one, which resists attacks, was a sixth of the time.
///
/// A profile that makes many steps collide slows its own container's start, nothing else.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio as a 64-bit fraction; the rotation brings high bits down.
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

impl Graph {
    pub(crate) fn answer(&mut self, action: Action) -> Node {
        self.node(Step::Return(action))
    }

    pub(crate) fn load(&mut self, offset: u32, next: Node) -> Node {
        if matches!(self.step(next), Step::Return(_)) {
            return next;
        }
        self.node(Step::Load(offset, next))
    }

    pub(crate) fn and(&mut self, mask: u32, next: Node) -> Node {
        self.node(Step::And(mask, next))
    }

    pub(crate) fn branch(&mut self, test: Test, operand: u32, yes: Node, no: Node) -> Node {
        if yes == no {
            return yes;
        }
        self.node(Step::Branch(test, operand, yes, no))
    }

    /// Where to enter `node` if the word at `offset` is loaded already.
    pub(crate) fn loaded(&self, offset: u32, node: Node) -> Node {
        match self.step(node) {
            Step::Load(same, next) if same == offset => next,
            _ => node,
        }
    }

    /// The program that starts at `start`, however long.
    pub(crate) fn assemble(&self, start: Node) -> Vec<Instruction> {
        let mut emitter = Emitter {
            program: Assembler::default(),
            labels: vec![None; self.steps.len()],
            graph: self,
        };
        emitter.emit(start);
        emitter.program.finish()
    }

    fn node(&mut self, step: Step) -> Node {
        let steps = &mut self.steps;
        *self.nodes.entry(step).or_insert_with(|| {
            steps.push(step);
            Node(steps.len() as u32 - 1)
        })
    }

    fn step(&self, node: Node) -> Step {
        self.steps[node.0 as usize]
    }
}

struct Emitter<'g> {
    program: Assembler,
    /// Where a node is in the program; or a jump to it, which is as good a target.
    labels: Vec<Option<Label>>,
    graph: &'g Graph,
}

impl Emitter<'_> {
    /// Emits what `start` leads to, targets before sources: the program is written backwards.
    fn emit(&mut self, start: Node) {
        // A list instead of recursion: chains of thousands of conditions are legal.
        let mut pending = vec![(start, false)];
        while let Some((node, targets_done)) = pending.pop() {
            if self.label(node).is_some() {
                continue;
            }
            let step = self.graph.step(node);
            if targets_done {
                self.place(node, step);
                continue;
            }
            pending.push((node, true));
            match step {
                // Answers are placed where they are needed.
                Step::Return(_) => {}
                Step::Load(_, next) | Step::And(_, next) => pending.push((next, false)),
                Step::Branch(_, _, yes, no) => {
                    // The last one on the list is done first and ends up farther away.
                    for target in [no, yes] {
                        if !matches!(self.graph.step(target), Step::Return(_)) {
                            pending.push((target, false));
                        }
                    }
                }
            }
        }
    }

    fn place(&mut self, node: Node, step: Step) {
        let label = match step {
            Step::Return(action) => self.program.push(bpf::RETURN, action.0),
            Step::Load(offset, next) => {
                self.follow_with(next);
                self.program.push(bpf::LOAD, offset)
            }
            Step::And(mask, next) => {
                self.follow_with(next);
                self.program.push(bpf::AND, mask)
            }
            Step::Branch(test, operand, yes, no) => {
                let code = match test {
                    Test::Equal => bpf::JUMP_EQUAL,
                    Test::GreaterOrEqual => bpf::JUMP_GREATER_EQUAL,
                    Test::AnyBit => bpf::JUMP_ANY_BIT,
                };
                let yes = self.within_reach(yes);
                let no = self.within_reach(no);
                self.program.branch(code, operand, yes, no)
            }
        };
        self.labels[node.0 as usize] = Some(label);
    }

    /// Makes `next` what follows the instruction that comes next.
    fn follow_with(&mut self, next: Node) {
        match self.label(next) {
            Some(label) if self.program.is_next(label) => {}
            Some(label) => {
                self.program.jump(label);
            }
            None => self.place(next, self.graph.step(next)),
        }
    }

    /// A label near enough for a conditional jump: of the node, of a copy, or of a jump to it.
    fn within_reach(&mut self, target: Node) -> Label {
        let near = match (self.label(target), self.graph.step(target)) {
            (Some(label), _) if self.program.reaches(label) => return label,
            (_, Step::Return(action)) => self.program.push(bpf::RETURN, action.0),
            (Some(label), _) => self.program.jump(label),
            (None, _) => unreachable!("targets are emitted before their sources"),
        };
        self.labels[target.0 as usize] = Some(near);
        near
    }

    fn label(&self, node: Node) -> Option<Label> {
        self.labels[node.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_exist_once() {
        let mut graph = Graph::default();
        let (a, b) = (graph.answer(Action(1)), graph.answer(Action(2)));
        assert_eq!(graph.branch(Test::Equal, 5, a, b), graph.branch(Test::Equal, 5, a, b));
        assert_eq!(graph.branch(Test::Equal, 5, a, a), a);
        assert_eq!(graph.load(0, a), a);
    }

    #[test]
    fn far_targets_are_reached_by_long_jumps() {
        // A chain in which each link can also leave to the same load far away.
        let mut graph = Graph::default();
        let (a, b) = (graph.answer(Action(1)), graph.answer(Action(2)));
        let end = graph.branch(Test::Equal, 9, a, b);
        let far = graph.load(16, end);
        let mut node = b;
        for value in 0..1000 {
            node = graph.branch(Test::Equal, value, far, node);
        }
        let program = graph.assemble(node);
        let jumps = program.iter().filter(|i| i.code == bpf::JUMP).count();
        assert!((3..=5).contains(&jumps), "{jumps} long jumps in {}", program.len());
    }
}

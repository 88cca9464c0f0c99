//! From a profile to a filter.

use crate::action::Action;
use crate::arch::{Arch, X32_BIT};
use crate::bpf::{self, Instruction, MAX_INSTRUCTIONS};
use crate::conditions::{Layout, first_match};
use crate::graph::{Graph, Node, Test};
use crate::precedence::Conflict;
use crate::rules::{self, Rules};
use crate::search::{Range, search};
use crate::syscalls::{self, Decision};
use crate::{CompileError, hot, spec, sys};

/// A compiled profile: the program, and how to load it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<Instruction>,
    flags: u32,
    ignored: Vec<String>,
}

impl Filter {
    /// The filter that asks its listener about every call, of every architecture.
    ///
    /// Nobody can make a call until somebody answers. Asks the kernel for its flags.
    pub fn asking() -> Self {
        let answer = Action::NOTIFY.0;
        let program =
            vec![Instruction { code: bpf::RETURN, jump_true: 0, jump_false: 0, k: answer }];
        // Else a signal ends the wait for an answer, with EINTR for calls that never give it.
        let wait = sys::NEW_LISTENER | sys::WAIT_KILLABLE_RECV;
        let notify = if sys::flags_available(wait) { wait } else { sys::NEW_LISTENER };
        Self { program, flags: notify | sys::SPEC_ALLOW, ignored: Vec::new() }
    }

    /// The program, at least one and at most 4,096 instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.program
    }

    /// The flags for seccomp(2), `SECCOMP_FILTER_FLAG_NEW_LISTENER` included if it notifies.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Whether loading the filter returns a listener.
    pub fn notifies(&self) -> bool {
        self.flags & sys::NEW_LISTENER != 0
    }

    /// Names of the profile that no architecture has, in order of appearance.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

/// Compiles `profile` for the architecture of this program and those that the profile names.
///
/// Errors name the JSON path of what is wrong. Makes no system call. Leaves out architectures of
/// the other byte order, whose programs no kernel runs.
pub fn compile(profile: &spec::Profile<'_>) -> Result<Filter, CompileError> {
    compile_for(profile, Arch::NATIVE)
}

/// Compiles `profile` as [`compile()`] does on a machine whose architecture is `native`.
pub fn compile_for(profile: &spec::Profile<'_>, native: Arch) -> Result<Filter, CompileError> {
    let rules = rules::from_profile(profile, native)?;
    let mut compiler = Compiler { graph: Graph::default(), rules: &rules };
    let start = compiler.start()?;
    let program = compiler.graph.assemble(start);
    if program.len() > MAX_INSTRUCTIONS {
        let needed = program.len();
        let message = format!("needs {needed} instructions, the kernel takes {MAX_INSTRUCTIONS}");
        return Err(CompileError::new("syscalls", message));
    }
    Ok(Filter { program, flags: rules.flags, ignored: rules.ignored })
}

struct Compiler<'r> {
    graph: Graph,
    rules: &'r Rules,
}

impl Compiler<'_> {
    /// The first node: it tells the architectures apart, the native one first.
    fn start(&mut self) -> Result<Node, CompileError> {
        let mut audits: Vec<u32> = Vec::new();
        for arch in &self.rules.archs {
            // x86-64 and x32 are one for the kernel.
            if !audits.contains(&arch.audit()) {
                audits.push(arch.audit());
            }
        }
        let mut node = self.graph.answer(Action::KILL_THREAD);
        for audit in audits.into_iter().rev() {
            let numbers = self.numbers(audit)?;
            node = self.graph.branch(Test::Equal, audit, numbers, node);
        }
        Ok(self.graph.load(bpf::ARCH, node))
    }

    /// Finds the decision for a number among those of the ABIs that the kernel calls `audit`.
    fn numbers(&mut self, audit: u32) -> Result<Node, CompileError> {
        let mut abis = self.rules.archs.clone();
        abis.retain(|abi| abi.audit() == audit);
        // x32's numbers are above those of x86-64.
        abis.sort_unstable();
        let mut points = Vec::new();
        let mut hot = Vec::new();
        for &abi in &abis {
            self.add_points(abi, &mut points)?;
            hot.extend(hot::NAMES.iter().filter_map(|name| abi.number(name)));
        }
        let unknown = syscalls::unknown(self.rules, abis[0]);
        if syscalls::has_setup_number(abis[0]) && unknown.is_some() {
            points.retain(|(number, _)| *number != 0);
            points.insert(0, (0, self.graph.answer(Action::ENOSYS)));
        }
        let ranges = overlay(&self.areas(&abis), &points, &hot);
        Ok(search(&mut self.graph, bpf::NUMBER, &ranges))
    }

    fn add_points(&mut self, abi: Arch, points: &mut Vec<(u32, Node)>) -> Result<(), CompileError> {
        let layout = Layout::of(abi);
        let conflict = |conflict| describe(conflict, abi);
        let default = self.graph.answer(self.rules.default);
        for (number, decision) in syscalls::decisions(self.rules, abi, layout).map_err(conflict)? {
            let node = match decision {
                Decision::Always(rule) => self.graph.answer(rule.action),
                Decision::Depends(rules) => first_match(&mut self.graph, layout, &rules, default),
            };
            points.push((number, node));
        }
        Ok(())
    }

    /// What holds for numbers without a rule: the start of each area, and its node.
    fn areas(&mut self, abis: &[Arch]) -> Vec<(u32, Node)> {
        let default = self.graph.answer(self.rules.default);
        let kill = self.graph.answer(Action::KILL_THREAD);
        let mut areas = Vec::new();
        if let [Arch::X32] = abis {
            areas.push((0, kill));
        }
        for &abi in abis {
            areas.push((if abi == Arch::X32 { X32_BIT } else { 0 }, default));
            let enosys = self.graph.answer(Action::ENOSYS);
            areas.extend(syscalls::unknown(self.rules, abi).map(|first| (first, enosys)));
        }
        if let [Arch::X86_64] = abis {
            // A tracer skips a call by making its number -1.
            areas.extend([(X32_BIT, kill), (u32::MAX, default)]);
        }
        areas
    }
}

/// `areas` with `points` in them, both sorted, as ranges that cover all numbers.
fn overlay(areas: &[(u32, Node)], points: &[(u32, Node)], hot: &[u32]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::with_capacity(areas.len() + 2 * points.len());
    let mut push = |start, node| match ranges.last_mut() {
        Some(last) if last.start == start => last.node = node,
        Some(last) if last.node == node => {}
        _ => ranges.push(Range { start, node, weight: 1 }),
    };
    let mut points = points.iter().copied().peekable();
    for (at, &(start, node)) in areas.iter().enumerate() {
        let end = areas.get(at + 1).map(|next| next.0);
        push(start, node);
        while let Some((number, decided)) = points.next_if(|point| end.is_none_or(|e| point.0 < e))
        {
            push(number, decided);
            match number.checked_add(1) {
                Some(after) if Some(after) != end => push(after, node),
                _ => {}
            }
        }
    }
    for &number in hot {
        let at = ranges.partition_point(|range| range.start <= number) - 1;
        ranges[at].weight += hot::WEIGHT;
    }
    ranges
}

pub(crate) fn describe(conflict: Conflict, abi: Arch) -> CompileError {
    let Conflict { first, second } = conflict;
    let abi = abi.name();
    let message = format!("has the same conditions on {abi} as syscalls[{first}], another action");
    CompileError::new(format!("syscalls[{second}]"), message)
}

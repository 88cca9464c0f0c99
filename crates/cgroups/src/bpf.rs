//! Device rules as a program of type `BPF_PROG_TYPE_CGROUP_DEVICE`: built as data, loaded, and
//! attached to a cgroup of version 2 (bpf(2), Documentation/bpf/instruction-set.rst).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::devices::{ALL, Kind, Rule, Rules};
use crate::sys::{self, Attached};

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u8,
    pub(crate) dst: u8,
    pub(crate) src: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
}

// Codes of linux/bpf.h and linux/bpf_common.h, put together.
const LOAD_WORD: u8 = 0x61; // LDX | MEM | W
const MOVE: u8 = 0xb4; // ALU | MOV | K
const MOVE_REGISTER: u8 = 0xbc; // ALU | MOV | X
const AND: u8 = 0x54; // ALU | AND | K
const SHIFT_RIGHT: u8 = 0x74; // ALU | RSH | K
const JUMP_NOT_EQUAL: u8 = 0x55; // JMP | JNE | K
const JUMP_EQUAL: u8 = 0x15; // JMP | JEQ | K
const EXIT: u8 = 0x95; // JMP | EXIT

// Registers: the kernel's result and context, and what the program keeps.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const WANTED: u8 = 2;
const KIND: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

// Fields of struct bpf_cgroup_dev_ctx, and its types of device.
const ACCESS_AND_KIND: i16 = 0;
const CONTEXT_MAJOR: i16 = 4;
const CONTEXT_MINOR: i16 = 8;
const BLOCK: i32 = 1;
const CHAR: i32 = 2;

/// The program for rules of which the last match wins, for each access on its own.
///
/// It goes through the rules from the last to the first with the accesses that are still to be
/// allowed: a rule that allows takes its own off, and once none is left the answer is yes; a rule
/// that denies one of them makes the answer no, and so does the end.
pub(crate) fn program(rules: &Rules) -> Vec<Instruction> {
    let mut program = vec![
        load_word(WANTED, ACCESS_AND_KIND),
        load_word(MAJOR, CONTEXT_MAJOR),
        load_word(MINOR, CONTEXT_MINOR),
        Instruction { src: WANTED, ..with(MOVE_REGISTER, KIND, 0) },
        with(AND, KIND, 0xffff),
        with(SHIFT_RIGHT, WANTED, 16),
    ];
    for rule in rules.rules.iter().rev() {
        program.extend(block(rule));
        // The kernel refuses programs with instructions that are never reached.
        if rule.is_all() {
            return program;
        }
    }
    program.extend(answer(false));
    program
}

/// Loads a program.
pub(crate) fn load(program: &[Instruction]) -> Result<OwnedFd, Errno> {
    let code: Vec<[u8; 8]> = program.iter().map(Instruction::encode).collect();
    match sys::load_device_program(&code) {
        // Before Linux 5.11 programs count against the limit of locked memory.
        Err(Errno::PERM) => sys::with_unlimited_memlock(|| sys::load_device_program(&code)),
        result => result,
    }
}

/// Attaches a program to a cgroup that has none of its own.
pub(crate) fn attach(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    sys::attach_device_program(cgroup, program, None)
}

/// Puts a program in the place of those that are attached to a cgroup.
///
/// One alone is exchanged in one step. Several, or one that was attached in another mode, are
/// detached after the new one is in force: a cgroup takes at most 64, and all of them must agree.
pub(crate) fn replace(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    let Attached { programs, multiple } = sys::attached_device_programs(cgroup)?;
    if let ([old], true) = (programs.as_slice(), multiple) {
        let old = sys::program_by_id(*old)?;
        match sys::attach_device_program(cgroup, program, Some(old.as_fd())) {
            // Linux before 5.6 cannot exchange.
            Err(Errno::INVAL) => {}
            result => return result,
        }
    }
    if !multiple && !programs.is_empty() {
        // Modes do not mix: the old ones have to go first.
        detach(cgroup, &programs)?;
        return attach(cgroup, program);
    }
    attach(cgroup, program)?;
    detach(cgroup, &programs)
}

fn detach(cgroup: BorrowedFd<'_>, programs: &[u32]) -> Result<(), Errno> {
    for id in programs {
        match sys::program_by_id(*id) {
            Ok(old) => sys::detach_device_program(cgroup, old.as_fd())?,
            // Detached by someone else in the meantime.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The instructions of one rule: skip to the end if the device is another one, else decide.
fn block(rule: &Rule) -> Vec<Instruction> {
    let kind = match rule.kind {
        Kind::Any => None,
        Kind::Block => Some(BLOCK),
        Kind::Char => Some(CHAR),
    };
    let number = |number: Option<u32>| number.map(u32::cast_signed);
    let tests: Vec<_> = [(KIND, kind), (MAJOR, number(rule.major)), (MINOR, number(rule.minor))]
        .into_iter()
        .filter_map(|(register, value)| Some(with(JUMP_NOT_EQUAL, register, value?)))
        .collect();
    let decision = decision(rule);
    let count = tests.len();
    let jump = |(index, test): (usize, Instruction)| Instruction {
        offset: (count - index - 1 + decision.len()) as i16,
        ..test
    };
    let mut block: Vec<_> = tests.into_iter().enumerate().map(jump).collect();
    block.extend(decision);
    block
}

fn decision(rule: &Rule) -> Vec<Instruction> {
    let access = i32::from(rule.access);
    let mut decision = match (rule.access, rule.allow) {
        (ALL, _) => Vec::new(),
        (_, true) => vec![
            with(AND, WANTED, !access),
            Instruction { offset: 2, ..with(JUMP_NOT_EQUAL, WANTED, 0) },
        ],
        (_, false) => vec![
            Instruction { src: WANTED, ..with(MOVE_REGISTER, SCRATCH, 0) },
            with(AND, SCRATCH, access),
            Instruction { offset: 2, ..with(JUMP_EQUAL, SCRATCH, 0) },
        ],
    };
    decision.extend(answer(rule.allow));
    decision
}

fn answer(allow: bool) -> [Instruction; 2] {
    [with(MOVE, RESULT, i32::from(allow)), with(EXIT, 0, 0)]
}

fn load_word(dst: u8, offset: i16) -> Instruction {
    Instruction { src: CONTEXT, offset, ..with(LOAD_WORD, dst, 0) }
}

fn with(code: u8, dst: u8, immediate: i32) -> Instruction {
    Instruction { code, dst, src: 0, offset: 0, immediate }
}

impl Instruction {
    /// The instruction as the kernel of this machine reads it.
    fn encode(&self) -> [u8; 8] {
        let registers = if cfg!(target_endian = "little") {
            self.src << 4 | self.dst
        } else {
            self.dst << 4 | self.src
        };
        let [o0, o1] = self.offset.to_ne_bytes();
        let [i0, i1, i2, i3] = self.immediate.to_ne_bytes();
        [self.code, registers, o0, o1, i0, i1, i2, i3]
    }
}

#[cfg(test)]
#[path = "bpf_tests.rs"]
mod tests;

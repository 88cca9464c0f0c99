//! Runs a filter on paper: what does it answer for a system call?

use std::fmt;

use crate::action::Action;
use crate::arch::Arch;
use crate::bpf::{self, Instruction};

/// A system call as a filter sees it (`struct seccomp_data` of `linux/seccomp.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The number; x32's with bit 30 set.
    pub number: u32,
    /// The architecture as the kernel calls it (`AUDIT_ARCH_*`).
    pub audit: u32,
    /// Where the call was made.
    pub instruction_pointer: u64,
    /// The six arguments.
    pub arguments: [u64; 6],
    /// Whether the machine stores the most significant byte first.
    pub big_endian: bool,
}

/// What a filter answered, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub action: Action,
    /// How many instructions ran.
    pub executed: usize,
}

/// A program that the kernel would have refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The index of the instruction that cannot run.
    pub at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {} of the filter is not valid", self.at)
    }
}

impl std::error::Error for Fault {}

impl Call {
    /// The call `number` of `arch` with `arguments`.
    pub fn new(arch: Arch, number: u32, arguments: [u64; 6]) -> Self {
        let (audit, big_endian) = (arch.audit(), arch.big_endian());
        Self { number, audit, instruction_pointer: 0, arguments, big_endian }
    }

    /// The word at `offset` of the structure; `None` where the kernel refuses to load from.
    fn word(&self, offset: u32) -> Option<u32> {
        let half = |value: u64, second: bool| {
            let high = second != self.big_endian;
            if high { (value >> 32) as u32 } else { value as u32 }
        };
        let second = offset & 4 != 0;
        match offset {
            0 => Some(self.number),
            4 => Some(self.audit),
            8 | 12 => Some(half(self.instruction_pointer, second)),
            16..64 if offset.is_multiple_of(4) => {
                Some(half(self.arguments[(offset as usize - 16) / 8], second))
            }
            _ => None,
        }
    }
}

/// Runs `program` for `call`, as the kernel does for every system call.
///
/// Knows the instructions that seccomp filters consist of, of whatever compiler: loads of words,
/// arithmetic and jumps with a constant operand.
pub fn run(program: &[Instruction], call: &Call) -> Result<Outcome, Fault> {
    let mut loaded: u32 = 0;
    let mut at = 0;
    let mut executed = 0;
    loop {
        let fault = Fault { at };
        let instruction = program.get(at).ok_or(fault)?;
        let k = instruction.k;
        at += 1;
        executed += 1;
        let branch =
            |yes| usize::from(if yes { instruction.jump_true } else { instruction.jump_false });
        // The bare codes are `BPF_*` of `linux/bpf_common.h` that only other compilers use.
        match instruction.code {
            bpf::LOAD => loaded = call.word(k).ok_or(fault)?,
            0x00 => loaded = k,
            bpf::AND => loaded &= k,
            0x44 => loaded |= k,
            0x04 => loaded = loaded.wrapping_add(k),
            0x14 => loaded = loaded.wrapping_sub(k),
            0x64 => loaded = loaded.checked_shl(k).ok_or(fault)?,
            0x74 => loaded = loaded.checked_shr(k).ok_or(fault)?,
            bpf::JUMP => at += k as usize,
            bpf::JUMP_EQUAL => at += branch(loaded == k),
            bpf::JUMP_GREATER => at += branch(loaded > k),
            bpf::JUMP_GREATER_EQUAL => at += branch(loaded >= k),
            bpf::JUMP_ANY_BIT => at += branch(loaded & k != 0),
            bpf::RETURN => return Ok(Outcome { action: Action(k), executed }),
            0x16 => return Ok(Outcome { action: Action(loaded), executed }),
            _ => return Err(fault),
        }
    }
}

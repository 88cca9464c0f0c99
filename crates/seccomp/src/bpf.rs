//! Classic BPF as seccomp(2) takes it, and an assembler without limits on jumps.

/// One instruction, laid out as `struct sock_filter` of `linux/filter.h`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a jump's condition holds.
    pub jump_true: u8,
    /// How many instructions to skip if it does not.
    pub jump_false: u8,
    /// The operand.
    pub k: u32,
}

/// The longest program that the kernel takes (`BPF_MAXINSNS` of `linux/bpf_common.h`).
pub const MAX_INSTRUCTIONS: usize = 4096;

// `BPF_*` of `linux/bpf_common.h`: the instructions that filters of this crate consist of.
pub(crate) const LOAD: u16 = 0x20;
pub(crate) const AND: u16 = 0x54;
pub(crate) const JUMP: u16 = 0x05;
pub(crate) const JUMP_EQUAL: u16 = 0x15;
pub(crate) const JUMP_GREATER: u16 = 0x25;
pub(crate) const JUMP_GREATER_EQUAL: u16 = 0x35;
pub(crate) const JUMP_ANY_BIT: u16 = 0x45;
pub(crate) const RETURN: u16 = 0x06;

// Offsets in `struct seccomp_data` of `linux/seccomp.h`.
pub(crate) const NUMBER: u32 = 0;
pub(crate) const ARCH: u32 = 4;
pub(crate) const ARGUMENTS: u32 = 16;

/// A program written from its end to its start, so that each jump's target is already there.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The last instruction first.
    reversed: Vec<Instruction>,
}

/// An instruction of an [`Assembler`], counted from the end of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label(usize);

impl Assembler {
    /// Puts an instruction that does not jump before all others.
    pub(crate) fn push(&mut self, code: u16, k: u32) -> Label {
        self.insert(Instruction { code, jump_true: 0, jump_false: 0, k })
    }

    /// Puts a jump to anywhere before all others.
    pub(crate) fn jump(&mut self, target: Label) -> Label {
        // A program of 2^32 instructions does not fit any machine.
        let skip = u32::try_from(self.distance(target)).unwrap_or(u32::MAX);
        self.push(JUMP, skip)
    }

    /// Puts a conditional jump before all others; both targets are in [reach](Self::reaches).
    pub(crate) fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        let skip = |label| u8::try_from(self.distance(label)).unwrap_or(u8::MAX);
        let instruction = Instruction { code, jump_true: skip(yes), jump_false: skip(no), k };
        debug_assert!(self.distance(yes) <= 255 && self.distance(no) <= 255);
        self.insert(instruction)
    }

    /// Whether a conditional jump that is put before all others, or before one more, gets there.
    pub(crate) fn reaches(&self, target: Label) -> bool {
        self.distance(target) < usize::from(u8::MAX)
    }

    /// Whether `target` is what follows the next instruction.
    pub(crate) fn is_next(&self, target: Label) -> bool {
        self.distance(target) == 0
    }

    /// The program in the order in which it runs.
    pub(crate) fn finish(mut self) -> Vec<Instruction> {
        self.reversed.reverse();
        self.reversed
    }

    fn insert(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        Label(self.reversed.len() - 1)
    }

    fn distance(&self, target: Label) -> usize {
        self.reversed.len() - 1 - target.0
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{align_of, offset_of, size_of};

    use super::*;

    #[test]
    fn instruction_has_the_layout_of_sock_filter() {
        type Theirs = libc::sock_filter;
        assert_eq!(size_of::<Instruction>(), size_of::<Theirs>());
        assert_eq!(align_of::<Instruction>(), align_of::<Theirs>());
        assert_eq!(offset_of!(Instruction, code), offset_of!(Theirs, code));
        assert_eq!(offset_of!(Instruction, jump_true), offset_of!(Theirs, jt));
        assert_eq!(offset_of!(Instruction, jump_false), offset_of!(Theirs, jf));
        assert_eq!(offset_of!(Instruction, k), offset_of!(Theirs, k));
    }

    #[test]
    fn jumps_count_from_the_instruction_after_them() {
        let mut program = Assembler::default();
        let deny = program.push(RETURN, 1);
        let allow = program.push(RETURN, 2);
        program.branch(JUMP_EQUAL, 7, allow, deny);
        program.jump(deny);
        let program = program.finish();
        assert_eq!(program[0], Instruction { code: JUMP, jump_true: 0, jump_false: 0, k: 2 });
        assert_eq!((program[1].jump_true, program[1].jump_false), (0, 1));
    }
}

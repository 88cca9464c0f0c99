//! The program against the rules, through a small interpreter of the instructions in use.

use super::*;
use crate::devices::{MKNOD, READ, WRITE};

/// Runs a program as the kernel would.
fn run(program: &[Instruction], kind: u32, major: u32, minor: u32, access: u8) -> bool {
    let mut registers = [0_u64; 11];
    let context = [kind | u32::from(access) << 16, major, minor];
    let mut at = 0;
    loop {
        let i = program[at];
        let (dst, src) = (i.dst as usize, i.src as usize);
        at += 1;
        let taken = match i.code {
            LOAD_WORD => {
                assert_eq!(src, 1, "loads are from the context");
                registers[dst] = u64::from(context[i.offset as usize / 4]);
                false
            }
            MOVE => {
                registers[dst] = u64::from(i.immediate.cast_unsigned());
                false
            }
            MOVE_REGISTER => {
                registers[dst] = registers[src] & 0xffff_ffff;
                false
            }
            AND => {
                registers[dst] &= u64::from(i.immediate.cast_unsigned());
                false
            }
            SHIFT_RIGHT => {
                registers[dst] = (registers[dst] & 0xffff_ffff) >> i.immediate;
                false
            }
            JUMP_EQUAL => registers[dst] == i64::from(i.immediate).cast_unsigned(),
            JUMP_NOT_EQUAL => registers[dst] != i64::from(i.immediate).cast_unsigned(),
            EXIT => return registers[0] != 0,
            code => panic!("unknown code {code:#x}"),
        };
        if taken {
            at = at.checked_add_signed(i.offset as isize).unwrap();
        }
    }
}

/// What the rules say, access by access: the last match wins.
fn oracle(rules: &Rules, kind: Kind, major: u32, minor: u32, access: u8) -> bool {
    [MKNOD, READ, WRITE].into_iter().filter(|bit| access & bit != 0).all(|bit| {
        let matches = |rule: &&Rule| {
            (rule.kind == Kind::Any || rule.kind == kind)
                && rule.major.is_none_or(|n| n == major)
                && rule.minor.is_none_or(|n| n == minor)
                && rule.access & bit != 0
        };
        rules.rules.iter().rev().find(matches).is_some_and(|rule| rule.allow)
    })
}

/// Every instruction but the first is reached from the one before, or by a jump.
fn assert_all_reached(program: &[Instruction]) {
    let mut reached = vec![false; program.len()];
    let mut to_visit = vec![0];
    while let Some(at) = to_visit.pop() {
        if std::mem::replace(&mut reached[at], true) {
            continue;
        }
        let i = program[at];
        if matches!(i.code, JUMP_EQUAL | JUMP_NOT_EQUAL) {
            to_visit.push((at + 1).checked_add_signed(i.offset as isize).unwrap());
        }
        if i.code != EXIT {
            to_visit.push(at + 1);
        }
    }
    assert!(reached.iter().all(|reached| *reached), "unreached instructions in {program:?}");
}

fn check(rules: &Rules) {
    let program = program(rules);
    assert_all_reached(&program);
    for (kind, number) in [(Kind::Block, 1), (Kind::Char, 2)] {
        for (major, minor) in [(1, 3), (1, 5), (5, 3), (136, 0), (0, 0), (u32::MAX, u32::MAX)] {
            for access in 1..=ALL {
                let expected = oracle(rules, kind, major, minor, access);
                let got = run(&program, number, major, minor, access);
                assert_eq!(got, expected, "{rules:?}: {kind:?} {major}:{minor} {access}");
            }
        }
    }
}

fn listed(rules: Vec<Rule>) -> Rules {
    Rules { listed: rules.len(), rules }
}

fn rule(allow: bool, kind: Kind, major: Option<u32>, minor: Option<u32>, access: u8) -> Rule {
    Rule { allow, kind, major, minor, access }
}

#[test]
fn defaults() {
    check(&Rules::new(&[]).unwrap());
    check(&listed(Vec::new()));
}

#[test]
fn every_pair_and_triple_of_rules() {
    let mut pool = Vec::new();
    for allow in [true, false] {
        for (kind, major, minor) in [
            (Kind::Any, None, None),
            (Kind::Char, None, None),
            (Kind::Char, Some(1), None),
            (Kind::Char, Some(1), Some(3)),
            (Kind::Block, None, Some(3)),
        ] {
            for access in [READ, READ | WRITE, ALL] {
                pool.push(rule(allow, kind, major, minor, access));
            }
        }
    }
    for first in &pool {
        for second in &pool {
            check(&listed(vec![*first, *second]));
            check(&listed(vec![*first, *second, rule(true, Kind::Char, Some(1), Some(3), READ)]));
        }
    }
}

#[test]
fn numbers_of_all_sizes() {
    // Numbers above i32::MAX are no devices; a rule for one must not match another.
    check(&listed(vec![rule(true, Kind::Char, Some(0x7fff_ffff), Some(0), ALL)]));
    let program = program(&listed(vec![rule(true, Kind::Char, Some(u32::MAX), None, ALL)]));
    assert!(!run(&program, 2, 1, 3, READ));
}

#[test]
fn encoding() {
    let jump = Instruction { code: 0x55, dst: 3, src: 2, offset: -2, immediate: 0x0102_0304 };
    let bytes = jump.encode();
    assert_eq!(bytes[0], 0x55);
    assert_eq!(i16::from_ne_bytes([bytes[2], bytes[3]]), -2);
    if cfg!(target_endian = "little") {
        assert_eq!(bytes, [0x55, 0x23, 0xfe, 0xff, 4, 3, 2, 1]);
    }
}

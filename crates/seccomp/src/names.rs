//! The way from the name of a system call to its position in the tables.
//!
//! A hash table that the compiler fills: profiles have hundreds of names, and a binary search
//! for each was a quarter of the time that a filter takes.

use crate::tables::{LEN, NAMES};

/// Four slots for each name, so that most are where their hash says.
const SLOTS: usize = (4 * LEN).next_power_of_two();
const EMPTY: u16 = u16::MAX;

static SLOT_POSITIONS: [u16; SLOTS] = fill();

/// The position of the system call `name` in the tables.
pub(crate) fn position(name: &str) -> Option<usize> {
    let mut slot = slot(name.as_bytes());
    loop {
        match SLOT_POSITIONS[slot] {
            EMPTY => return None,
            at if NAMES[usize::from(at)] == name => return Some(usize::from(at)),
            _ => slot = (slot + 1) % SLOTS,
        }
    }
}

const fn fill() -> [u16; SLOTS] {
    let mut slots = [EMPTY; SLOTS];
    let mut at = 0;
    while at < LEN {
        let mut slot = slot(NAMES[at].as_bytes());
        while slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = at as u16;
        at += 1;
    }
    slots
}

/// FNV-1a, as short as a hash of short names can be.
const fn slot(name: &[u8]) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ hash >> 16) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for (at, name) in NAMES.iter().enumerate() {
            assert_eq!(position(name), Some(at), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in ["", "rea", "readx", "READ", "no_such_call"] {
            assert_eq!(position(name), None, "{name}");
        }
    }
}

//! From the calls that a run made to the smallest profile that allows them.

use std::collections::BTreeSet;

use crate::arch::Arch;

/// The calls that a run made, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    calls: BTreeSet<(u32, u32)>,
}

/// What a profile has to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The native architecture, then the others that were seen.
    pub archs: Vec<Arch>,
    /// The names of the calls, sorted.
    pub names: Vec<&'static str>,
    /// Architecture, as the kernel calls it, and number of calls that have no name.
    pub unknown: Vec<(u32, u32)>,
}

impl Recording {
    /// Adds call `number` of the architecture that the kernel calls `audit`.
    pub fn add(&mut self, audit: u32, number: u32) {
        self.calls.insert((audit, number));
    }

    /// Architecture and number of each call.
    pub fn calls(&self) -> impl Iterator<Item = (u32, u32)> {
        self.calls.iter().copied()
    }

    /// What a profile for a machine that is `native` has to allow.
    pub fn needed(&self, native: Arch) -> Needed {
        let mut archs = BTreeSet::new();
        let mut names = BTreeSet::new();
        let mut unknown = Vec::new();
        for (audit, number) in self.calls() {
            let arch = Arch::of_call(audit, number);
            match arch.and_then(|arch| Some((arch, arch.name_of(number)?))) {
                Some((arch, name)) => {
                    archs.insert(arch);
                    names.insert(name);
                }
                None => unknown.push((audit, number)),
            }
        }
        archs.remove(&native);
        let archs = std::iter::once(native).chain(archs).collect();
        Needed { archs, names: names.into_iter().collect(), unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_become_names_of_all_architectures_that_were_seen() {
        let mut recording = Recording::default();
        for (arch, number) in [
            (Arch::X86_64, 83),
            (Arch::X86, 39),
            (Arch::X86_64, 0),
            (Arch::X86_64, 9999),
            (Arch::X32, 0x4000_0208),
        ] {
            recording.add(arch.audit(), number);
        }
        let needed = recording.needed(Arch::X86_64);
        assert_eq!(needed.archs, [Arch::X86_64, Arch::X86, Arch::X32]);
        assert_eq!(needed.names, ["execve", "mkdir", "read"]);
        assert_eq!(needed.unknown, [(Arch::X86_64.audit(), 9999)]);
    }

    #[test]
    fn no_call_needs_the_native_architecture_only() {
        let needed = Recording::default().needed(Arch::Aarch64);
        assert_eq!((needed.archs, needed.names.len()), (vec![Arch::Aarch64], 0));
    }
}

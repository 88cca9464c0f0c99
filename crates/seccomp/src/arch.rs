//! The architectures of the spec (runtime-spec config-linux.md, "architectures").

use crate::names::position;
use crate::tables;

/// An architecture, or one of the ABIs of an architecture, with system call numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of the architectures")]
pub enum Arch {
    X86,
    X86_64,
    X32,
    Arm,
    Aarch64,
    Mips,
    Mips64,
    Mips64N32,
    Mipsel,
    Mipsel64,
    Mipsel64N32,
    Ppc,
    Ppc64,
    Ppc64le,
    S390,
    S390x,
    Parisc,
    Parisc64,
    Riscv64,
    Loongarch64,
    M68k,
    Sh,
    Sheb,
}

/// The bit that the x32 ABI sets in its numbers (`__X32_SYSCALL_BIT` of `asm/unistd.h`).
pub(crate) const X32_BIT: u32 = 0x4000_0000;

const LE: u32 = 0x4000_0000;
const BITS_64: u32 = 0x8000_0000;
const N32: u32 = 0x2000_0000;

/// What the compiler must know about an architecture.
struct Facts {
    arch: Arch,
    /// The name in a profile.
    name: &'static str,
    /// `AUDIT_ARCH_*` of `linux/audit.h`: the ELF machine and three bits.
    audit: u32,
    /// Whether arguments are compared as 64 bits; else the upper half is ignored.
    wide: bool,
    /// Whether `socketcall` and `ipc` exist, which multiplex other calls.
    multiplexed: bool,
    numbers: &'static [i32; tables::LEN],
}

macro_rules! facts {
    ($($arch:ident $name:literal $audit:expr, $wide:literal, $multiplexed:literal, $table:ident;)*) => {
        [$(Facts {
            arch: Arch::$arch,
            name: $name,
            audit: $audit,
            wide: $wide,
            multiplexed: $multiplexed,
            numbers: &tables::$table,
        }),*]
    };
}

/// In the order of the enum. x32 and n32 have 64-bit registers, but pointers of 32 bits, and
/// compare 32 bits as libseccomp does.
#[rustfmt::skip]
static FACTS: [Facts; 23] = facts![
    X86         "SCMP_ARCH_X86"         3 | LE,                   false, true,  X86;
    X86_64      "SCMP_ARCH_X86_64"      62 | BITS_64 | LE,        true,  false, X86_64;
    X32         "SCMP_ARCH_X32"         62 | BITS_64 | LE,        false, false, X32;
    Arm         "SCMP_ARCH_ARM"         40 | LE,                  false, false, ARM;
    Aarch64     "SCMP_ARCH_AARCH64"     183 | BITS_64 | LE,       true,  false, AARCH64;
    Mips        "SCMP_ARCH_MIPS"        8,                        false, true,  MIPS;
    Mips64      "SCMP_ARCH_MIPS64"      8 | BITS_64,              true,  false, MIPS64;
    Mips64N32   "SCMP_ARCH_MIPS64N32"   8 | BITS_64 | N32,        false, false, MIPS64N32;
    Mipsel      "SCMP_ARCH_MIPSEL"      8 | LE,                   false, true,  MIPS;
    Mipsel64    "SCMP_ARCH_MIPSEL64"    8 | BITS_64 | LE,         true,  false, MIPS64;
    Mipsel64N32 "SCMP_ARCH_MIPSEL64N32" 8 | BITS_64 | LE | N32,   false, false, MIPS64N32;
    Ppc         "SCMP_ARCH_PPC"         20,                       false, true,  PPC;
    Ppc64       "SCMP_ARCH_PPC64"       21 | BITS_64,             true,  true,  PPC64;
    Ppc64le     "SCMP_ARCH_PPC64LE"     21 | BITS_64 | LE,        true,  true,  PPC64;
    S390        "SCMP_ARCH_S390"        22,                       false, true,  S390;
    S390x       "SCMP_ARCH_S390X"       22 | BITS_64,             true,  true,  S390X;
    Parisc      "SCMP_ARCH_PARISC"      15,                       false, false, PARISC;
    Parisc64    "SCMP_ARCH_PARISC64"    15 | BITS_64,             true,  false, PARISC64;
    Riscv64     "SCMP_ARCH_RISCV64"     243 | BITS_64 | LE,       true,  false, RISCV64;
    Loongarch64 "SCMP_ARCH_LOONGARCH64" 258 | BITS_64 | LE,       true,  false, LOONGARCH64;
    M68k        "SCMP_ARCH_M68K"        4,                        false, true,  M68K;
    Sh          "SCMP_ARCH_SH"          42 | LE,                  false, true,  SH;
    Sheb        "SCMP_ARCH_SHEB"        42,                       false, true,  SH;
];

impl Arch {
    /// The architecture that this program was built for.
    pub const NATIVE: Arch = native();

    /// Every architecture of the spec.
    pub fn all() -> impl Iterator<Item = Arch> {
        FACTS.iter().map(|facts| facts.arch)
    }

    /// The architecture that a profile calls `name` (`SCMP_ARCH_*`).
    pub fn from_name(name: &str) -> Option<Arch> {
        FACTS.iter().find(|facts| facts.name == name).map(|facts| facts.arch)
    }

    /// The ABI that a call belongs to, by what the kernel tells of it (`seccomp_data`).
    pub fn of_call(audit: u32, number: u32) -> Option<Arch> {
        let found = FACTS.iter().find(|facts| facts.audit == audit)?.arch;
        // A tracer skips a call by making its number -1.
        let x32 = found == Arch::X86_64 && (X32_BIT..u32::MAX).contains(&number);
        Some(if x32 { Arch::X32 } else { found })
    }

    /// The name in a profile (`SCMP_ARCH_*`).
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What the kernel calls it (`AUDIT_ARCH_*`); the same for x86-64 and x32.
    pub fn audit(self) -> u32 {
        self.facts().audit
    }

    /// The number of the system call `name`, if it exists here; x32's with its bit set.
    pub fn number(self, name: &str) -> Option<u32> {
        self.number_at(position(name)?)
    }

    /// The name of system call `number`, if it exists here.
    pub fn name_of(self, number: u32) -> Option<&'static str> {
        let number = i32::try_from(number).ok()?;
        let at = self.facts().numbers.iter().position(|&n| n == number)?;
        Some(tables::NAMES[at])
    }

    /// The names and numbers of all system calls that exist here.
    pub fn syscalls(self) -> impl Iterator<Item = (&'static str, u32)> {
        let number = move |at| Some((tables::NAMES[at], self.number_at(at)?));
        (0..tables::LEN).filter_map(number)
    }

    /// Whether the most significant byte comes first.
    pub fn big_endian(self) -> bool {
        self.facts().audit & LE == 0
    }

    pub(crate) fn number_at(self, position: usize) -> Option<u32> {
        u32::try_from(self.facts().numbers[position]).ok()
    }

    pub(crate) fn wide(self) -> bool {
        self.facts().wide
    }

    pub(crate) fn multiplexed(self) -> bool {
        self.facts().multiplexed
    }

    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }
}

const fn native() -> Arch {
    let little = cfg!(target_endian = "little");
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "32")) {
        Arch::X32
    } else if cfg!(target_arch = "x86_64") {
        Arch::X86_64
    } else if cfg!(target_arch = "x86") {
        Arch::X86
    } else if cfg!(target_arch = "aarch64") {
        Arch::Aarch64
    } else if cfg!(target_arch = "arm") {
        Arch::Arm
    } else if cfg!(target_arch = "riscv64") {
        Arch::Riscv64
    } else if cfg!(target_arch = "loongarch64") {
        Arch::Loongarch64
    } else if cfg!(target_arch = "s390x") {
        Arch::S390x
    } else if cfg!(target_arch = "powerpc64") {
        if little { Arch::Ppc64le } else { Arch::Ppc64 }
    } else if cfg!(target_arch = "powerpc") {
        Arch::Ppc
    } else if cfg!(target_arch = "mips64") {
        if little { Arch::Mipsel64 } else { Arch::Mips64 }
    } else if cfg!(target_arch = "mips") {
        if little { Arch::Mipsel } else { Arch::Mips }
    } else if cfg!(target_arch = "m68k") {
        Arch::M68k
    } else {
        panic!("no table of system calls for this architecture")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_in_the_order_of_the_enum() {
        for (at, facts) in FACTS.iter().enumerate() {
            assert_eq!(facts.arch as usize, at, "{}", facts.name);
        }
    }

    #[test]
    fn names_are_sorted() {
        assert!(tables::NAMES.is_sorted());
    }

    #[test]
    fn known_numbers() {
        for (arch, name, number) in [
            (Arch::X86_64, "read", Some(0)),
            (Arch::X86_64, "openat2", Some(437)),
            (Arch::X86_64, "socketcall", None),
            (Arch::X32, "read", Some(0x4000_0000)),
            (Arch::X32, "execve", Some(0x4000_0208)),
            (Arch::X86, "openat2", Some(437)),
            (Arch::X86, "waitpid", Some(7)),
            (Arch::Mips, "read", Some(4003)),
            (Arch::Mipsel64, "read", Some(5000)),
            (Arch::Mips64N32, "read", Some(6000)),
            (Arch::Arm, "cacheflush", Some(983_042)),
            (Arch::Aarch64, "open", None),
            (Arch::Loongarch64, "mseal", Some(462)),
        ] {
            assert_eq!(arch.number(name), number, "{} {name}", arch.name());
        }
        assert_eq!(Arch::X86_64.name_of(257), Some("openat"));
    }

    #[test]
    fn a_call_tells_its_abi() {
        for (arch, number, abi) in [
            (Arch::X86_64, 0, Some(Arch::X86_64)),
            (Arch::X86_64, u32::MAX, Some(Arch::X86_64)),
            (Arch::X86_64, 0x8000_0000, Some(Arch::X32)),
            (Arch::X32, X32_BIT | 1, Some(Arch::X32)),
            (Arch::X86, X32_BIT, Some(Arch::X86)),
            (Arch::Mips64N32, 6000, Some(Arch::Mips64N32)),
        ] {
            assert_eq!(Arch::of_call(arch.audit(), number), abi, "{} {number}", arch.name());
        }
        assert_eq!(Arch::of_call(0x1234, 0), None);
    }

    #[test]
    fn the_native_numbers_are_those_of_libc() {
        for (name, number) in [
            ("read", libc::SYS_read),
            ("seccomp", libc::SYS_seccomp),
            ("clone3", libc::SYS_clone3),
            ("execveat", libc::SYS_execveat),
        ] {
            assert_eq!(Arch::NATIVE.number(name).map(i64::from), Some(number), "{name}");
        }
    }
}

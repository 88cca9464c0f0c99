//! The numbers of Linux's system calls, one table per ABI, from Linux v7.1.0-rc4 2026-05-21.
//!
//! Written by hack/generate-syscall-tables, which names the source; do not edit.

mod aarch64;
mod arm;
mod loongarch64;
mod m68k;
mod mips;
mod mips64;
mod mips64n32;
mod names;
mod parisc;
mod parisc64;
mod ppc;
mod ppc64;
mod riscv64;
mod s390;
mod s390x;
mod sh;
mod x32;
mod x86;
mod x86_64;

pub(crate) use aarch64::AARCH64;
pub(crate) use arm::ARM;
pub(crate) use loongarch64::LOONGARCH64;
pub(crate) use m68k::M68K;
pub(crate) use mips::MIPS;
pub(crate) use mips64::MIPS64;
pub(crate) use mips64n32::MIPS64N32;
pub(crate) use names::NAMES;
pub(crate) use parisc::PARISC;
pub(crate) use parisc64::PARISC64;
pub(crate) use ppc::PPC;
pub(crate) use ppc64::PPC64;
pub(crate) use riscv64::RISCV64;
pub(crate) use s390::S390;
pub(crate) use s390x::S390X;
pub(crate) use sh::SH;
pub(crate) use x32::X32;
pub(crate) use x86::X86;
pub(crate) use x86_64::X86_64;

/// How many names there are, and so the length of each table.
pub(crate) const LEN: usize = 508;

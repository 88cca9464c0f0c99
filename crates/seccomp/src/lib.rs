//! OCI seccomp profiles (runtime-spec, `linux.seccomp`) compiled to classic BPF and loaded.
//!
//! [`compile()`] is pure: profile in, program out. [`load`] is the one system call.
//! [`interpret`] runs a program on paper, for tests and for explanations.
//!
//! The way of a profile: `rules` knows the words, `syscalls` sorts the rules by number for one
//! architecture, `precedence` orders those of one number, `conditions` and `search` make nodes of
//! a `graph`, and that becomes a program through the assembler in [`bpf`].

mod action;
mod arch;
pub mod bpf;
mod compile;
mod conditions;
mod error;
pub mod features;
mod graph;
mod hot;
pub mod interpret;
mod names;
mod precedence;
mod rules;
mod search;
pub mod spec;
mod sys;
mod syscalls;
mod tables;

pub use action::Action;
pub use arch::Arch;
pub use bpf::Instruction;
pub use compile::{Filter, compile, compile_for};
pub use error::{CompileError, LoadError};
pub use sys::load;

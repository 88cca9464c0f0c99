//! OCI seccomp profiles (runtime-spec, `linux.seccomp`) compiled to classic BPF and loaded.
//!
//! [`compile()`] is pure: profile in, program out. [`load`] is the one system call.
//! [`interpret`] runs a program on paper, for tests and for [explanations](explain()).
//! A filter that asks about [every call](Filter::asking), answered through [`notify`], tells what
//! a run needs; [`record`] makes a profile of it.
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
pub mod explain;
pub mod features;
mod graph;
mod hot;
pub mod interpret;
mod names;
pub mod notify;
mod precedence;
pub mod record;
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

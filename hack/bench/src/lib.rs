//! System calls that rustix does not wrap, shared by the programs of this package.

pub mod sys;

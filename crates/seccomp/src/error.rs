//! What compiling and loading can fail with.

use std::fmt;

use rustix::io::Errno;

/// A profile that cannot become a filter: where, and why in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    path: String,
    message: String,
}

impl CompileError {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// The JSON path of the offending value, relative to `linux.seccomp`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for CompileError {}

/// The kernel refused a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadError {
    pub(crate) errno: Errno,
    pub(crate) instructions: usize,
    pub(crate) flags: u32,
}

impl LoadError {
    /// The errno of seccomp(2); EBUSY when another listener exists, EACCES when neither
    /// `no_new_privs` nor CAP_SYS_ADMIN is there, EINVAL for a flag that the kernel lacks.
    pub fn errno(&self) -> Errno {
        self.errno
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { errno, instructions, flags } = self;
        write!(f, "loading a seccomp filter of {instructions} instructions, flags {flags:#x}: ")?;
        write!(f, "{errno}")
    }
}

impl std::error::Error for LoadError {}

//! The one error type: which step, on what, what the kernel said, where in the configuration, and what to do.
//!
//! It also travels over the init pipe, so that what fails in the container is reported by the parent.

use std::fmt;

use rustix::io::Errno;

use crate::errno;
use crate::hint;
use crate::signal;
use crate::step::Step;

/// A failed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was being done.
    pub step: Step,
    /// On which object: a path, a name, a value.
    pub subject: String,
    /// Why it failed.
    pub cause: Cause,
    /// The property of the configuration that asked for it, as a JSON path.
    pub field: Option<String>,
    /// On which side of the clone.
    pub side: Side,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The kernel's word.
    Errno(Errno),
    /// The kernel's word, and what it said besides (a filesystem's log, output of a hook).
    Detailed(Errno, String),
    /// A reason of our own.
    Reason(String),
    /// The step's text says it all.
    Plain,
}

/// Where a step ran; it decides the words in front of the message, which engines look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// In the runtime, before there is a process.
    #[default]
    Runtime,
    /// In the runtime, while it brings up a container process.
    Starting,
    /// In the container init, or in an exec process.
    Init,
}

/// The result of a step.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that is fully told by its step and subject.
    pub fn new(step: Step, subject: impl Into<String>) -> Error {
        Error {
            step,
            subject: subject.into(),
            cause: Cause::Plain,
            field: None,
            side: Side::Runtime,
        }
    }

    /// An error with a reason that is not an errno.
    pub fn because(step: Step, subject: impl Into<String>, reason: impl Into<String>) -> Error {
        Error { cause: Cause::Reason(reason.into()), ..Error::new(step, subject) }
    }

    /// A refused configuration: the property and what is wrong with it.
    pub fn config(field: impl Into<String>, reason: impl Into<String>) -> Error {
        Error {
            field: Some(field.into()),
            cause: Cause::Reason(reason.into()),
            ..Error::new(Step::CheckConfig, "")
        }
    }

    /// The same error, with the property that asked for the step.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Error {
        self.field = Some(field.into());
        self
    }

    /// The same error, seen on another side; what was already placed stays there.
    #[must_use]
    pub fn on(mut self, side: Side) -> Error {
        if self.side == Side::Runtime && self.step != Step::CheckConfig {
            self.side = side;
        }
        self
    }

    /// The error of a command that a signal ended.
    pub fn interrupted(signal: i32) -> Error {
        Error::new(Step::Interrupted, signal::name(signal))
    }

    /// The signal that ended the command, if one did.
    pub fn signal(&self) -> Option<i32> {
        if self.step == Step::Interrupted { signal::parse(&self.subject) } else { None }
    }

    /// The errno, if the kernel gave one.
    pub fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) | Cause::Detailed(errno, _) => Some(errno),
            Cause::Reason(_) | Cause::Plain => None,
        }
    }
}

/// Labels an errno with the step and the object; an unlabelled `?` does not compile.
pub trait At<T> {
    /// Names the step and the object.
    fn at(self, step: Step, subject: impl Into<String>) -> Result<T>;
    /// The same, with a subject that is only made when it is needed.
    fn at_with(self, step: Step, subject: impl FnOnce() -> String) -> Result<T>;
}

impl<T> At<T> for std::result::Result<T, Errno> {
    fn at(self, step: Step, subject: impl Into<String>) -> Result<T> {
        self.map_err(|errno| Error { cause: Cause::Errno(errno), ..Error::new(step, subject) })
    }

    fn at_with(self, step: Step, subject: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| Error { cause: Cause::Errno(errno), ..Error::new(step, subject()) })
    }
}

/// An error of the cgroups crate, which names the file; the kernel's word in our wording.
pub fn cgroup_failed(step: Step, error: &cgroups::Error) -> Error {
    match error.errno() {
        Some(errno) => Error {
            cause: Cause::Errno(errno),
            ..Error::new(step, format!("{} {}", error.step, error.subject))
        },
        None => Error::new(step, error.to_string()),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            // As with runc, a refused execve is told like a shell would.
            _ if self.step == Step::Exec => {}
            Side::Runtime => {}
            Side::Starting => f.write_str("unable to start container process: ")?,
            Side::Init => {
                f.write_str("unable to start container process: error during container init: ")?
            }
        }
        f.write_str(self.step.text())?;
        if !self.subject.is_empty() {
            if !self.step.text().is_empty() {
                f.write_str(" ")?;
            }
            f.write_str(&self.subject)?;
        }
        if self.step == Step::CheckConfig {
            write!(f, ": {}", self.field.as_deref().unwrap_or("config.json"))?;
        }
        match &self.cause {
            Cause::Errno(errno) => write!(f, ": {}", errno::text(*errno))?,
            Cause::Detailed(errno, detail) => write!(f, ": {} ({detail})", errno::text(*errno))?,
            Cause::Reason(reason) => write!(f, ": {reason}")?,
            Cause::Plain => {}
        }
        if let (Some(field), true) = (&self.field, self.step != Step::CheckConfig) {
            write!(f, " ({field})")?;
        }
        if let Some(hint) = hint::find(self) {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_ordinary_user_can_do_about_a_cgroup_is_told() {
        let cause = cgroups::Cause::Rootless(Errno::ACCESS);
        let error = cgroups::Error { step: "create cgroup", subject: "/x".to_owned(), cause };
        let told = cgroup_failed(Step::Cgroup, &error).to_string();
        assert!(told.contains("rootless needs no limits + no cgrouppath"), "{told}");
        assert!(told.contains("/x") && told.to_lowercase().contains("permission denied"), "{told}");
    }
}

//! What can go wrong: a configuration that cannot be planned, or a step that failed on an object.

use std::borrow::Cow;
use std::fmt;

use rustix::io::Errno;

/// A configuration that cannot be put into practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// JSON path, such as `linux.resources.memory.swap`.
    pub path: Cow<'static, str>,
    /// What is wrong with the value there.
    pub message: Cow<'static, str>,
}

impl PlanError {
    pub(crate) fn new(
        path: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for PlanError {}

/// A step that failed: which one, on what, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was tried, as a verb with its kind of object, such as `create cgroup`.
    pub step: &'static str,
    /// The object: a path, or a path and the value that it was given.
    pub subject: String,
    /// Why it failed.
    pub cause: Cause,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The kernel refused.
    Errno(Errno),
    /// The resources cannot be put into practice.
    Config(PlanError),
    /// Processes live in a cgroup that should be empty.
    NotEmpty {
        /// How many.
        processes: usize,
    },
    /// The cgroup that should take a new process is frozen.
    Frozen,
    /// The new limit is below what is in use.
    BelowUsage {
        /// Bytes in use.
        usage: u64,
        /// Most bytes ever in use, where the kernel tells.
        peak: Option<u64>,
    },
    /// The container has no directory in the hierarchy of the controller.
    NoCgroup {
        /// Name of the controller.
        controller: &'static str,
    },
    /// The controller is not available in the cgroup v2 directory.
    NoController {
        /// Name of the controller.
        controller: String,
    },
    /// The cgroup is threaded, and the controller works on whole processes only.
    Threaded {
        /// Name of the controller.
        controller: String,
    },
    /// A cgroup can be made nowhere, and something asks for one.
    Rootless(Errno),
    /// What the kernel said has an unknown form.
    Unreadable,
    /// Nothing is mounted there, or something that is no cgroup hierarchy.
    NotMounted,
    /// The path leaves the hierarchy, or names all of it.
    BadPath,
    /// The state did not come in time.
    Timeout,
    /// systemd refused, in its words, or could not be asked.
    Systemd(String),
}

impl Error {
    pub(crate) fn new(step: &'static str, subject: impl Into<String>, cause: Cause) -> Self {
        Self { step, subject: subject.into(), cause }
    }

    /// The kernel's errno, when the kernel refused and that says it all.
    pub fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            // Engines and test suites know these sentences by their beginning.
            Cause::NotEmpty { .. } | Cause::Frozen | Cause::Config(_) => {
                write!(f, "{} ({} {})", self.cause, self.step, self.subject)
            }
            cause => write!(f, "{} {}: {cause}", self.step, self.subject),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(errno) => write!(f, "{errno}"),
            Self::Config(error) => write!(f, "{error}"),
            Self::NotEmpty { processes } => {
                write!(f, "container's cgroup is not empty: {processes} process(es) found")
            }
            Self::Frozen => f.write_str("container's cgroup unexpectedly frozen"),
            Self::BelowUsage { usage, peak: None } => {
                write!(f, "the limit is below what is in use (current usage: {usage})")
            }
            Self::BelowUsage { usage, peak: Some(peak) } => write!(
                f,
                "the limit is below what is in use (current usage: {usage}, peak usage: {peak})"
            ),
            Self::NoCgroup { controller } => write!(
                f,
                "cannot set {controller} limit: container could not join or create cgroup"
            ),
            Self::NoController { controller } => {
                write!(f, "the controller `{controller}` is not available there")
            }
            Self::Threaded { controller } => write!(
                f,
                "the cgroup is threaded, and the controller `{controller}` cannot work in it"
            ),
            Self::Rootless(errno) => write!(
                f,
                "rootless needs no limits + no cgrouppath when no permission is granted for \
                 cgroups: {errno}"
            ),
            Self::Unreadable => f.write_str("unexpected content"),
            Self::NotMounted => f.write_str("no cgroup hierarchy is mounted"),
            Self::BadPath => f.write_str("not a path below a cgroup hierarchy"),
            Self::Timeout => f.write_str("not reached in time"),
            Self::Systemd(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// Names the step and the object of a system call that failed.
pub(crate) trait At<T> {
    fn at(self, step: &'static str, subject: &str) -> Result<T, Error>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: &'static str, subject: &str) -> Result<T, Error> {
        self.map_err(|errno| Error::new(step, subject, Cause::Errno(errno)))
    }
}

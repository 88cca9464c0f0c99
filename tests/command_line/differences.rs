//! Where a peer is known to differ, and why. Debian 12 has runc 1.1.5 and crun 1.8.1; what runc 1.5
//! does is what counts.

use crate::compare::Aspect::{self, Code, Stdout, Words};
use crate::compare::Found;
use crate::line::Line;

/// One reason, what differs, and the lines.
struct Difference {
    reason: &'static str,
    aspects: &'static [Aspect],
    lines: &'static [&'static str],
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "version 1.1 lists a state root that is missing although it was named; 1.5 does not",
        aspects: &[Code, Stdout, Words],
        lines: &["runc --root SCRATCH/nowhere list"],
    },
    Difference {
        reason: "version 1.1 takes the whole machine for a state root; 1.5 does not",
        aspects: &[Code, Stdout, Words],
        lines: &["runc --root / list", "runc --root //./ list"],
    },
    Difference {
        reason: "reads the configuration before it looks at the id",
        aspects: &[Words],
        lines: &["runc create a/b", "runc run a/b"],
    },
    Difference {
        reason: "takes a negative number of descriptors for none",
        aspects: &[Code],
        lines: &["runc create --bundle BUNDLE --preserve-fds -1 NEW"],
    },
    Difference {
        reason: "version 1.1 has other words",
        aspects: &[Words],
        lines: &["runc exec --cgroup .. RUNNING /bin/probe"],
    },
    Difference {
        reason: "version 1.1 takes an empty controller",
        aspects: &[Code, Words],
        lines: &["runc exec --cgroup :/ RUNNING /bin/probe"],
    },
    Difference {
        reason: "refuses an option's value by its parser, with another exit code",
        aspects: &[Code],
        lines: &["runc exec --additional-gids x RUNNING /bin/probe"],
    },
    Difference {
        reason: "version 1.1 wants only one form of an option",
        aspects: &[Code, Stdout],
        lines: &[
            "runc exec --env A=1 -e B=2 RUNNING /bin/probe",
            "runc exec --cap CAP_NET_ADMIN -c CAP_CHOWN RUNNING /bin/probe",
        ],
    },
    Difference {
        reason: "wants a terminal of its own for one in the container, where orun relays the streams",
        aspects: &[Code],
        lines: &["runc exec --tty RUNNING /bin/probe"],
    },
    Difference {
        reason: "takes -- for the command",
        aspects: &[Code],
        lines: &["runc exec RUNNING -- /bin/probe"],
    },
    Difference {
        reason: "version 1.1 does not know these options",
        aspects: &[Code, Stdout],
        lines: &[
            "runc update --cpu-burst 1000 RUNNING",
            "runc update --cpu-idle 0 RUNNING",
            "runc exec --no-subreaper RUNNING /bin/probe",
        ],
    },
    Difference {
        reason: "goes on after a failure and ends with 0",
        aspects: &[Code],
        lines: &["crun delete --regex RUNNING"],
    },
    Difference {
        reason: "says that its status file is missing",
        aspects: &[Words],
        lines: &["crun state MISSING"],
    },
];

/// The names of all lines that the table mentions.
pub fn names() -> impl Iterator<Item = &'static str> {
    DIFFERENCES.iter().flat_map(|difference| difference.lines).copied()
}

/// Whether what was found is what is known.
pub fn judge(line: &Line, found: &Found) -> Result<(), String> {
    let name = line.name();
    let known = || DIFFERENCES.iter().filter(|difference| difference.lines.contains(&&*name));
    let expected: Vec<Aspect> = known().flat_map(|known| known.aspects).copied().collect();
    let reasons: Vec<&str> = known().map(|known| known.reason).collect();
    let new: Vec<_> = found.differs.iter().filter(|aspect| !expected.contains(aspect)).collect();
    let gone: Vec<_> = expected.iter().filter(|aspect| !found.differs.contains(aspect)).collect();
    if found.missing.is_empty() && new.is_empty() && gone.is_empty() {
        return Ok(());
    }
    Err(format!(
        "not said: {:?}; differs: {new:?}; agrees although listed ({reasons:?}): {gone:?}\n{}",
        found.missing, found.shown
    ))
}

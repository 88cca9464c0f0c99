//! Names of units: `slice:prefix:name` of `linux.cgroupsPath` (systemd.slice(5), systemd.scope(5)).

use crate::error::PlanError;
use crate::path::{is_clean, join};

const FIELD: &str = "linux.cgroupsPath";
/// Before the container's id in the name of its scope, if the configuration names none.
const PREFIX: &str = "orun";
/// The longest name that systemd takes (`UNIT_NAME_MAX`).
const LONGEST: usize = 255;

/// The unit, and the slice that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) slice: String,
    pub(crate) unit: String,
}

impl Placement {
    /// Reads the path; an absent one is a scope named after the container in the default slice.
    pub(crate) fn new(path: Option<&str>, id: &str, user: bool) -> Result<Self, PlanError> {
        let path = path.filter(|path| !path.is_empty());
        let parts: Vec<&str> = match path {
            Some(path) => path.split(':').collect(),
            None => vec!["", PREFIX, id],
        };
        let [slice, prefix, name] = parts[..] else {
            let message = format!(
                "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, \
                 got {:?} instead",
                path.unwrap_or_default()
            );
            return Err(PlanError::new(FIELD, message));
        };
        let slice = match slice {
            "" if user => "user.slice",
            "" => "system.slice",
            slice => slice,
        };
        let unit = match prefix {
            _ if name.ends_with(".slice") => name.to_owned(),
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        };
        if name.is_empty() || unit.len() > LONGEST || !unit.bytes().all(is_of_names) {
            return Err(PlanError::new(FIELD, format!("{unit:?} is no name of a unit")));
        }
        expand(slice)?;
        Ok(Self { slice: slice.to_owned(), unit })
    }

    /// Whether the unit is a slice itself: one that has no processes of its own.
    pub(crate) fn is_slice(&self) -> bool {
        self.unit.ends_with(".slice")
    }

    /// The path of the unit's cgroup, below that of its manager.
    pub(crate) fn cgroup(&self, manager: &str) -> Result<String, PlanError> {
        let inside = match self.is_slice() {
            true => expand(&self.unit)?,
            false => join(&expand(&self.slice)?, &self.unit),
        };
        Ok(join(manager, &inside))
    }
}

/// Bytes of unit names (`VALID_CHARS` of systemd's unit-name.c).
fn is_of_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte)
}

/// The path of a slice: `a-b.slice` is in `a.slice`; `-.slice` is the root.
fn expand(slice: &str) -> Result<String, PlanError> {
    let refuse = || Err(PlanError::new(FIELD, format!("invalid slice name: {slice:?}")));
    let Some(name) = slice.strip_suffix(".slice") else { return refuse() };
    if name == "-" {
        return Ok(String::new());
    }
    let mut path = String::new();
    let mut prefix = String::new();
    for part in name.split('-') {
        if part.is_empty() || !part.bytes().all(is_of_names) {
            return refuse();
        }
        prefix = if prefix.is_empty() { part.to_owned() } else { format!("{prefix}-{part}") };
        path = join(&path, &format!("{prefix}.slice"));
    }
    Ok(path).and_then(|path| if is_clean(&path) { Ok(path) } else { refuse() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        // cgroupsPath, unit, slice, cgroup
        for (path, unit, slice, cgroup) in [
            (None, "orun-id.scope", "system.slice", "system.slice/orun-id.scope"),
            (Some(""), "orun-id.scope", "system.slice", "system.slice/orun-id.scope"),
            (
                Some("machine.slice:libpod:1a"),
                "libpod-1a.scope",
                "machine.slice",
                "machine.slice/libpod-1a.scope",
            ),
            (Some(":docker:1a"), "docker-1a.scope", "system.slice", "system.slice/docker-1a.scope"),
            (Some("a.slice::n"), "n.scope", "a.slice", "a.slice/n.scope"),
            (
                Some("a-b-c.slice:p:n"),
                "p-n.scope",
                "a-b-c.slice",
                "a.slice/a-b.slice/a-b-c.slice/p-n.scope",
            ),
            (Some("-.slice:p:n"), "p-n.scope", "-.slice", "p-n.scope"),
            (Some("x.slice:p:a-b.slice"), "a-b.slice", "x.slice", "a.slice/a-b.slice"),
        ] {
            let placement = Placement::new(path, "id", false).unwrap();
            assert_eq!((placement.unit.as_str(), placement.slice.as_str()), (unit, slice));
            assert_eq!(placement.cgroup("").unwrap(), cgroup);
        }
        let placement = Placement::new(None, "id", true).unwrap();
        assert_eq!(placement.slice, "user.slice");
        let manager = "user.slice/user-1000.slice/user@1000.service";
        let expected = format!("{manager}/user.slice/orun-id.scope");
        assert_eq!(placement.cgroup(manager).unwrap(), expected);
    }

    #[test]
    fn refused() {
        for path in [
            "/a/b",
            "a:b",
            "a:b:c:d",
            "a.slice:p:",
            "a:p:n",
            "a-.slice:p:n",
            "-a.slice:p:n",
            "a--b.slice:p:n",
            "a/b.slice:p:n",
            "...slice/..:p:n",
            "a.slice:p:n/../..",
            "a.slice:p:n m",
            &format!("a.slice:p:{}", "n".repeat(250)),
        ] {
            let error = Placement::new(Some(path), "id", false).unwrap_err();
            assert_eq!(error.path, FIELD, "{path:?}");
        }
    }
}

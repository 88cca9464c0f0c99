//! Where `linux.cgroupsPath` puts a container in each hierarchy (config-linux.md, "Cgroups Path").

use crate::error::PlanError;
use crate::layout::{Hierarchy, Kind};

const FIELD: &str = "linux.cgroupsPath";

/// A cleaned `linux.cgroupsPath`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CgroupsPath {
    absolute: bool,
    parts: String,
}

impl CgroupsPath {
    /// Cleans the path; `..` stops at the top, an empty path is the container's id.
    pub(crate) fn new(path: Option<&str>, id: &str) -> Result<Self, PlanError> {
        let path = match path {
            Some(path) if !path.is_empty() => path,
            _ => id,
        };
        if path.contains(['\0', '\n']) {
            return Err(PlanError::new(FIELD, "must not contain a newline or a NUL"));
        }
        let parts = clean(path);
        if parts.is_empty() {
            return Err(PlanError::new(FIELD, "names the root of the hierarchy, not a cgroup"));
        }
        if parts.split('/').any(|part| part.len() > 255) {
            return Err(PlanError::new(FIELD, "a part is longer than 255 bytes"));
        }
        Ok(Self { absolute: path.starts_with('/'), parts })
    }

    /// The path below the hierarchy's mount point.
    ///
    /// A relative one is below the caller's own cgroup, but in a pure v2 layout below the parent
    /// of that: a v2 cgroup with processes cannot hand controllers down.
    pub(crate) fn below(&self, kind: Kind, hierarchy: &Hierarchy) -> String {
        if self.absolute {
            return self.parts.clone();
        }
        let base = match kind {
            Kind::V2 => hierarchy.own.rsplit_once('/').map_or("", |(parent, _)| parent),
            Kind::V1 | Kind::Hybrid => &hierarchy.own,
        };
        join(base, &self.parts)
    }
}

/// Joins two paths, of which each may be empty.
pub(crate) fn join(base: &str, rest: &str) -> String {
    match (base, rest) {
        ("", rest) => rest.to_owned(),
        (base, "") => base.to_owned(),
        (base, rest) => [base, "/", rest].concat(),
    }
}

/// Whether the path is one or more plain names, so that it cannot leave the directory it is below.
pub(crate) fn is_clean(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Resolves `.`, `..` and empty parts by the letter; the top has no parent.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        // cgroupsPath, own cgroup, kind, expected
        for (path, own, kind, expected) in [
            (Some("/a/b"), "x/y", Kind::V1, "a/b"),
            (Some("/a/b"), "x/y", Kind::V2, "a/b"),
            (Some("a/b"), "x/y", Kind::V1, "x/y/a/b"),
            (Some("a/b"), "x/y", Kind::Hybrid, "x/y/a/b"),
            (Some("a/b"), "x/y", Kind::V2, "x/a/b"),
            (Some("a/b"), "x", Kind::V2, "a/b"),
            (Some("a/b"), "", Kind::V2, "a/b"),
            (Some(""), "x/y", Kind::V2, "x/id"),
            (None, "x/y", Kind::V1, "x/y/id"),
            (None, "", Kind::V1, "id"),
            (Some("/../../etc"), "x", Kind::V1, "etc"),
            (Some("../../../x"), "own", Kind::V1, "own/x"),
            (Some("/a//./b/../c/"), "", Kind::V1, "a/c"),
            (Some("system.slice:docker:1"), "x", Kind::V1, "x/system.slice:docker:1"),
        ] {
            let hierarchy =
                Hierarchy { controllers: "pids".into(), mount: "pids".into(), own: own.into() };
            let below = CgroupsPath::new(path, "id").unwrap().below(kind, &hierarchy);
            assert_eq!(below, expected, "{path:?} {own:?} {kind:?}");
            assert!(is_clean(&below));
        }
    }

    #[test]
    fn refused() {
        for path in ["/", "//", "/..", "a/..", ".", "a\nb", "a\0b", &"x".repeat(256)] {
            let error = CgroupsPath::new(Some(path), "id").unwrap_err();
            assert_eq!(error.path, "linux.cgroupsPath", "{path:?}");
        }
    }

    #[test]
    fn clean_paths() {
        for (path, expected) in [
            ("a", true),
            ("a/b.c", true),
            ("", false),
            ("/a", false),
            ("a/", false),
            ("a//b", false),
            ("..", false),
            ("a/../b", false),
            ("./a", false),
            ("...", true),
        ] {
            assert_eq!(is_clean(path), expected, "{path:?}");
        }
    }
}

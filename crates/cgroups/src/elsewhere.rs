//! Other directories to join than the container's own: below it, and where its init went.

use std::os::fd::AsFd;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::error::{At, Cause, Error};
use crate::file;
use crate::layout::cgroup_lines;
use crate::path::{is_clean, join};
use crate::record::{Directory, Record};

impl Record {
    /// The directories below the container's by a path such as `/a/b`; `/` is its own.
    ///
    /// `controllers`, separated by commas, leaves only their hierarchies.
    ///
    /// # Errors
    /// When the path has a `..`, and when no hierarchy has a controller.
    pub fn below(&self, controllers: Option<&str>, path: &str) -> Result<Self, Error> {
        let below = path.trim_matches('/');
        if !below.is_empty() && !is_clean(below) {
            return Err(Error::new("use sub-cgroup", path, Cause::BadPath));
        }
        let wanted = |directory: &&Directory| match controllers {
            None => true,
            Some(list) => list.split(',').any(|controller| directory.has(controller)),
        };
        for controller in controllers.iter().flat_map(|list| list.split(',')) {
            if !self.directories.iter().any(|directory| directory.has(controller)) {
                let cause = Cause::NoController { controller: controller.to_owned() };
                return Err(Error::new("use sub-cgroup", path, cause));
            }
        }
        let directories = self
            .directories
            .iter()
            .filter(wanted)
            .map(|directory| Directory { path: join(&directory.path, below), ..directory.clone() });
        Ok(Self { directories: directories.collect(), ..self.clone() })
    }

    /// The directories that a process of the container is in now: an init system moves itself.
    ///
    /// # Errors
    /// When the process is gone, or is where the caller cannot see it.
    pub fn of_process(&self, pid: i32) -> Result<Self, Error> {
        let path = format!("/proc/{pid}/cgroup");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = openat(CWD, path.as_str(), flags, Mode::empty()).at("open", &path)?;
        let text = file::read_all(fd.as_fd()).at("read", &path)?;
        self.at(&text).ok_or_else(|| Error::new("use cgroups of", path, Cause::BadPath))
    }

    /// The directories by the lines of `/proc/[pid]/cgroup`.
    fn at(&self, lines: &str) -> Option<Self> {
        let mut record = self.clone();
        for directory in &mut record.directories {
            let (_, path) = cgroup_lines(lines).find(|(name, _)| *name == directory.controllers)?;
            let path = path.trim_matches('/');
            // A mount that shows a part of the hierarchy has no more than the end of the path.
            let hidden = format!("/{}", directory.path);
            let seen = match path.find(&hidden) {
                Some(index) if !path.starts_with(&directory.path) => &path[index + 1..],
                _ => path,
            };
            if !is_clean(seen) {
                return None;
            }
            directory.path = seen.to_owned();
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Kind;

    fn record() -> Record {
        let directory = |controllers: &str, mount: &str| Directory {
            controllers: controllers.into(),
            mount: mount.into(),
            path: "a/ctr".into(),
        };
        let directories = vec![directory("cpu,cpuacct", "cpu"), directory("", "unified")];
        Record { kind: Kind::Hybrid, root: "/cg".into(), directories, unit: None }
    }

    fn paths(record: &Record) -> Vec<String> {
        record.paths().map(|(_, path)| path).collect()
    }

    #[test]
    fn below() {
        for (controllers, path, expected) in [
            (None, "/", &["/cg/cpu/a/ctr", "/cg/unified/a/ctr"][..]),
            (None, "", &["/cg/cpu/a/ctr", "/cg/unified/a/ctr"]),
            (None, "/x/y", &["/cg/cpu/a/ctr/x/y", "/cg/unified/a/ctr/x/y"]),
            (Some("cpu"), "x", &["/cg/cpu/a/ctr/x"]),
        ] {
            assert_eq!(paths(&record().below(controllers, path).unwrap()), expected);
        }
        for path in ["..", "/..", "x/../..", "x//y", "./x"] {
            assert_eq!(record().below(None, path).unwrap_err().cause, Cause::BadPath, "{path}");
        }
        let controller = "memory".to_owned();
        let error = record().below(Some("cpu,memory"), "/").unwrap_err();
        assert_eq!(error.cause, Cause::NoController { controller });
    }

    #[test]
    fn where_a_process_is() {
        for (lines, expected) in [
            (
                "2:cpu,cpuacct:/a/ctr\n0::/a/ctr/init.scope\n",
                Some(["/cg/cpu/a/ctr", "/cg/unified/a/ctr/init.scope"]),
            ),
            (
                "2:cpu,cpuacct:/docker/1/a/ctr\n0::/docker/1/a/ctr/sub\n",
                Some(["/cg/cpu/a/ctr", "/cg/unified/a/ctr/sub"]),
            ),
            ("2:cpu,cpuacct:/else\n0::/where\n", Some(["/cg/cpu/else", "/cg/unified/where"])),
            ("2:cpu,cpuacct:/../x\n0::/a/ctr\n", None),
            ("0::/a/ctr\n", None),
            ("2:cpu,cpuacct:/\n0::/\n", None),
        ] {
            let found = record().at(lines).map(|record| paths(&record));
            assert_eq!(found, expected.map(|paths| paths.map(str::to_owned).to_vec()), "{lines}");
        }
    }
}

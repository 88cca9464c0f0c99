//! Handing controllers of version 2 down to a cgroup (cgroup-v2.rst, "Enabling and Disabling").

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::error::{At, Cause, Error};
use crate::file;
use crate::path::join;
use crate::record::{Directory, Record};

/// Controllers that work on threads, and so in a threaded cgroup.
const THREADED: [&str; 4] = ["cpu", "cpuset", "perf_event", "pids"];

/// Sees to it that the directory has the controllers in `needed`, and all there are if `all`.
///
/// Those that nobody needs are for statistics: it is no error if they cannot be had. Beside
/// version 1 only the needed ones are asked for, as one that is handed down cannot be mounted as
/// version 1 any more.
pub(crate) fn enable(
    root: BorrowedFd<'_>,
    record: &Record,
    directory: &Directory,
    needed: &[&'static str],
    all: bool,
) -> Result<(), Error> {
    if needed.is_empty() && !all {
        return Ok(());
    }
    let path = directory.below_root();
    let available = controllers(root, record, &directory.mount)?;
    for controller in needed {
        if !has(&available, controller) {
            let cause = Cause::NoController { controller: (*controller).to_owned() };
            return Err(Error::new("use controllers of", record.full(&directory.mount), cause));
        }
    }
    let here = controllers(root, record, &path)?;
    let wanted = |name: &&str| all || needed.contains(name);
    let missing: Vec<&str> =
        available.split_whitespace().filter(wanted).filter(|name| !has(&here, name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let refused = hand_down(root, directory, &missing);
    let here = controllers(root, record, &path)?;
    if let Some(controller) = needed.iter().find(|controller| !has(&here, controller)) {
        return Err(explain(root, record, &path, controller, refused));
    }
    if missing.iter().all(|controller| has(&here, controller)) {
        return Ok(());
    }
    make_threaded(root, record, &path, needed)
}

/// Asks every cgroup from the top to the parent to hand the controllers to its children.
///
/// All at once at first; one by one when that fails, as the kernel takes all or none. What stays
/// missing is judged by the result, with the last refusal.
fn hand_down(root: BorrowedFd<'_>, directory: &Directory, missing: &[&str]) -> Option<Errno> {
    let mut refused = None;
    let mut ancestor = directory.mount.clone();
    for part in directory.path.split('/') {
        let path = join(&ancestor, "cgroup.subtree_control");
        let each = || missing.iter().map(|name| format!("+{name}"));
        let at_once = each().collect::<Vec<_>>().join(" ");
        if file::write_at(root, &path, &at_once).is_err() {
            for one in each() {
                if let Err(errno) = file::write_at(root, &path, &one) {
                    refused = Some(errno);
                }
            }
        }
        ancestor = join(&ancestor, part);
    }
    refused
}

fn explain(
    root: BorrowedFd<'_>,
    record: &Record,
    path: &str,
    controller: &str,
    refused: Option<Errno>,
) -> Error {
    let cause = match (kind(root, path).as_deref(), refused) {
        (Some("threaded" | "domain invalid"), _) if !THREADED.contains(&controller) => {
            Cause::Threaded { controller: controller.to_owned() }
        }
        (_, Some(errno)) => Cause::Errno(errno),
        (_, None) => Cause::NoController { controller: controller.to_owned() },
    };
    Error::new("enable controllers of", format!("{} ({controller})", record.full(path)), cause)
}

/// A cgroup below a threaded one takes processes only once it is threaded itself.
fn make_threaded(
    root: BorrowedFd<'_>,
    record: &Record,
    path: &str,
    needed: &[&'static str],
) -> Result<(), Error> {
    if kind(root, path).as_deref() != Some("domain invalid") {
        return Ok(());
    }
    let full = record.full(path);
    if let Some(controller) = needed.iter().find(|controller| !THREADED.contains(controller)) {
        let cause = Cause::Threaded { controller: (*controller).to_owned() };
        return Err(Error::new("enable controllers of", full, cause));
    }
    file::write_at(root, &join(path, "cgroup.type"), "threaded").at("make threaded", &full)
}

fn kind(root: BorrowedFd<'_>, path: &str) -> Option<String> {
    let kind = file::read_at(root, &join(path, "cgroup.type")).ok()?;
    Some(kind.trim().to_owned())
}

fn controllers(root: BorrowedFd<'_>, record: &Record, path: &str) -> Result<String, Error> {
    let path = join(path, "cgroup.controllers");
    file::read_at(root, &path).at("read", &record.full(&path))
}

fn has(list: &str, controller: &str) -> bool {
    list.split_whitespace().any(|name| name == controller)
}

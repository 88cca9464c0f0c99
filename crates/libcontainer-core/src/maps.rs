//! Id maps of a new user namespace, written by the parent: directly, or by the set-uid helpers.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ::namespaces::{
    Child, CloneError, CloneRequest, Fork, IdMap, MapKind, Namespace, NamespaceSet, deny_setgroups,
    write_id_map,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::{At, Cause, Error, Result};
use crate::plan::CreatePlan;
use crate::procfs;
use crate::step::Step;
use crate::{sync, sys};
use ::namespaces::wait_for_end;

/// Where the helpers are looked for: engines may call without PATH.
const HELPER_DIRS: [&str; 4] = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];

/// Maps the ids of the namespace that `child` is in.
pub fn write(plan: &CreatePlan, child: &Child, euid: u32, egid: u32) -> Result<()> {
    let pid = child.pid.as_raw_nonzero().get();
    let dir = procfs::open_directory(&pid.to_string())
        .at_with(Step::MapIds, || format!("/proc/{pid}"))?;
    let maps = [
        (MapKind::Gid, &plan.namespaces.gid_map, egid, "linux.gidMappings"),
        (MapKind::Uid, &plan.namespaces.uid_map, euid, "linux.uidMappings"),
    ];
    for (kind, map, own, field) in maps {
        let fail = |error: Error| error.field(field);
        let only_own = map.len() == 1 && map[0].size == 1 && map[0].host == own;
        if euid != 0
            && !only_own
            && let Some(helper) = find_helper(kind)
        {
            run_helper(&helper, pid, map).map_err(fail)?;
            continue;
        }
        if euid != 0 && kind == MapKind::Gid {
            deny_setgroups(dir.as_fd()).map_err(|error| failed(kind, error.errno)).map_err(fail)?;
        }
        write_id_map(dir.as_fd(), kind, map)
            .map_err(|error| failed(kind, error.errno))
            .map_err(fail)?;
    }
    Ok(())
}

/// A user namespace with these maps and no process in it, for an id-mapped mount.
pub fn user_namespace(uids: &[IdMap], gids: &[IdMap]) -> Result<OwnedFd> {
    let namespaces = NamespaceSet::EMPTY.with(Namespace::User);
    let (ours, theirs) = sync::pair()?;
    let request = CloneRequest { namespaces, ..CloneRequest::default() };
    let child = match ::namespaces::clone(&request) {
        Ok(Fork::Child) => {
            drop(ours);
            // It is there for its namespace, until the other end is closed.
            let _ = theirs.receive();
            sys::exit_now(0)
        }
        Ok(Fork::Parent(child)) => child,
        Err(CloneError::Clone(errno)) => return Err(errno).at(Step::NewNamespace, "user"),
        Err(CloneError::Threads(_)) => return Err(Error::new(Step::NewNamespace, "user")),
    };
    drop(theirs);
    let pid = child.pid.as_raw_nonzero();
    let made = procfs::open_directory(&pid.to_string()).at(Step::MapIds, "/proc").and_then(|dir| {
        for (kind, map) in [(MapKind::Gid, gids), (MapKind::Uid, uids)] {
            write_id_map(dir.as_fd(), kind, map).map_err(|error| failed(kind, error.errno))?;
        }
        namespace_of(dir.as_fd())
    });
    drop(ours);
    let _ = wait_for_end(child.pidfd.as_fd());
    made
}

/// The user namespace of a process, by its directory in /proc.
pub fn namespace_of(process_dir: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(process_dir, "ns/user", flags, Mode::empty()).at(Step::OpenNamespace, "user")
}

fn failed(kind: MapKind, errno: Errno) -> Error {
    let subject = if errno == Errno::PERM {
        format!("write {} (is {} of the package uidmap installed?)", kind.file(), kind.helper())
    } else {
        format!("write {}", kind.file())
    };
    Error { cause: Cause::Errno(errno), ..Error::new(Step::MapIds, subject) }
}

/// The set-uid helper, if it is installed.
pub fn find_helper(kind: MapKind) -> Option<CString> {
    HELPER_DIRS
        .iter()
        .filter_map(|dir| CString::new(format!("{dir}/{}", kind.helper())).ok())
        .find(|path| rustix::fs::access(&**path, rustix::fs::Access::EXEC_OK).is_ok())
}

fn run_helper(helper: &CString, pid: i32, map: &[IdMap]) -> Result<()> {
    let numbers = map.iter().flat_map(|line| [line.container, line.host, line.size]);
    let words = [pid.to_string()].into_iter().chain(numbers.map(|number| number.to_string()));
    let mut argv = vec![helper.clone()];
    argv.extend(words.filter_map(|word| CString::new(word).ok()));
    let subject = || helper.to_string_lossy().into_owned();
    let child = match ::namespaces::clone(&CloneRequest::default()) {
        Ok(Fork::Child) => {
            sys::default_signals(u64::MAX);
            sys::unblock_signals();
            sys::execve(helper, &argv, &[]);
            sys::exit_now(127)
        }
        Ok(Fork::Parent(child)) => child,
        Err(_) => return Err(Error::new(Step::MapIds, subject())),
    };
    let status = wait_for_end(child.pidfd.as_fd()).at_with(Step::MapIds, subject)?;
    match status.and_then(|status| status.exit_status()) {
        Some(0) => Ok(()),
        code => Err(Error::because(
            Step::MapIds,
            subject(),
            format!(
                "exit status {}; the ranges must be granted in /etc/subuid and /etc/subgid",
                code.unwrap_or(-1)
            ),
        )),
    }
}

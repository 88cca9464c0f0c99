//! The way into a container for `exec`: its namespaces, and its root.

use std::os::fd::{BorrowedFd, OwnedFd};

use ::namespaces::{
    Namespace, NamespaceFile, NamespaceSet, join_all_of_process, open_all_of_process, send_signal,
};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::error::{At, Error, Result};
use crate::init::process;
use crate::plan::Namespaces;
use crate::step::Step;

/// The root of a container that is not that of its mount namespace; none where the two are one, as
/// in a mount namespace that was made for the container.
pub fn root_to_enter(
    (pid, handle): (i32, BorrowedFd<'_>),
    namespaces: &Namespaces,
) -> Result<Option<OwnedFd>> {
    if namespaces.create.contains(Namespace::Mount) {
        return Ok(None);
    }
    let path = format!("/proc/{pid}/root");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat(CWD, &*path, flags, Mode::empty());
    // It is the process's own if it had its id until now.
    root.and_then(|root| send_signal(handle, 0).map(|()| Some(root))).at(Step::EnterRoot, path)
}

fn enter_root(root: OwnedFd) -> Result<()> {
    rustix::process::fchdir(root)
        .and_then(|()| rustix::process::chroot("."))
        .at(Step::EnterRoot, "of the container")
}

/// Joins all namespaces of the container, in one call if it goes, and enters its root; the pid
/// namespace is the last.
pub fn join(
    process: (i32, BorrowedFd<'_>),
    namespaces: &Namespaces,
    root: Option<OwnedFd>,
) -> Result<()> {
    let target = process.1;
    let kinds = Namespace::ALL.into_iter().filter(|kind| namespaces.has(*kind));
    let all = kinds.fold(NamespaceSet::EMPTY, NamespaceSet::with);
    let visible = all.without(Namespace::Pid);
    let label =
        |result: std::result::Result<(), Errno>| result.at(Step::JoinNamespace, "of the container");
    let entered = if visible.is_empty() { Ok(()) } else { join_all_of_process(target, visible) };
    if matches!(entered, Err(Errno::INVAL | Errno::BADF)) {
        return join_by_files(process, all, root);
    }
    if entered.is_err() && all.contains(Namespace::User) {
        // Namespaces that belong to the host's user namespace can only be joined from there.
        let one = |kind| NamespaceSet::EMPTY.with(kind);
        let others = visible.without(Namespace::User);
        let later: Vec<Namespace> =
            others.iter().filter(|kind| join_all_of_process(target, one(*kind)).is_err()).collect();
        label(join_all_of_process(target, one(Namespace::User)))?;
        for kind in later {
            label(join_all_of_process(target, one(kind)))?;
        }
    } else {
        label(entered)?;
    }
    if all.contains(Namespace::User) {
        process::take_root_ids()?;
    }
    root.map_or(Ok(()), enter_root)?;
    if all.contains(Namespace::Pid) {
        label(join_all_of_process(target, NamespaceSet::EMPTY.with(Namespace::Pid)))?;
    }
    Ok(())
}

/// The same before Linux 5.8. All files are opened before the container's /proc takes the place of ours.
fn join_by_files(
    (pid, target): (i32, BorrowedFd<'_>),
    all: NamespaceSet,
    root: Option<OwnedFd>,
) -> Result<()> {
    let missing = || Error::new(Step::JoinNamespace, "of the container");
    let pid = Pid::from_raw(pid).ok_or_else(missing)?;
    let files = open_all_of_process(pid, target, all).at(Step::JoinNamespace, "open its files")?;
    let enter = |file: &NamespaceFile| {
        file.join().map_err(|error| {
            Error::because(Step::JoinNamespace, file.kind().name(), error.to_string())
        })
    };
    let (last, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.kind() == Namespace::Pid);
    let (user, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.kind() == Namespace::User);
    let later: Vec<_> = files.into_iter().filter(|file| file.join().is_err()).collect();
    user.iter().try_for_each(enter)?;
    if !user.is_empty() {
        process::take_root_ids()?;
    }
    later.iter().try_for_each(enter)?;
    root.map_or(Ok(()), enter_root)?;
    last.iter().try_for_each(enter)
}

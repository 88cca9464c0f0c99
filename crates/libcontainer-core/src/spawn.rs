//! How the process of a container comes into its namespaces: one `clone3`, with what must be done around it.
//!
//! A pid or time namespace is joined by the parent, which then goes back; so are others when the
//! user namespace is new, as its processes may not join what belongs to the host. A helper
//! process does it when there is no way back: a user namespace is joined, or is new and has clock offsets;
//! or systemd has to move it.

use std::os::fd::{AsFd, BorrowedFd};

use ::namespaces::{
    Child, CloneError, CloneRequest, Fork, JoinError, Namespace, NamespaceFile, NamespaceSet,
};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::Pid;

use crate::error::{At, Cause, Error, Result, cgroup_failed};
use crate::plan::{CreatePlan, sysctl_namespace};
use crate::procfs;
use crate::step::Step;
use crate::sync::{Message, Pipe};
use crate::sys;
use ::namespaces::wait_for_end;

/// Opens the files of all namespaces that are joined, and checks their kinds.
pub fn open_namespaces(plan: &CreatePlan) -> Result<Vec<NamespaceFile>> {
    plan.namespaces
        .join
        .iter()
        .map(|join| {
            NamespaceFile::open(join.kind, &join.path).map_err(|error| {
                let subject = format!("{:?}", join.path.to_string_lossy());
                let field = format!("linux.namespaces[{}].path", join.index);
                match error {
                    JoinError::Open(errno) => {
                        Err::<(), _>(errno).at(Step::OpenNamespace, subject).err()
                    }
                    other => Some(Error::because(Step::OpenNamespace, subject, other.to_string())),
                }
                .unwrap_or_else(|| Error::new(Step::OpenNamespace, ""))
                .field(field)
            })
        })
        .collect()
}

/// Refuses to set a parameter of the host by way of a namespace that is joined: the path leads to the
/// caller's own.
pub fn check_parameters(plan: &CreatePlan, files: &[NamespaceFile]) -> Result<()> {
    for (file, _, field) in &plan.init.sysctls {
        let kind = sysctl_namespace(file);
        let Some(joined) = files.iter().find(|joined| Some(joined.kind()) == kind) else {
            continue;
        };
        let path = format!("/proc/self/ns/{}", joined.kind().proc_name());
        let own = rustix::fs::stat(&*path).at_with(Step::OpenNamespace, || path.clone())?;
        let place = rustix::fs::fstat(joined).at(Step::OpenNamespace, path)?;
        if (own.st_dev, own.st_ino) == (place.st_dev, place.st_ino) {
            let reason = format!(
                "sysctl is not allowed: it belongs to the {} namespace, and the one that is joined is the host's",
                joined.kind().name()
            );
            return Err(Error::config(field.clone(), reason));
        }
    }
    Ok(())
}

/// Makes the process and runs `init` in it, with the namespaces that are left for it to join.
///
/// `cgroup` is what it takes to get into the container's, when the clone alone does not do it.
pub fn spawn(
    plan: &CreatePlan,
    files: Vec<NamespaceFile>,
    request: &CloneRequest<'_>,
    cgroup: Option<&cgroups::Join>,
    init: impl FnOnce(Vec<NamespaceFile>),
) -> Result<Child> {
    let attach = || {
        let attached = cgroup.map_or(Ok(()), cgroups::Join::attach);
        attached.map_err(|error| cgroup_failed(Step::JoinCgroup, &error))
    };
    let bare = CloneRequest { cgroup: request.cgroup, ..CloneRequest::default() };
    if plan.namespaces.joins(Namespace::User) {
        let prepare = |_: BorrowedFd<'_>| attach().and_then(|()| join_with_user(files));
        return spawn_by_helper(&bare, request.namespaces, prepare, init);
    }
    let new_user = plan.namespaces.create.contains(Namespace::User);
    let (ours, theirs) = divide(files, new_user);
    let mut away = Away::default();
    for file in &ours {
        away.join(file)?;
    }
    let offset = !plan.namespaces.clock_offsets.is_empty();
    // A time namespace belongs to the user namespace that it is made in, and an ordinary user has
    // no right to one elsewhere. In another pid namespace, though, the helper would tell the
    // process's id as it is there.
    let within = offset && new_user && !plan.namespaces.joins(Namespace::Pid);
    if offset && !within {
        away.remember(Namespace::Time)?;
        offset_clocks(plan)?;
    }
    if within || cgroup.is_some_and(cgroups::Join::needs_systemd) {
        let user = if within { NamespaceSet::EMPTY.with(Namespace::User) } else { bare.namespaces };
        let prepare = |_: BorrowedFd<'_>| {
            attach()?;
            if within { offset_clocks(plan).map(|()| theirs) } else { Ok(theirs) }
        };
        let rest = request.namespaces.iter().filter(|kind| !user.contains(*kind));
        let rest = NamespaceSet::from_iter(rest);
        let child =
            spawn_by_helper(&CloneRequest { namespaces: user, ..bare }, rest, prepare, init)?;
        return away.back().map(|()| child);
    }
    match clone(request)? {
        Fork::Parent(child) => away.back().map(|()| child),
        Fork::Child => {
            std::mem::forget(away);
            init(theirs);
            sys::exit_now(1)
        }
    }
}

/// Those that the parent joins, and those that the process joins itself.
fn divide(files: Vec<NamespaceFile>, new_user: bool) -> (Vec<NamespaceFile>, Vec<NamespaceFile>) {
    files.into_iter().partition(|file| match file.kind() {
        Namespace::Pid | Namespace::Time => true,
        Namespace::Mount => false,
        _ => new_user,
    })
}

/// Makes the time namespace of the caller's next child.
fn offset_clocks(plan: &CreatePlan) -> Result<()> {
    ::namespaces::unshare(NamespaceSet::EMPTY.with(Namespace::Time))
        .at(Step::NewNamespace, "time")?;
    procfs::open_directory("self")
        .and_then(|dir| ::namespaces::write_offsets(dir.as_fd(), &plan.namespaces.clock_offsets))
        .at(Step::TimeOffsets, "/proc/self/timens_offsets")
        .map_err(|error| error.field("linux.timeOffsets"))
}

/// Makes a process.
pub fn clone(request: &CloneRequest<'_>) -> Result<Fork> {
    ::namespaces::clone(request).map_err(|error| match error {
        CloneError::Clone(errno) => no_namespaces(request.namespaces, errno),
        CloneError::Threads(count) => {
            Error::because(Step::Clone, "", format!("the caller has {count} threads"))
        }
    })
}

/// The error of a process that got no new namespaces.
pub fn no_namespaces(kinds: NamespaceSet, errno: Errno) -> Error {
    let subject = if kinds.is_empty() {
        String::new()
    } else {
        let names: Vec<_> = kinds.iter().map(Namespace::name).collect();
        format!("in new namespaces ({})", names.join(", "))
    };
    Error { cause: Cause::Errno(errno), ..Error::new(Step::Clone, subject) }
}

/// Namespaces to which the parent goes back.
#[derive(Debug, Default)]
pub struct Away {
    own: Vec<NamespaceFile>,
}

impl Away {
    /// Remembers the namespace of this kind that the caller is in.
    fn remember(&mut self, kind: Namespace) -> Result<()> {
        let path = std::ffi::CString::new(format!("/proc/self/ns/{}", kind.proc_name()))
            .unwrap_or_default();
        let own = NamespaceFile::open(kind, &path).map_err(|error| {
            Error::because(Step::OpenNamespace, path.to_string_lossy(), error.to_string())
        })?;
        self.own.push(own);
        Ok(())
    }

    /// Joins a namespace.
    pub fn join(&mut self, file: &NamespaceFile) -> Result<()> {
        self.remember(file.kind())?;
        join(file)
    }

    /// Goes back to all of them.
    pub fn back(self) -> Result<()> {
        self.own.iter().try_for_each(join)
    }
}

fn join(file: &NamespaceFile) -> Result<()> {
    file.join()
        .map_err(|error| Error::because(Step::JoinNamespace, file.kind().name(), error.to_string()))
}

/// A helper does what there is no way back from, makes the process as a child of the parent, and ends.
///
/// `prepare` runs in the helper; what it gives is handed to `init`, in the process.
pub fn spawn_by_helper<T>(
    request: &CloneRequest<'_>,
    namespaces: NamespaceSet,
    prepare: impl FnOnce(BorrowedFd<'_>) -> Result<T>,
    init: impl FnOnce(T),
) -> Result<Child> {
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
            .at(Step::OpenPipe, "")?;
    let answer = Pipe::from(theirs);
    let helper = match clone(request)? {
        Fork::Parent(helper) => helper,
        Fork::Child => {
            drop(ours);
            help(&answer, namespaces, prepare, init)
        }
    };
    drop(answer);
    let answer = Pipe::from(ours).receive();
    let _ = wait_for_end(helper.pidfd.as_fd());
    match answer? {
        Some(Message::Spawned(pid, pidfd)) => {
            let pid = Pid::from_raw(pid).ok_or_else(|| Error::new(Step::Clone, ""))?;
            Ok(Child { pid, pidfd })
        }
        Some(Message::Failed(error)) => Err(error),
        _ => Err(Error::because(Step::Clone, "", "the helper process ended without an answer")),
    }
}

fn help<T>(
    answer: &Pipe,
    namespaces: NamespaceSet,
    prepare: impl FnOnce(BorrowedFd<'_>) -> Result<T>,
    init: impl FnOnce(T),
) -> ! {
    let request = CloneRequest { namespaces, cgroup: None, sibling: true };
    let message =
        match prepare(answer.as_fd()).and_then(|prepared| Ok((clone(&request)?, prepared))) {
            Ok((Fork::Child, prepared)) => {
                init(prepared);
                sys::exit_now(1)
            }
            Ok((Fork::Parent(child), _)) => {
                Message::Spawned(child.pid.as_raw_nonzero().get(), child.pidfd)
            }
            Err(error) => Message::Failed(error),
        };
    // If the parent is gone, the process hears of it on its own pipe.
    let _ = answer.send(&message);
    sys::exit_now(0)
}

/// Joins the user namespace and the others; those of the host's are only open before, those of the
/// user namespace only after. The mount namespace is left for the init.
fn join_with_user(files: Vec<NamespaceFile>) -> Result<Vec<NamespaceFile>> {
    let (mount, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.kind() == Namespace::Mount);
    let (user, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|file| file.kind() == Namespace::User);
    let later: Vec<NamespaceFile> =
        others.into_iter().filter(|file| file.join().is_err()).collect();
    user.iter().try_for_each(join)?;
    crate::init::process::take_root_ids()?;
    later.iter().try_for_each(join)?;
    Ok(mount)
}

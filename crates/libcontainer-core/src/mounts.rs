//! `mounts add` and `mounts remove`: mounts of a container that runs (a command of crun's).
//!
//! What is mounted is made or copied on the host, detached. A process then enters the container's
//! mount namespace, without becoming visible in its pid namespace, and looks its places up below the
//! container's root.

use std::os::fd::{AsFd, OwnedFd};

use ::namespaces::{
    CloneRequest, Fork, Namespace, NamespaceSet, join_all_of_process, wait_for_end,
};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{DumpableBehavior, fchdir, set_dumpable_behavior};

use crate::container::{Container, Live};
use crate::create::parse;
use crate::error::{At, Error, Result, Side};
use crate::init::{Change, Tree};
use crate::plan::options::{MountOptions, ms};
use crate::plan::{
    self, BindMount, FilesystemMount, FsOp, Host, IdMaps, Namespaces, Options, clean_path,
};
use crate::rootfs::{Place, Root, file_type};
use crate::spec::{self, Mount};
use crate::step::Step;
use crate::sync::{self, Message};
use crate::{caller, init, inside, maps, procfs, spawn, sys};

/// Filesystems that show something of a namespace: made on the host, they would show the host's.
const OF_A_NAMESPACE: [&str; 6] = ["proc", "sysfs", "mqueue", "devpts", "cgroup", "cgroup2"];

/// A mount that is nowhere yet.
struct Detached {
    tree: OwnedFd,
    kind: FileType,
    destination: String,
    field: String,
}

/// Adds the mounts of a document, a JSON array as `mounts` of a configuration; gives warnings.
pub fn add(container: &Container, document: &[u8]) -> Result<Vec<String>> {
    caller::keep_children();
    let live = container.signallable()?;
    let text = container.dir.read_config()?;
    let mut spec = parse(&text)?;
    spec.mounts = read(document)?;
    for (index, mount) in spec.mounts.iter().enumerate() {
        refuse(mount).map_err(|reason| Error::config(format!("mounts[{index}].type"), reason))?;
    }
    let host = Host::probe(&Options { no_cgroups: true, ..Options::default() })?;
    let options = Options { bundle: container.state.bundle.clone(), ..Options::default() };
    let mut warnings = Vec::new();
    let ops = plan::plan_mounts(&spec, &options, &host, &mut warnings)?;
    let mounts = ops.iter().map(|op| detach(op, live)).collect::<Result<Vec<_>>>()?;
    let namespaces = plan::namespaces_of(spec.linux.as_ref(), &host)?;
    in_container(live, &namespaces, |root| {
        mounts.iter().try_for_each(|mount| attach(mount, root))
    })?;
    Ok(warnings)
}

/// Removes the mounts at the destinations of a document, the last one first.
pub fn remove(container: &Container, document: &[u8]) -> Result<()> {
    let live = container.signallable()?;
    let mounts = read(document)?;
    let text = container.dir.read_config()?;
    let host = Host::probe(&Options { no_cgroups: true, ..Options::default() })?;
    let namespaces = plan::namespaces_of(parse(&text)?.linux.as_ref(), &host)?;
    in_container(live, &namespaces, |root| {
        mounts.iter().enumerate().rev().try_for_each(|(index, mount)| {
            detach_from(&clean_path(&mount.destination), root)
                .at(Step::Unmount, &*mount.destination)
                .map_err(|error| error.field(format!("mounts[{index}].destination")))
        })
    })
}

fn read(document: &[u8]) -> Result<Vec<Mount<'_>>> {
    spec::parse(document)
        .map_err(|error| Error::config(format!("mounts{}", error.path), error.message))
}

fn refuse(mount: &Mount<'_>) -> std::result::Result<(), String> {
    let words = MountOptions::parse(mount.options.iter().flatten().map(|word| &**word));
    let kind = mount.kind.as_deref().unwrap_or_default();
    if words.bind.is_none() && OF_A_NAMESPACE.contains(&kind) {
        return Err(format!("a new {kind} would show the host's; only `create` can mount it"));
    }
    if words.copy_up || words.copy_symlink {
        return Err("tmpcopyup and copy-symlink are only possible in config.json".to_owned());
    }
    Ok(())
}

fn detach(op: &FsOp, live: &Live) -> Result<Detached> {
    match op {
        FsOp::Bind(bind) => copy(bind, live),
        FsOp::Filesystem(new) => make(new),
        _ => Err(Error::because(
            Step::Mount,
            "",
            "only bind mounts and new filesystems can be added",
        )),
    }
}

fn copy(bind: &BindMount, live: &Live) -> Result<Detached> {
    let subject = || format!("{:?} to rootfs at {:?}", bind.source, bind.destination);
    let mut tree = init::open_source(&bind.source, &bind.options)
        .at_with(Step::Mount, subject)
        .map_err(|error| error.field(format!("{}.source", bind.field)))?;
    if bind.only_procfs && !tree.handle().is_some_and(procfs::is_procfs) {
        let reason =
            format!("{:?} cannot be mounted because it is not of type proc", bind.destination);
        return Err(Error::because(Step::Mount, subject(), reason).field(&*bind.field));
    }
    let namespace = match &bind.id_maps {
        None => None,
        Some(IdMaps::Own(uids, gids)) => Some(maps::user_namespace(uids, gids)?),
        Some(IdMaps::Container) => {
            let dir = procfs::open_directory(&live.pid.to_string()).at(Step::MapIds, "/proc")?;
            Some(maps::namespace_of(dir.as_fd())?)
        }
    };
    if let Some(namespace) = namespace {
        let flags = if bind.options.idmap == Some(true) { sys::AT_RECURSIVE } else { 0 };
        let handle = tree.handle().ok_or(Errno::NOSYS);
        handle
            .and_then(|handle| sys::map_mount_ids(handle.as_fd(), flags, namespace.as_fd()))
            .at_with(Step::MapMountIds, subject)
            .map_err(|error| error.field(&*bind.field))?;
    }
    // Nothing that is mounted on the host later reaches the container, nor the other way round.
    let alone = if bind.options.propagation.is_empty() {
        tree.change(Change { recursive: true, propagation: ms::PRIVATE, ..Change::default() })
    } else {
        Ok(())
    };
    alone
        .and_then(|()| init::prepare_source(&mut tree, &bind.options))
        .and_then(|()| whole(tree))
        .and_then(|tree| {
            Ok(Detached {
                kind: file_type(&tree)?,
                destination: bind.destination.clone(),
                field: bind.field.clone(),
                tree,
            })
        })
        .at_with(Step::Mount, subject)
        .map_err(|error| error.field(&*bind.field))
}

fn make(new: &FilesystemMount) -> Result<Detached> {
    let subject = || format!("{:?} to rootfs at {:?}", new.source, new.destination);
    let labelled = |label: &String| format!("{},{label}", new.options.data);
    let data = new.label.as_ref().map_or_else(|| new.options.data.clone(), labelled);
    let made = init::detached(&new.kind, &new.source, new.options.set, &data);
    let tree = made.map_err(|cause| Error { cause, ..Error::new(Step::Mount, subject()) });
    let mut tree = tree.map_err(|error| error.field(&*new.field))?;
    let tree = init::tree_options(&new.options)
        .try_for_each(|change| tree.change(change))
        .and_then(|()| whole(tree))
        .at_with(Step::Mount, subject)
        .map_err(|error| error.field(&*new.field))?;
    let (destination, field) = (new.destination.clone(), new.field.clone());
    Ok(Detached { tree, kind: FileType::Directory, destination, field })
}

/// The mount, detached and with all its changes: a kernel before 5.12 can't carry it into another
/// mount namespace.
fn whole(tree: Tree) -> std::result::Result<OwnedFd, Errno> {
    tree.detached().ok_or(Errno::NOSYS)
}

/// The part in the container: finds or makes the place, and puts the mount there.
fn attach(mount: &Detached, root: &Root<'_>) -> Result<()> {
    let directory = mount.kind == FileType::Directory;
    let place = if directory { Place::Directory } else { Place::File };
    let (place, _) = root
        .make_place(&mount.destination, place)
        .at(Step::MountTarget, &*mount.destination)
        .map_err(|error| error.field(format!("{}.destination", mount.field)))?;
    rustix::io::fcntl_dupfd_cloexec(&mount.tree, 3)
        .and_then(|tree| Tree::from(tree).attach(&place))
        .map(drop)
        .at(Step::Mount, &*mount.destination)
        .map_err(|error| error.field(&*mount.field))
}

/// Unmounts by a name that can't lead elsewhere: `.` of the mount, or the last name in its directory.
///
/// The container may have put a link on the way, to what it must not get rid of, as a read-only
/// /proc/sys.
fn detach_from(destination: &str, root: &Root<'_>) -> std::result::Result<(), Errno> {
    if destination == "/" {
        // The container's root is no mount of its configuration.
        return Err(Errno::INVAL);
    }
    let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
    let place = root.handle_without_links(destination)?;
    if file_type(&place)? == FileType::Directory {
        fchdir(&place)?;
        return unmount(".", flags);
    }
    let (parent, name) = destination.rsplit_once('/').ok_or(Errno::INVAL)?;
    fchdir(root.handle_without_links(parent)?)?;
    unmount(name, flags)
}

/// Runs something in the container's mount namespace, in a process of its own.
///
/// Below the root of that namespace, as the container's process may have changed its own.
fn in_container(
    live: &Live,
    namespaces: &Namespaces,
    work: impl FnOnce(&Root<'_>) -> Result<()>,
) -> Result<()> {
    if !namespaces.has(Namespace::Mount) {
        let words = "the container has no mount namespace, and the host's are left alone";
        return Err(Error::new(Step::CheckStatus, words));
    }
    let other = inside::root_to_enter((live.pid, live.as_fd()), namespaces)?;
    let (ours, theirs) = sync::pair()?;
    let child = match spawn::clone(&CloneRequest::default())? {
        Fork::Child => {
            drop(ours);
            let done = enter(live, other).and_then(|top| work(&Root::new(top.as_fd())));
            let _ = theirs.send(&done.map_or_else(Message::Failed, |()| Message::Ready));
            sys::exit_now(0)
        }
        Fork::Parent(child) => child,
    };
    drop(theirs);
    let answer = ours.receive();
    let _ = wait_for_end(child.pidfd.as_fd());
    match answer? {
        Some(Message::Ready) => Ok(()),
        Some(Message::Failed(error)) => Err(error.on(Side::Runtime)),
        _ => Err(Error::because(
            Step::Wait,
            "the process in the container",
            "it ended without a word",
        )),
    }
}

/// Enters the mount namespace; gives the root that counts: another one, or that of the namespace.
fn enter(live: &Live, other: Option<OwnedFd>) -> Result<OwnedFd> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(Step::JoinNamespace, "not dumpable")?;
    rustix::process::umask(Mode::empty());
    let mount = NamespaceSet::EMPTY.with(Namespace::Mount);
    join_all_of_process(live.as_fd(), mount).at(Step::JoinNamespace, "of the container")?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let own = || rustix::fs::open("/", flags, Mode::empty());
    other.map_or_else(own, Ok).at(Step::EnterRoot, "of the container")
}

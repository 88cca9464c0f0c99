//! New filesystems: `mount(2)` on the current directory, or a detached mount where more is asked for.
//!
//! The place is opened below the root, made the current directory, and mounted on as `.`: one
//! system call makes the mount with all its flags, and no path is looked up twice.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};

use super::folder::Folder;
use super::left::leave;
use super::tree::{Change, NewFilesystem, Tree, change_mounted};
use crate::error::{At, Cause, Error, Result};
use crate::plan::FilesystemMount;
use crate::plan::options::{MountOptions, attr, ms};
use crate::rootfs::Root;
use crate::step::Step;

/// Mounts a new filesystem.
pub fn filesystem(plan: &FilesystemMount, root: &Root<'_>, folder: &mut Folder) -> Result<()> {
    let new = new_place(plan, root, folder)?;
    if new.is_none() {
        folder.forget();
    }
    let in_folder = new.is_some();
    let (place, made) = new.map_or_else(|| place(plan, root), |place| Ok((place, true)))?;
    let data = data(plan, &place, made)?;
    let options = &plan.options;
    let plain = options.propagation.is_empty() && options.tree_set == 0 && options.tree_clear == 0;
    if plain && !options.copy_up {
        mount_here(plan, &place, &data)?;
        leave(place);
        if plan.kind == "tmpfs" && !in_folder {
            folder.mounted(&plan.destination);
        }
        return Ok(());
    }
    let fail = |errno| failed(plan, Cause::Errno(errno));
    let mut tree = detached(&plan.kind, &plan.source, options.set, &data)
        .map_err(|cause| failed(plan, cause))?;
    if !options.copy_up {
        tree_options(options).try_for_each(|change| tree.change(change)).map_err(fail)?;
        return tree.attach(&place).map(drop).map_err(fail);
    }
    let top = tree.attach(&place).map_err(fail)?;
    super::copy_up::copy(place.as_fd(), top.as_fd())
        .map_err(|errno| failed(plan, Cause::Detailed(errno, "tmpcopyup".to_owned())))?;
    tree_options(options).try_for_each(|change| change_mounted(&top, change)).map_err(fail)
}

/// The place, made in the folder that was used last, as a new tmpfs at /dev for most: it has nothing
/// in it yet, so the lookup is spared. What is there after all goes the usual way.
fn new_place(
    plan: &FilesystemMount,
    root: &Root<'_>,
    folder: &mut Folder,
) -> Result<Option<OwnedFd>> {
    let mut make = || {
        let Some((dir, name)) = folder.of_same(&plan.destination, root)? else { return Ok(None) };
        match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => return Ok(None),
            other => other?,
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(dir, name, flags, Mode::empty()).map(Some)
    };
    make()
        .at(Step::MountTarget, &*plan.destination)
        .map_err(|error| error.field(format!("{}.destination", plan.field)))
}

/// The place; for procfs and sysfs a real directory, as a link would show the container's own files
/// as the kernel's (CVE-2019-19921, CVE-2023-27561).
fn place(plan: &FilesystemMount, root: &Root<'_>) -> Result<(OwnedFd, bool)> {
    let fail = |error: Error| error.field(format!("{}.destination", plan.field));
    if matches!(&*plan.kind, "proc" | "sysfs") {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY;
        match root.open(&plan.destination, flags) {
            Ok(fd) => return Ok((fd, false)),
            Err(Errno::NOTDIR) => {
                let subject = format!("{:?} to rootfs at {:?}", plan.source, plan.destination);
                let reason =
                    format!("filesystem {:?} must be mounted on ordinary directory", plan.kind);
                return Err(fail(Error::because(Step::Mount, subject, reason)));
            }
            Err(_) => {}
        }
    }
    root.make_directory(&plan.destination, 0o755)
        .at(Step::MountTarget, &*plan.destination)
        .map_err(fail)
}

/// The filesystem's own options, with the SELinux context, and for a tmpfs the mode of what it hides.
fn data(plan: &FilesystemMount, place: &OwnedFd, made: bool) -> Result<String> {
    let mut data = plan.options.data.clone();
    let mut add = |text: String| {
        if !data.is_empty() {
            data.push(',');
        }
        data.push_str(&text);
    };
    if let Some(label) = &plan.label {
        add(label.clone());
    }
    if plan.kind == "tmpfs" && !made && !plan.options.data.contains("mode=") {
        let mode = rustix::fs::fstat(place).at(Step::MountTarget, &*plan.destination)?.st_mode;
        add(format!("mode={:o}", mode & 0o7777));
    }
    Ok(data)
}

fn mount_here(plan: &FilesystemMount, place: &OwnedFd, data: &str) -> Result<()> {
    rustix::process::fchdir(place).at(Step::MountTarget, &*plan.destination)?;
    let flags = MountFlags::from_bits_retain(plan.options.set as u32);
    let text = std::ffi::CString::new(data).unwrap_or_default();
    let text = (!data.is_empty()).then_some(&*text);
    match rustix::mount::mount(&*plan.source, ".", &*plan.kind, flags, text) {
        Ok(()) => Ok(()),
        Err(Errno::PERM | Errno::BUSY) if plan.kind == "sysfs" => show_host_sysfs(plan, place),
        Err(errno) => Err(failed(plan, explain(plan, data, errno))),
    }
}

/// The kernel refuses a new sysfs to the owner of a user namespace who has no network namespace too,
/// or whose own sysfs is partly covered: then the host's is shown, as crun does it.
fn show_host_sysfs(plan: &FilesystemMount, place: &OwnedFd) -> Result<()> {
    let made = Tree::of_path("/sys", true, false).and_then(|mut tree| {
        let set = plan.options.bind_attributes().map_or(0, |(_, set)| set & !attr::ATIME);
        tree.change(Change { recursive: true, set, ..Change::default() })?;
        tree.attach(place).map(drop)
    });
    made.map_err(|errno| {
        failed(
            plan,
            Cause::Detailed(errno, "a bind of the host's /sys, as a new one is refused".into()),
        )
    })
}

/// The kernel's words for a refused mount: the same is tried through a filesystem context, which has a log.
fn explain(plan: &FilesystemMount, data: &str, errno: Errno) -> Cause {
    match detached(&plan.kind, &plan.source, plan.options.set, data) {
        Err(Cause::Detailed(_, detail)) => Cause::Detailed(errno, detail),
        _ => Cause::Errno(errno),
    }
}

fn failed(plan: &FilesystemMount, cause: Cause) -> Error {
    let subject = format!("{:?} to rootfs at {:?}", plan.source, plan.destination);
    Error { cause, ..Error::new(Step::Mount, subject).field(&*plan.field) }
}

/// A new mount that is nowhere yet (`fsopen(2)`, `fsmount(2)`, Linux 5.2).
pub fn detached(
    kind: &str,
    source: &str,
    flags: u64,
    data: &str,
) -> std::result::Result<Tree, Cause> {
    let context = match fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC) {
        Err(Errno::NOSYS) => {
            let (kind, source) = (kind.to_owned(), source.to_owned());
            let data = std::ffi::CString::new(data).unwrap_or_default();
            return Ok(Tree::of_filesystem(NewFilesystem { kind, source, flags, data }));
        }
        other => other.map_err(Cause::Errno)?,
    };
    let tell = |errno: Errno| match read_log(&context) {
        Some(text) => Cause::Detailed(errno, text),
        None => Cause::Errno(errno),
    };
    fsconfig_set_string(context.as_fd(), "source", source).map_err(tell)?;
    for (flag, key) in [
        (ms::RDONLY, "ro"),
        (ms::SYNCHRONOUS, "sync"),
        (ms::DIRSYNC, "dirsync"),
        (ms::LAZYTIME, "lazytime"),
    ] {
        // A tmpfs is read-only by its mount alone: there is no other.
        if flags & flag != 0 && !(flag == ms::RDONLY && kind == "tmpfs") {
            fsconfig_set_flag(context.as_fd(), key).map_err(tell)?;
        }
    }
    for option in data.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some((key, value)) => {
                fsconfig_set_string(context.as_fd(), key, value.trim_matches('"')).map_err(tell)?;
            }
            None => fsconfig_set_flag(context.as_fd(), option).map_err(tell)?,
        }
    }
    fsconfig_create(context.as_fd()).map_err(tell)?;
    let options = MountOptions { set: flags, ..MountOptions::default() };
    let attributes = options.bind_attributes().map_or(0, |(_, set)| set);
    let attributes = MountAttrFlags::from_bits_retain(attributes as u32);
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes);
    let mount = mount.map(Tree::from).map_err(tell)?;
    leave(context);
    Ok(mount)
}

/// The last error that a filesystem wrote into its context's log.
fn read_log(context: &OwnedFd) -> Option<String> {
    let mut buffer = [0u8; 512];
    let mut last = None;
    while let Ok(count) = rustix::io::read(context, &mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..count]);
        if let Some(text) = text.strip_prefix("e ") {
            last = Some(text.trim_end().to_owned());
        }
        if count == 0 {
            break;
        }
    }
    last
}

/// Attributes of a whole tree, and propagation.
pub fn tree_options(options: &MountOptions) -> impl Iterator<Item = Change> {
    let (clear, set) = (options.tree_clear, options.tree_set);
    let attributes = Change { recursive: true, clear, set, propagation: 0, keep: 0 };
    let attributes = (set != 0 || clear != 0).then_some(attributes);
    attributes.into_iter().chain(options.propagation.iter().map(|flags| Change {
        recursive: flags & ms::REC != 0,
        propagation: flags & !ms::REC,
        ..Change::default()
    }))
}

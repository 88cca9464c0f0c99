//! Masked and readonly paths, done from inside (config-linux.md, "Masked Paths", "Readonly Paths").

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::dev::{clone_of, open_null};
use super::mount::{attach, detached};
use crate::error::{At, Cause, Error, Result};
use crate::plan::options::{attr, ms};
use crate::rootfs::{Root, file_type};
use crate::step::Step;
use crate::sys;

/// Hides files behind the null device, and directories behind one empty read-only tmpfs for all.
pub fn mask(paths: &[String], root: &Root<'_>) -> Result<()> {
    let mut null: Option<OwnedFd> = None;
    let mut empty: Option<OwnedFd> = None;
    for path in paths {
        let place = match root.handle(path) {
            Ok(place) => place,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(errno) => return Err(errno).at(Step::Mask, path),
        };
        if file_type(&place).at(Step::Mask, path)? == FileType::Directory {
            match &empty {
                Some(mounted) => {
                    let copy = clone_of(mounted).at(Step::Mask, path)?;
                    attach(&copy, &place).at(Step::Mask, path)?;
                }
                None => {
                    let mount = empty_directory(path)?;
                    attach(&mount, &place).at(Step::Mask, path)?;
                    empty = Some(mount);
                }
            }
            continue;
        }
        let source = match &null {
            Some(source) => source,
            None => null.insert(open_null()?),
        };
        let copy = clone_of(source).at(Step::Mask, path)?;
        attach(&copy, &place).at(Step::Mask, path)?;
    }
    Ok(())
}

/// A tmpfs of one page and one inode; some kernels need two inodes for the root alone.
fn empty_directory(path: &str) -> Result<OwnedFd> {
    let flags = ms::RDONLY | ms::NOSUID | ms::NODEV | ms::NOEXEC;
    let make = |data| detached("tmpfs", "tmpfs", flags, data);
    make("nr_blocks=1,nr_inodes=1,mode=755")
        .or_else(|_| make("nr_blocks=1,nr_inodes=2,mode=755"))
        .map_err(|cause: Cause| Error { cause, ..Error::new(Step::Mask, path) })
}

/// Binds a tree over itself and makes its top read-only; a missing path is not an error.
pub fn make_readonly(path: &str, root: &Root<'_>) -> Result<()> {
    let place = match root.handle(path) {
        Ok(place) => place,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
        Err(errno) => return Err(errno).at(Step::ReadonlyPath, path),
    };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(&place, "", flags).at(Step::ReadonlyPath, path)?;
    sys::mount_setattr(tree.as_fd(), 0, 0, attr::RDONLY, 0).at(Step::ReadonlyPath, path)?;
    attach(&tree, &place).at(Step::ReadonlyPath, path)
}

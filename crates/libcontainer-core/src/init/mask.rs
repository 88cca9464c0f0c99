//! Masked and readonly paths, done from inside (config-linux.md, "Masked Paths", "Readonly Paths").

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::dev::open_null;
use super::left::leave;
use super::mount::detached;
use super::tree::{Change, Tree};
use crate::error::{At, Cause, Error, Result};
use crate::plan::options::{attr, ms};
use crate::rootfs::{Root, file_type};
use crate::step::Step;

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
                Some(mounted) => cover(mounted, place).at(Step::Mask, path)?,
                None => {
                    empty = Some(empty_directory(path)?.attach(&place).at(Step::Mask, path)?);
                    leave(place);
                }
            }
            continue;
        }
        let source = match &null {
            Some(source) => source,
            None => null.insert(open_null(root)?),
        };
        cover(source, place).at(Step::Mask, path)?;
    }
    null.into_iter().chain(empty).for_each(leave);
    Ok(())
}

fn cover(source: &OwnedFd, place: OwnedFd) -> std::result::Result<(), Errno> {
    let top = Tree::of(source.as_fd(), false)?.attach(&place)?;
    [place, top].into_iter().for_each(leave);
    Ok(())
}

/// A tmpfs of one inode, so that nothing can be made in it; some kernels need two for its root alone.
fn empty_directory(path: &str) -> Result<Tree> {
    let flags = ms::RDONLY | ms::NOSUID | ms::NODEV | ms::NOEXEC;
    let make = |data| detached("tmpfs", "tmpfs", flags, data);
    make("nr_inodes=1")
        .or_else(|_| make("nr_inodes=2"))
        .map_err(|cause: Cause| Error { cause, ..Error::new(Step::Mask, path) })
}

/// Binds a tree over itself and makes its top read-only; a missing path is not an error.
pub fn make_readonly(path: &str, root: &Root<'_>) -> Result<()> {
    let place = match root.handle(path) {
        Ok(place) => place,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
        Err(errno) => return Err(errno).at(Step::ReadonlyPath, path),
    };
    let mut tree = Tree::of(place.as_fd(), true).at(Step::ReadonlyPath, path)?;
    let readonly = Change { set: attr::RDONLY, ..Change::default() };
    tree.change(readonly).at(Step::ReadonlyPath, path)?;
    let top = tree.attach(&place).at(Step::ReadonlyPath, path)?;
    [place, top].into_iter().for_each(leave);
    Ok(())
}

//! One loop that runs filesystem operations.

use rustix::mount::MountPropagationFlags;

use super::folder::Folder;
use super::tree::{Change, change_mounted};
use super::{bind, cgroupfs, dev, mask, mount};
use crate::error::{At, Result};
use crate::plan::options::attr;
use crate::plan::{FsOp, describe};
use crate::rootfs::Root;
use crate::step::Step;
use crate::sync::Pipe;
use crate::trace;

/// Whether an operation takes but a moment and needs neither the parent nor the container's cgroup:
/// a filesystem of the kernel's own.
pub fn is_plain(op: &FsOp) -> bool {
    let own = |kind: &str| matches!(kind, "proc" | "sysfs" | "tmpfs" | "devpts" | "mqueue");
    matches!(op, FsOp::Filesystem(plan) if own(&plan.kind) && !plan.options.copy_up)
}

/// Runs operations in their order.
pub fn run(ops: &[FsOp], root: &Root<'_>, pipe: &Pipe) -> Result<()> {
    let mut folder = Folder::default();
    for op in ops {
        let _span = trace::span(|| describe(op));
        if !matches!(op, FsOp::Filesystem(_) | FsOp::Device(_) | FsOp::Link { .. }) {
            folder.forget();
        }
        match op {
            FsOp::Filesystem(plan) => mount::filesystem(plan, root, &mut folder)?,
            FsOp::Bind(plan) => bind::bind(plan, root, pipe)?,
            FsOp::Cgroup(plan) => cgroupfs::mount(plan, root)?,
            FsOp::WorkingDirectory(path) => {
                root.make_directory(path, 0o755)
                    .at(Step::MakeCwd, path)
                    .map_err(|error| error.field("process.cwd"))?;
            }
            FsOp::Device(node) => dev::make_node(node, root, &mut folder)?,
            FsOp::Link { target, path, wanted, replace } => {
                let useful = wanted.is_none_or(|file| {
                    rustix::fs::access(file, rustix::fs::Access::EXISTS).is_ok()
                });
                if useful {
                    dev::make_link(target, path, *replace, root, &mut folder)?;
                }
            }
            FsOp::Mask(paths) => mask::mask(paths, root)?,
            FsOp::Readonly(paths) => {
                paths.iter().try_for_each(|path| mask::make_readonly(path, root))?;
            }
            FsOp::ReadonlyMount(path) => readonly_mount(path, root)?,
            FsOp::ReadonlyRoot => {
                change_mounted(root.top(), READONLY).at(Step::ReadonlyRoot, "")?;
            }
            FsOp::RootPropagation(flags) => {
                let flags = MountPropagationFlags::from_bits_retain(*flags as u32);
                rustix::mount::mount_change("/", flags)
                    .at(Step::Propagation, "the container's root")
                    .map_err(|error| error.field("linux.rootfsPropagation"))?;
            }
        }
    }
    folder.forget();
    Ok(())
}

const READONLY: Change =
    Change { recursive: false, clear: 0, set: attr::RDONLY, propagation: 0, keep: 0 };

fn readonly_mount(path: &str, root: &Root<'_>) -> Result<()> {
    let top = root.handle(path).at(Step::ReadonlyPath, path)?;
    change_mounted(&top, READONLY).at(Step::ReadonlyPath, path)
}

/// The first MiB of a file, whose size is the image's word.
pub fn read_start(file: &std::os::fd::OwnedFd) -> std::result::Result<Vec<u8>, rustix::io::Errno> {
    let (mut text, mut block) = (Vec::new(), [0u8; 4096]);
    while text.len() < 1 << 20 {
        match rustix::io::retry_on_intr(|| rustix::io::read(file, &mut block))? {
            0 => break,
            count => text.extend_from_slice(&block[..count]),
        }
    }
    Ok(text)
}

//! The images of the tests, made once and kept in cargo's directory for tests.

use crate::world::World;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A store for podman with `debian` (debootstrap) and `busybox`, and `busybox.tar` for containerd.
const SCRIPT: &str = r#"
set -eu
debootstrap --variant=minbase bookworm "$NEW/rootfs" >&2
mkdir -p "$NEW/small/bin" "$NEW/small/etc" "$NEW/small/tmp"
cp "$(command -v busybox)" "$NEW/small/bin/busybox"
for applet in sh cat echo sleep true id ps kill hostname; do
    ln -s busybox "$NEW/small/bin/$applet"
done
echo root:x:0:0:root:/root:/bin/sh > "$NEW/small/etc/passwd"
store="--root $NEW/store --runroot $NEW/runroot --storage-driver overlay"
tar -C "$NEW/rootfs" -c . | command podman $store import - localhost/debian
tar -C "$NEW/small" -c . | command podman $store import --change CMD=sh - localhost/busybox
command podman $store save --format oci-archive --output "$NEW/busybox.tar" localhost/busybox
# podman made these mounts for itself.
umount -l "$NEW/store/overlay" || :
rm -rf "$NEW/rootfs" "$NEW/small" "$NEW/runroot"
"#;

/// The programs that making the images takes.
pub const PROGRAMS: [&str; 4] = ["podman", "conmon", "debootstrap", "busybox"];

/// Where the images are.
pub struct Images {
    dir: PathBuf,
}

impl Images {
    /// Makes the images if that was not done before; other tests wait meanwhile.
    pub fn get() -> Images {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engines");
        let dir = parent.join("images-1");
        fs::create_dir_all(&parent).expect("the directory for images");
        let lock = File::create(parent.join("lock")).expect("the lock of the images");
        flock(&lock, FlockOperation::LockExclusive).expect("the lock of the images");
        if !dir.exists() {
            let new = parent.join("new");
            let _ = fs::remove_dir_all(&new);
            fs::create_dir(&new).expect("the directory for new images");
            let path = new.display().to_string();
            World::create(&[("NEW", &path), ("TIMEOUT", "1200")]).sh(SCRIPT).exits(0);
            fs::rename(&new, &dir).expect("the directory for images");
        }
        Images { dir }
    }

    /// An additional image store of podman.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// A small image as an OCI archive.
    pub fn busybox_archive(&self) -> PathBuf {
        self.dir.join("busybox.tar")
    }
}

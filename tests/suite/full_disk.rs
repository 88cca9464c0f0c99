//! A state root without room: on a full file system, and on one without inodes.

use behaviour::{Bundle, host};

use crate::case::{Case, cases};

pub const CASES: &[Case] =
    cases![create_without_inodes, create_without_blocks, delete_on_a_full_disk];

/// Every size from nothing to enough: `create` works, or says what was full and leaves nothing.
#[track_caller]
fn sweep(sizes: impl Iterator<Item = String>) {
    let (mut worked, mut refused) = (0, 0);
    for size in sizes {
        let mut bundle = Bundle::new();
        let root = host::Mount::tmpfs_with(bundle.root(), &size);
        let done = bundle.create();
        if done.code() == 0 {
            worked += 1;
            bundle.delete_force().ok();
        } else {
            refused += 1;
            let told = done.stderr.to_lowercase();
            assert!(told.contains("no space left on device"), "{size}: {done}");
        }
        assert_eq!(host::names_in(root.path()), [""; 0], "{size}");
        assert_eq!(
            host::cgroups_named(&bundle.id),
            [""; 0].map(std::path::PathBuf::from),
            "{size}"
        );
    }
    assert!(worked > 0 && refused > 0, "{worked} worked, {refused} did not");
}

fn create_without_inodes() {
    sweep((1..=12).map(|count| format!("nr_inodes={count}")));
}

fn create_without_blocks() {
    sweep([4, 8, 12, 16, 20, 32, 64, 128].iter().map(|size| format!("size={size}k")));
}

/// Deleting needs no room, whoever took it meanwhile.
fn delete_on_a_full_disk() {
    let bundle = Bundle::new();
    let root = host::Mount::tmpfs_with(bundle.root(), "size=64k");
    let mut container = bundle.sleeping();
    let filler = root.path().join("filler");
    let full = std::fs::write(&filler, vec![1; 128 << 10]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    container.delete_force().ok();
    assert_eq!(host::names_in(root.path()), ["filler"]);
}

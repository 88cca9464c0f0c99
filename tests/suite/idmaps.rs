//! Id-mapped mounts: `uidMappings` and `gidMappings` of a mount, and the words `idmap` and `ridmap`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use behaviour::{Bundle, host, pick};
use rustix::mount::MountFlags;
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    mappings_of_its_own,
    several_ranges,
    what_is_written_has_the_owner_of_the_source,
    mappings_of_the_user_namespace,
    idmap_is_for_the_one_mount,
    ridmap_is_for_all_below,
    one_kind_of_mappings_is_refused,
    an_empty_range_is_refused,
    idmap_without_any_mapping_is_refused,
    mappings_of_a_new_mount_are_refused,
];

fn mappings_of_its_own() {
    let (bundle, source) = with_source(&[(1000, 2000)]);
    let bundle = mapped(bundle, &source, &["bind"], (ids(1000, 5), ids(2000, 7)));
    let seen = bundle.look(&["stat /data/0"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([5, 7]));
}

fn several_ranges() {
    let (bundle, source) = with_source(&[(0, 0), (1000, 1000), (4000, 4000)]);
    let ranges = json!([
        { "containerID": 0, "hostID": 10, "size": 1 },
        { "containerID": 1000, "hostID": 20, "size": 3 },
    ]);
    let bundle = mapped(bundle, &source, &["bind"], (ranges.clone(), ranges));
    let seen = bundle.look(&["stat /data/0", "stat /data/1", "stat /data/2"]);
    assert_eq!(seen["stat /data/0"]["uid"], 10);
    assert_eq!(seen["stat /data/1"]["uid"], 20);
    // Whom no range has is nobody.
    assert_eq!(seen["stat /data/2"]["uid"], 65_534);
}

fn what_is_written_has_the_owner_of_the_source() {
    let (bundle, source) = with_source(&[]);
    let bundle = bundle.set("process.user", json!({ "uid": 5, "gid": 7 }));
    chown(&source, Some(1000), Some(2000)).unwrap();
    let bundle = mapped(bundle, &source, &["bind"], (ids(1000, 5), ids(2000, 7)));
    let mut bundle = bundle.steps(&["write /data/new x"]);
    assert_eq!(bundle.run().seen()["write /data/new x"], "ok");
    let owner = fs::metadata(source.join("new")).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (1000, 2000));
}

fn mappings_of_the_user_namespace() {
    let (bundle, source) = with_source(&[(1000, 2000)]);
    let bundle = bundle.user_namespace().folder("/data").bind(&source, "/data", &["idmap"]);
    let seen = bundle.look(&["stat /data/0"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([1000, 2000]));
}

fn idmap_is_for_the_one_mount() {
    assert_eq!(owners_in_tree("idmap"), [5, 1000]);
}

fn ridmap_is_for_all_below() {
    assert_eq!(owners_in_tree("ridmap"), [5, 5]);
}

fn one_kind_of_mappings_is_refused() {
    let (bundle, source) = with_source(&[]);
    let mut bundle = mapped(bundle, &source, &["bind"], (ids(1000, 5), json!([])));
    bundle.create().fails();
}

fn an_empty_range_is_refused() {
    let (bundle, source) = with_source(&[]);
    let none = json!([{ "containerID": 0, "hostID": 0, "size": 0 }]);
    mapped(bundle, &source, &["bind"], (none.clone(), none)).create().fails();
}

fn idmap_without_any_mapping_is_refused() {
    let (bundle, source) = with_source(&[]);
    bundle.bind(&source, "/data", &["idmap"]).create().fails();
}

fn mappings_of_a_new_mount_are_refused() {
    let maps = ids(1000, 5);
    let mount = json!({ "destination": "/data", "type": "tmpfs", "uidMappings": maps, "gidMappings": maps });
    Bundle::new().push("mounts", mount).create().fails();
}

/// The owners of a file of user 1000 in a mount and in one below it, as the container sees them.
fn owners_in_tree(word: &str) -> [Value; 2] {
    let bundle = Bundle::new();
    let source = host::Mount::tmpfs(bundle.scratch("source"), MountFlags::empty());
    fs::create_dir(source.path().join("sub")).unwrap();
    let sub = host::Mount::tmpfs(source.path().join("sub"), MountFlags::empty());
    for folder in [source.path(), sub.path()] {
        owned_file(&folder.join("file"), 1000, 1000);
    }
    let maps = (ids(1000, 5), ids(1000, 5));
    let seen = mapped(bundle, source.path(), &["rbind", word], maps)
        .look(&["stat /data/file", "stat /data/sub/file"]);
    [&seen["stat /data/file"]["uid"], &seen["stat /data/sub/file"]["uid"]].map(Clone::clone)
}

/// A bundle, and a folder with a file for each owner, named by its number.
fn with_source(owners: &[(u32, u32)]) -> (Bundle, std::path::PathBuf) {
    let bundle = Bundle::new();
    let source = bundle.host_folder("source");
    for (index, (uid, gid)) in owners.iter().enumerate() {
        owned_file(&source.join(index.to_string()), *uid, *gid);
    }
    (bundle, source)
}

fn owned_file(path: &Path, uid: u32, gid: u32) {
    fs::write(path, "").unwrap();
    chown(path, Some(uid), Some(gid)).unwrap();
}

fn mapped(bundle: Bundle, source: &Path, options: &[&str], maps: (Value, Value)) -> Bundle {
    bundle.push(
        "mounts",
        json!({
            "destination": "/data", "type": "bind", "source": source, "options": options,
            "uidMappings": maps.0, "gidMappings": maps.1,
        }),
    )
}

/// The one id `from` of the files, seen as `to`.
fn ids(from: u32, to: u32) -> Value {
    json!([{ "containerID": from, "hostID": to, "size": 1 }])
}

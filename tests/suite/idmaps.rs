//! Id-mapped mounts: `uidMappings` and `gidMappings` of a mount, and the words `idmap` and `ridmap`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use behaviour::{Bundle, host, pick};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    mappings_of_its_own,
    several_ranges,
    what_is_written_has_the_owner_of_the_source,
    mappings_of_the_user_namespace,
    mappings_of_the_word,
    mappings_of_the_word_in_the_user_namespace,
    a_word_that_is_no_mapping_is_refused,
    idmap_is_for_the_one_mount,
    ridmap_is_for_all_below,
    one_kind_of_mappings_is_refused,
    an_empty_range_is_refused,
    idmap_without_any_mapping_is_refused,
    mappings_of_a_new_mount_are_refused,
];

fn mappings_of_its_own() {
    let (bundle, source) = with_source(&[(1000, 2000)]);
    let bundle = mapped(bundle, &source.path, &["bind"], (ids(1000, 5), ids(2000, 7)));
    let seen = bundle.look(&["stat /data/0"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([5, 7]));
}

fn several_ranges() {
    let (bundle, source) = with_source(&[(0, 0), (1000, 1000), (4000, 4000)]);
    let ranges = json!([
        { "containerID": 0, "hostID": 10, "size": 1 },
        { "containerID": 1000, "hostID": 20, "size": 3 },
    ]);
    let bundle = mapped(bundle, &source.path, &["bind"], (ranges.clone(), ranges));
    let seen = bundle.look(&["stat /data/0", "stat /data/1", "stat /data/2"]);
    assert_eq!(seen["stat /data/0"]["uid"], 10);
    assert_eq!(seen["stat /data/1"]["uid"], 20);
    // Whom no range has is nobody.
    assert_eq!(seen["stat /data/2"]["uid"], 65_534);
}

fn what_is_written_has_the_owner_of_the_source() {
    let (bundle, source) = with_source(&[]);
    let bundle = bundle.set("process.user", json!({ "uid": 5, "gid": 7 }));
    chown(&source.path, Some(1000), Some(2000)).unwrap();
    let bundle = mapped(bundle, &source.path, &["bind"], (ids(1000, 5), ids(2000, 7)));
    let mut bundle = bundle.steps(&["write /data/new x"]);
    assert_eq!(bundle.run().seen()["write /data/new x"], "ok");
    let owner = fs::metadata(source.path.join("new")).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (1000, 2000));
}

fn mappings_of_the_user_namespace() {
    let (bundle, source) = with_source(&[(1000, 2000)]);
    let bundle = bundle.user_namespace().folder("/data").bind(&source.path, "/data", &["idmap"]);
    let seen = bundle.look(&["stat /data/0"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([1000, 2000]));
}

/// As podman passes `--volume SOURCE:/data:idmap=...` on.
fn mappings_of_the_word() {
    let (bundle, source) = with_source(&[(1000, 2000), (1001, 2001)]);
    let word = "idmap=uids=1000-5-1#1001-9-1;gids=2000-7-2";
    let bundle = bundle.folder("/data").bind(&source.path, "/data", &[word]);
    let seen = bundle.look(&["stat /data/0", "stat /data/1"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([5, 7]));
    assert_eq!(pick(&seen["stat /data/1"], ["uid", "gid"]), json!([9, 8]));
}

fn mappings_of_the_word_in_the_user_namespace() {
    let (bundle, source) = with_source(&[(1000, 1000)]);
    let word = "idmap=uids=@1000-5-1;gids=@1000-7-1";
    let bundle = bundle.user_namespace().folder("/data").bind(&source.path, "/data", &[word]);
    let seen = bundle.look(&["stat /data/0"]);
    assert_eq!(pick(&seen["stat /data/0"], ["uid", "gid"]), json!([5, 7]));
}

/// It would be mounted with other owners than was meant.
fn a_word_that_is_no_mapping_is_refused() {
    for word in ["idmap=uids=0-1", "idmap=users=0-1-1", "idmap=uids=0-1-1", "idmap=uids=@9-9-9"] {
        let (bundle, source) = with_source(&[]);
        bundle.bind(&source.path, "/data", &[word]).create().fails();
    }
}

fn idmap_is_for_the_one_mount() {
    assert_eq!(owners_in_tree("idmap"), [5, 1000]);
}

fn ridmap_is_for_all_below() {
    assert_eq!(owners_in_tree("ridmap"), [5, 5]);
}

fn one_kind_of_mappings_is_refused() {
    let (bundle, source) = with_source(&[]);
    let mut bundle = mapped(bundle, &source.path, &["bind"], (ids(1000, 5), json!([])));
    bundle.create().fails();
}

fn an_empty_range_is_refused() {
    let (bundle, source) = with_source(&[]);
    let none = json!([{ "containerID": 0, "hostID": 0, "size": 0 }]);
    mapped(bundle, &source.path, &["bind"], (none.clone(), none)).create().fails();
}

fn idmap_without_any_mapping_is_refused() {
    let (bundle, source) = with_source(&[]);
    bundle.bind(&source.path, "/data", &["idmap"]).create().fails();
}

fn mappings_of_a_new_mount_are_refused() {
    let maps = ids(1000, 5);
    let mount = json!({ "destination": "/data", "type": "tmpfs", "uidMappings": maps, "gidMappings": maps });
    Bundle::new().push("mounts", mount).create().fails();
}

/// The owners of a file of user 1000 in a mount and in one below it, as the container sees them.
fn owners_in_tree(word: &str) -> [Value; 2] {
    let bundle = Bundle::new();
    let (source, other) = (Source::of(&bundle), Source::of(&bundle));
    fs::create_dir(source.path.join("sub")).unwrap();
    let _sub = host::Mount::bind(&other.path, source.path.join("sub"));
    for folder in [&source.path, &other.path] {
        owned_file(&folder.join("file"), 1000, 1000);
    }
    let maps = (ids(1000, 5), ids(1000, 5));
    let seen = mapped(bundle, &source.path, &["rbind", word], maps)
        .look(&["stat /data/file", "stat /data/sub/file"]);
    [&seen["stat /data/file"]["uid"], &seen["stat /data/sub/file"]["uid"]].map(Clone::clone)
}

/// A bundle, and a folder with a file for each owner, named by its number.
fn with_source(owners: &[(u32, u32)]) -> (Bundle, Source) {
    let bundle = Bundle::new();
    let source = Source::of(&bundle);
    for (index, (uid, gid)) in owners.iter().enumerate() {
        owned_file(&source.path.join(index.to_string()), *uid, *gid);
    }
    (bundle, source)
}

/// A folder of a file system that can map ids.
struct Source {
    path: PathBuf,
    _folder: TempDir,
}

impl Source {
    /// What the tests write is on a tmpfs, which can map ids since Linux 6.3; before, it is on the disk.
    fn of(bundle: &Bundle) -> Source {
        let place = if maps_ids_on_tmpfs() { bundle.scratch("") } else { "/var/tmp".into() };
        let folder = tempfile::tempdir_in(place).unwrap();
        let path = folder.path().join("source");
        fs::create_dir(&path).unwrap();
        Source { path, _folder: folder }
    }
}

fn maps_ids_on_tmpfs() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(3))
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

//! User namespaces: mappings, ids and rights inside.

use behaviour::Bundle;
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    user_mappings_are_written,
    user_mappings_of_several_ranges,
    users_keep_their_mapped_ids,
    setgroups_is_allowed_by_a_full_map,
    all_capabilities_in_a_user_namespace,
];

fn user_mappings_are_written() {
    let bundle = Bundle::new().user_namespace();
    let seen = bundle.look(&["read /proc/self/uid_map", "read /proc/self/gid_map"]);
    for file in ["read /proc/self/uid_map", "read /proc/self/gid_map"] {
        let words: Vec<_> = seen[file].as_str().unwrap().split_whitespace().collect();
        assert_eq!(words, ["0", "100000", "65536"]);
    }
}

fn user_mappings_of_several_ranges() {
    let map = json!([
        { "containerID": 0, "hostID": 100_000, "size": 1 },
        { "containerID": 1, "hostID": 300_000, "size": 999 },
        { "containerID": 1000, "hostID": 200_000, "size": 1 },
    ]);
    let bundle = Bundle::new().user_namespace();
    let bundle = bundle.set("linux.uidMappings", map.clone()).set("linux.gidMappings", map);
    let seen = bundle.look(&["read /proc/self/uid_map"]);
    let lines: Vec<Vec<&str>> = seen["read /proc/self/uid_map"]
        .as_str()
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines, [["0", "100000", "1"], ["1", "300000", "999"], ["1000", "200000", "1"]]);
}

fn users_keep_their_mapped_ids() {
    let bundle = Bundle::new().user_namespace().writable();
    let bundle = bundle.set("process.user", json!({ "uid": 1000, "gid": 1000 }));
    let mut bundle = bundle.steps(&["self", "write /tmp/mine x"]);
    let seen = bundle.run().seen();
    assert_eq!(seen["self"]["uid"], 1000);
    let owner = std::fs::metadata(bundle.rootfs().join("tmp/mine")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&owner), 101_000);
}

fn setgroups_is_allowed_by_a_full_map() {
    let bundle = Bundle::new().user_namespace();
    let seen = bundle.set("process.user.additionalGids", json!([7])).look(&["self"]);
    assert_eq!(seen["self"]["groups"], json!([7]));
}

fn all_capabilities_in_a_user_namespace() {
    let names: Vec<_> =
        behaviour::names::CAPABILITIES.iter().map(|name| format!("CAP_{name}")).collect();
    let sets = json!({ "bounding": names, "effective": names, "permitted": names });
    let bundle = Bundle::new().user_namespace();
    let seen = bundle.set("process.capabilities", sets).look(&["self"]);
    assert_eq!(seen["self"]["caps"]["effective"], json!(names));
}

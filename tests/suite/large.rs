//! Much of everything: mounts, environment, configuration, containers, and little memory.

use std::fs;

use behaviour::{Bundle, host, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_thousand_mounts_with_few_descriptors,
    ten_thousand_variables,
    a_configuration_of_a_mebibyte,
    sixty_containers_at_once,
    little_memory_is_an_error_or_enough,
];

fn a_thousand_mounts_with_few_descriptors() {
    let bundle = Bundle::new();
    let source = bundle.host_file("source", "x");
    let bundle = (0..1000).fold(bundle.writable().folder("/many"), |bundle, number| {
        fs::write(bundle.rootfs().join(format!("many/{number}")), "").unwrap();
        bundle.bind(&source, &format!("/many/{number}"), &["ro"])
    });
    let bundle = bundle.without("process.rlimits");
    let bundle = bundle.steps(&["read /many/0", "read /many/999", "write /many/999 y"]);
    let seen = bundle.run_call(&[]).open_files(64).finish().seen();
    assert_eq!([&seen["read /many/0"], &seen["read /many/999"]], ["x", "x"]);
    assert_eq!(seen["write /many/999 y"], "EROFS");
}

fn ten_thousand_variables() {
    let variables: Vec<String> =
        (0..10_000).map(|n| format!("NAME_{n}={}", "v".repeat(90))).collect();
    let container = Bundle::new().set("process.env", json!(variables)).steps(&["sleep"]).started();
    container.output().wait_for("asleep");
    let text = fs::read(format!("/proc/{}/environ", container.pid())).unwrap();
    let count = text.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"NAME_")).count();
    assert_eq!(count, 10_000);
}

fn a_configuration_of_a_mebibyte() {
    let bundle = (0..100).fold(Bundle::new(), |bundle, number| {
        bundle.set(&format!("annotations.name-{number}"), "x".repeat(10 << 10))
    });
    let container = bundle.created();
    let annotations = &container.state()["annotations"];
    assert_eq!(annotations.as_object().map(serde_json::Map::len), Some(100));
}

fn sixty_containers_at_once() {
    let first = Bundle::new().created();
    let others: Vec<Bundle> = (1..60).map(|_| first.beside().created()).collect();
    let listed = first.call("list").arg("--quiet").finish().ok();
    assert_eq!(listed.stdout.lines().count(), 60);
    let pids: std::collections::BTreeSet<i32> = others.iter().map(Bundle::pid).collect();
    assert_eq!(pids.len(), 59);
    assert!(pids.iter().all(|pid| host::is_running(*pid)));
}

/// A limit below what the init takes is told as such; nothing is left, which each bundle's end checks.
fn little_memory_is_an_error_or_enough() {
    for kibibytes in [4, 64, 256, 512, 1024, 4096, 16_384] {
        let limit = kibibytes << 10;
        let bundle = Bundle::new().set("linux.resources.memory.limit", limit);
        let mut bundle = bundle.steps(&["exit 0"]);
        let done = bundle.create();
        if done.code() != 0 && runtime().is("orun") {
            assert!(done.stderr.contains("memory"), "{kibibytes} KiB: {done}");
        }
        assert!(done.code() == 0 || kibibytes < 16_384, "{kibibytes} KiB: {done}");
    }
}

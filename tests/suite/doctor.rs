//! `orun doctor`: what the host offers and lacks.

use std::path::Path;

use behaviour::old_kernel::Kernel;
use behaviour::{Bundle, Call, Pty, runtime};
use serde_json::Value;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    this_host_is_fit,
    every_lack_has_an_advice,
    a_missing_call_is_told,
    root_without_capabilities_is_not_fit,
    colours_are_for_terminals,
];

fn this_host_is_fit() {
    let done = Bundle::new().call("doctor").finish().ok();
    assert!(done.stdout.ends_with("A container of the default configuration can run.\n"), "{done}");
    assert!(!done.stdout.contains('\x1b'), "{done}");
}

fn every_lack_has_an_advice() {
    let found = Bundle::new().call("doctor").arg("--json").finish().json();
    assert_eq!(found["able"], true);
    let areas = ["kernel", "security", "cgroups", "users", "caller"];
    for fact in found["facts"].as_array().unwrap() {
        assert!(areas.contains(&fact["area"].as_str().unwrap()), "{fact}");
        assert_eq!(fact["status"] == "ok", fact["advice"].is_null(), "{fact}");
    }
}

fn a_missing_call_is_told() {
    let found =
        Bundle::new().call("doctor").arg("--json").kernel(Kernel::Linux4_18).finish().json();
    for name in ["openat2", "clone3", "open_tree", "mount_setattr"] {
        let fact = fact(&found, name);
        assert_eq!(fact["status"], "limited", "{fact}");
        assert!(fact["advice"].as_str().unwrap().contains("Linux 5."), "{fact}");
    }
    assert_eq!(fact(&found, "seccomp filter")["status"], "limited");
}

fn root_without_capabilities_is_not_fit() {
    let call = Call::new(Path::new("setpriv")).args(&["--bounding-set=-all", "--inh-caps=-all"]);
    let done = call.arg(&runtime().program).args(&["doctor", "--json"]).finish().exits(1);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(found["able"], false);
    assert_eq!(fact(&found, "capabilities")["status"], "missing");
}

fn colours_are_for_terminals() {
    let (mut outer, other) = Pty::open(24, 80);
    let running = Bundle::new().call("doctor").on_terminal(&other).spawn();
    outer.wait_for("\x1b[32mok");
    drop(other);
    outer.read_to_end();
    running.wait().ok();
}

fn fact<'f>(found: &'f Value, name: &str) -> &'f Value {
    let facts = found["facts"].as_array().expect("facts");
    facts.iter().find(|fact| fact["name"] == name).unwrap_or_else(|| panic!("no fact {name}"))
}

//! Who the process is and what it may: ids, groups, capabilities, limits, new privileges.

use std::path::Path;

use behaviour::{Bundle, Call, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    uid_and_gid,
    additional_groups,
    the_callers_groups_are_dropped,
    groups_that_can_not_be_dropped_are_an_error,
    umask_as_configured,
    umask_is_0022_whatever_the_caller_has,
    capabilities_of_the_five_sets,
    capabilities_of_an_ordinary_user_are_ambient_only,
    bounding_alone_leaves_an_ordinary_user_none,
    no_capabilities_at_all,
    an_unknown_capability_is_no_error,
    limits_are_lowered,
    a_limit_given_twice_is_refused,
    limits_not_given_are_the_callers,
    new_privileges_are_off,
    new_privileges_are_on,
];

fn uid_and_gid() {
    let bundle = Bundle::new().set("process.user", json!({ "uid": 1000, "gid": 2000 }));
    let seen = bundle.look(&["self", "open /etc/passwd w"]);
    assert_eq!(seen["self"]["uid"], 1000);
    assert_eq!(seen["self"]["gid"], 2000);
    assert_eq!(seen["self"]["groups"], json!([]));
}

fn additional_groups() {
    let seen = Bundle::new().set("process.user.additionalGids", json!([5, 77])).look(&["self"]);
    assert_eq!(seen["self"]["groups"], json!([5, 77]));
}

fn the_callers_groups_are_dropped() {
    let bundle = Bundle::new();
    let seen = bundle.run_call(&[]).groups(&[10, 27, 999]).finish().seen();
    assert_eq!(seen["self"]["groups"], json!([]));
}

/// Root without CAP_SETGID has no right to drop them, and they may be those of disks.
fn groups_that_can_not_be_dropped_are_an_error() {
    let bundle = Bundle::new();
    bundle.create_call(&[]);
    let without = ["--bounding-set=-setgid", "--inh-caps=-setgid", "--groups"];
    let call = Call::new(Path::new("setpriv")).args(&without).arg("6,27").arg(runtime().path());
    let call = call.arg("--root").arg(bundle.root()).args(&["run", "--bundle"]);
    call.arg(bundle.path()).arg(&bundle.id).finish().fails();
}

fn umask_as_configured() {
    let seen = Bundle::new().set("process.user.umask", 0o077).look(&["self"]);
    assert_eq!(seen["self"]["umask"], "0077");
}

fn umask_is_0022_whatever_the_caller_has() {
    let bundle = Bundle::new();
    for mask in [0, 0o077] {
        let seen = bundle.run_call(&[]).umask(mask).finish().seen();
        assert_eq!(seen["self"]["umask"], "0022");
    }
}

fn capabilities_of_the_five_sets() {
    let sets = json!({
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
        "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "effective": ["CAP_CHOWN", "CAP_NET_RAW"],
        "inheritable": ["CAP_KILL", "CAP_NET_RAW"],
        "ambient": ["CAP_NET_RAW"],
    });
    // An ordinary user, as the kernel gives root all of the bounding set at execve.
    let bundle = Bundle::new().set("process.user.uid", 1000);
    let caps = bundle.set("process.capabilities", sets).look(&["self"])["self"]["caps"].clone();
    assert_eq!(caps["bounding"], json!(["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_ADMIN"]));
    assert_eq!(caps["inheritable"], json!(["CAP_KILL", "CAP_NET_RAW"]));
    assert_eq!(caps["ambient"], json!(["CAP_NET_RAW"]));
    assert_eq!(caps["permitted"], json!(["CAP_NET_RAW"]));
    assert_eq!(caps["effective"], json!(["CAP_NET_RAW"]));
}

fn capabilities_of_an_ordinary_user_are_ambient_only() {
    let all = json!(["CAP_CHOWN", "CAP_NET_BIND_SERVICE"]);
    let ambient = json!(["CAP_NET_BIND_SERVICE"]);
    let sets = json!({
        "bounding": all, "permitted": all, "effective": all, "inheritable": ambient,
        "ambient": ambient,
    });
    let bundle = Bundle::new().set("process.user.uid", 1000);
    let seen = bundle.set("process.capabilities", sets).look(&["self"]);
    assert_eq!(seen["self"]["caps"]["effective"], ambient);
}

fn bounding_alone_leaves_an_ordinary_user_none() {
    let seen = Bundle::new().set("process.user.uid", 1000).look(&["self"]);
    let caps = &seen["self"]["caps"];
    assert_eq!(caps["bounding"].as_array().unwrap().len(), 3);
    for set in ["effective", "permitted", "inheritable", "ambient"] {
        assert_eq!(caps[set], json!([]), "{set}");
    }
}

fn no_capabilities_at_all() {
    let sets = json!({ "bounding": [], "permitted": [], "effective": [] });
    let seen = Bundle::new().set("process.capabilities", sets).look(&["self"]);
    for set in ["bounding", "effective", "permitted", "inheritable", "ambient"] {
        assert_eq!(seen["self"]["caps"][set], json!([]), "{set}");
    }
}

fn an_unknown_capability_is_no_error() {
    let bundle = Bundle::new().push("process.capabilities.bounding", "CAP_DREAM");
    let seen = bundle.look(&["self"]);
    assert_eq!(seen["self"]["caps"]["bounding"].as_array().unwrap().len(), 3);
}

fn limits_are_lowered() {
    let limits = json!([
        { "type": "RLIMIT_NOFILE", "soft": 100, "hard": 200 },
        { "type": "RLIMIT_NPROC", "soft": 50, "hard": 60 },
        { "type": "RLIMIT_FSIZE", "soft": 1_000_000, "hard": 2_000_000 },
        { "type": "RLIMIT_STACK", "soft": 4_194_304, "hard": 8_388_608 },
    ]);
    let seen = Bundle::new().set("process.rlimits", limits).look(&["self"]);
    let limits = &seen["self"]["rlimits"];
    assert_eq!(limits["NOFILE"], json!([100, 200]));
    assert_eq!(limits["NPROC"], json!([50, 60]));
    assert_eq!(limits["FSIZE"], json!([1_000_000, 2_000_000]));
    assert_eq!(limits["STACK"], json!([4_194_304, 8_388_608]));
}

fn a_limit_given_twice_is_refused() {
    let limit = json!({ "type": "RLIMIT_NOFILE", "soft": 10, "hard": 20 });
    Bundle::new().push("process.rlimits", limit).create().fails();
}

fn limits_not_given_are_the_callers() {
    let seen = Bundle::new().without("process.rlimits").look(&["self"]);
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert_eq!(seen["self"]["rlimits"]["NOFILE"], json!([own.current, own.maximum]));
}

fn new_privileges_are_off() {
    assert_eq!(Bundle::new().look(&["self"])["self"]["no_new_privs"], "1");
}

fn new_privileges_are_on() {
    let seen = Bundle::new().set("process.noNewPrivileges", false).look(&["self"]);
    assert_eq!(seen["self"]["no_new_privs"], "0");
}

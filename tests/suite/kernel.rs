//! Host name, domain name, and kernel parameters (`linux.sysctl`).

use std::fs;

use behaviour::{Bundle, host};
use serde_json::{Map, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    hostname_is_set,
    hostname_of_the_caller_without_one,
    hostname_of_the_host_is_unchanged,
    domainname_is_set,
    a_network_parameter,
    an_ipc_parameter,
    several_parameters,
    a_message_queue_parameter,
    a_key_with_slashes,
    a_user_namespace_parameter,
    parameters_of_the_host_are_refused,
    a_key_with_dots_in_its_way_is_refused,
    an_ipc_parameter_needs_the_namespace,
    a_network_parameter_needs_the_namespace,
    a_parameter_of_the_host_by_its_path_is_refused,
    the_hostname_parameter_is_refused,
    a_bad_value_is_an_error,
    an_unknown_key_is_an_error,
];

fn hostname_is_set() {
    let seen = Bundle::new().set("hostname", "some.host").look(&["self"]);
    assert_eq!(seen["self"]["hostname"], "some.host");
}

fn hostname_of_the_caller_without_one() {
    let seen = Bundle::new().without("hostname").look(&["self"]);
    let own = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(seen["self"]["hostname"], own.trim());
}

fn hostname_of_the_host_is_unchanged() {
    let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    Bundle::new().set("hostname", "some.host").look(&["self"]);
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

fn domainname_is_set() {
    let seen = Bundle::new().set("domainname", "some.domain").look(&["self"]);
    assert_eq!(seen["self"]["domainname"], "some.domain");
}

fn a_network_parameter() {
    assert_eq!(after_setting("net.core.somaxconn", "321"), "321");
}

fn an_ipc_parameter() {
    let before = fs::read_to_string("/proc/sys/kernel/msgmax").unwrap();
    assert_eq!(after_setting("kernel.msgmax", "12345"), "12345");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/msgmax").unwrap(), before);
}

fn several_parameters() {
    let values = json!({ "kernel.shmmni": "99", "net.ipv4.ip_forward": "1" });
    let steps = ["read /proc/sys/kernel/shmmni", "read /proc/sys/net/ipv4/ip_forward"];
    let seen = Bundle::new().set("linux.sysctl", values).look(&steps);
    assert_eq!(seen[steps[0]], "99");
    assert_eq!(seen[steps[1]], "1");
}

fn a_message_queue_parameter() {
    assert_eq!(after_setting("fs.mqueue.msg_max", "7"), "7");
}

fn a_key_with_slashes() {
    assert_eq!(after_setting("net/core/somaxconn", "322"), "322");
}

fn a_user_namespace_parameter() {
    let value = json!({ "user.max_net_namespaces": "17" });
    let bundle = Bundle::new().user_namespace().set("linux.sysctl", value);
    let step = "read /proc/sys/user/max_net_namespaces";
    assert_eq!(bundle.look(&[step])[step], "17");
}

fn parameters_of_the_host_are_refused() {
    for key in ["kernel.core_pattern", "kernel/core_pattern", "vm.overcommit_memory", "fs.file-max"]
    {
        is_refused(Bundle::new(), key);
    }
}

fn a_key_with_dots_in_its_way_is_refused() {
    let keys = [
        "net.ipv4/../../kernel/core_pattern",
        "kernel.msgmax/../core_pattern",
        "net/../kernel/core_pattern",
        "../../../tmp/x",
        "",
    ];
    for key in keys {
        is_refused(Bundle::new(), key);
    }
}

fn a_parameter_of_the_host_by_its_path_is_refused() {
    let own = |kind: &str, name: &str| Bundle::new().join(kind, format!("/proc/self/ns/{name}"));
    is_refused(own("network", "net"), "net.ipv4.ip_forward");
    is_refused(own("ipc", "ipc"), "kernel.msgmax");
}

fn an_ipc_parameter_needs_the_namespace() {
    is_refused(Bundle::new().without_namespace("ipc"), "kernel.msgmax");
}

fn a_network_parameter_needs_the_namespace() {
    is_refused(Bundle::new().without_namespace("network"), "net.core.somaxconn");
}

fn the_hostname_parameter_is_refused() {
    is_refused(Bundle::new(), "kernel.hostname");
}

fn a_bad_value_is_an_error() {
    let values = json!({ "kernel.msgmax": "plenty" });
    Bundle::new().set("linux.sysctl", values).create().fails();
}

fn an_unknown_key_is_an_error() {
    let values = json!({ "net.core.nothing_like_that": "1" });
    Bundle::new().set("linux.sysctl", values).create().fails();
}

fn after_setting(key: &str, value: &str) -> String {
    let step = format!("read /proc/sys/{}", key.replace('.', "/"));
    let seen = Bundle::new().set("linux.sysctl", json!({ key: value })).look(&[&step]);
    seen[step.as_str()].as_str().unwrap().to_owned()
}

/// Sets the key to the value that it has, so that nothing happens where it is not refused.
fn is_refused(bundle: Bundle, key: &str) {
    let path = format!("/proc/sys/{}", key.replace('.', "/"));
    let current = fs::read_to_string(&path).unwrap_or_default();
    let mut values = Map::new();
    values.insert(key.to_owned(), current.trim_end().into());
    let mut bundle = bundle.set("linux.sysctl", values);
    let done = bundle.create();
    assert_ne!(done.code(), 0, "{key} was accepted: {done}");
    assert!(host::cgroups_named(&bundle.id).is_empty());
}

//! Network devices of the host that move into the container (`linux.netDevices`).

use std::path::{Path, PathBuf};

use behaviour::{Bundle, Call, Finished, host, sys};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    a_device_moves,
    a_device_moves_under_another_name,
    names_are_numbered,
    mtu_and_hardware_address_are_kept,
    permanent_global_addresses_are_kept,
    other_addresses_are_not_kept,
    labels_of_addresses_follow_the_name,
    a_device_is_up,
    a_parameter_of_a_device,
    a_device_moves_into_a_joined_namespace,
    a_device_stays_in_a_joined_namespace,
    the_old_name_may_be_taken,
    numbers_that_are_taken_are_passed_over,
    a_device_moves_into_a_user_namespace,
    a_name_that_is_taken_is_an_error,
    the_name_of_loopback_is_taken,
    an_absent_device_is_an_error,
    no_device_moves_if_one_can_not,
    a_device_that_can_not_leave_is_an_error,
    the_namespace_of_the_caller_is_refused,
    no_network_namespace_is_refused,
    a_long_name_is_refused,
];

fn a_device_moves() {
    let bundle = network_with("dev0").set("linux.netDevices", json!({ "dev0": {} }));
    let seen = bundle.look(&["list /sys/class/net"]);
    assert_eq!(seen["list /sys/class/net"], json!(["dev0", "lo"]));
    // The end of the container's namespace is the end of the device, and so of its peer.
    host::eventually("the end of the peer", || devices() == ["lo"]);
}

fn a_device_moves_under_another_name() {
    let bundle =
        network_with("dev0").set("linux.netDevices", json!({ "dev0": { "name": "eth0" } }));
    let seen = bundle.look(&["list /sys/class/net"]);
    assert_eq!(seen["list /sys/class/net"], json!(["eth0", "lo"]));
}

fn names_are_numbered() {
    let bundle = network_with("dev0");
    add_device("dev1");
    let wanted = json!({ "dev0": { "name": "net%d" }, "dev1": { "name": "net%d" } });
    let seen = bundle.set("linux.netDevices", wanted).look(&["list /sys/class/net"]);
    assert_eq!(seen["list /sys/class/net"], json!(["lo", "net0", "net1"]));
}

fn mtu_and_hardware_address_are_kept() {
    let bundle = network_with("dev0");
    ip("link set dev0 mtu 1402 address 02:11:22:33:44:55");
    let steps = ["read /sys/class/net/eth0/mtu", "read /sys/class/net/eth0/address"];
    let seen = bundle.set("linux.netDevices", json!({ "dev0": { "name": "eth0" } })).look(&steps);
    assert_eq!(seen[steps[0]], "1402");
    assert_eq!(seen[steps[1]], "02:11:22:33:44:55");
}

fn permanent_global_addresses_are_kept() {
    let bundle = network_with("dev0");
    ip("addr add 192.0.2.7/24 brd 192.0.2.255 dev dev0");
    ip("addr add 192.0.2.8/24 dev dev0");
    ip("addr add 198.51.100.1 peer 198.51.100.2/32 dev dev0");
    ip("addr add 2001:db8::7/64 dev dev0 nodad");
    let container = moved(bundle, "eth0");
    let found = addresses(&container, "eth0");
    assert_eq!(found, ["192.0.2.7/24", "192.0.2.8/24", "198.51.100.1/32", "2001:db8::7/64"]);
    let all = all_addresses(&container, "eth0");
    let of = |address| all.iter().find(|entry| entry["local"] == address).unwrap();
    assert_eq!(of("192.0.2.7")["broadcast"], "192.0.2.255");
    assert_eq!(of("192.0.2.8")["secondary"], true);
    assert_eq!(of("198.51.100.1")["address"], "198.51.100.2");
    assert_eq!(of("2001:db8::7")["nodad"], true);
}

fn other_addresses_are_not_kept() {
    let bundle = network_with("dev0");
    ip("addr add 192.0.2.7/24 dev dev0");
    ip("addr add 192.0.2.8/24 valid_lft 1000 preferred_lft 1000 dev dev0");
    ip("addr add 198.51.100.9/32 scope host dev dev0");
    ip("addr add 203.0.113.9/24 scope link dev dev0");
    ip("addr add 2001:db8::8/64 valid_lft 1000 preferred_lft 1000 dev dev0");
    assert_eq!(addresses(&moved(bundle, "eth0"), "eth0"), ["192.0.2.7/24"]);
}

fn labels_of_addresses_follow_the_name() {
    let bundle = network_with("dev0");
    ip("addr add 192.0.2.7/24 dev dev0");
    ip("addr add 192.0.2.8/24 label dev0:two dev dev0");
    let container = moved(bundle, "eth0");
    let all = all_addresses(&container, "eth0");
    let labels: Vec<_> = all.iter().filter_map(|entry| entry["label"].as_str()).collect();
    assert_eq!(labels, ["eth0", "eth0:two"]);
}

fn a_device_is_up() {
    let seen = network_with("dev0")
        .set("linux.netDevices", json!({ "dev0": {} }))
        .look(&["read /sys/class/net/dev0/flags"]);
    // IFF_UP. The state "up" of operstate follows it when the kernel finds the time.
    let flags = seen["read /sys/class/net/dev0/flags"].as_str().unwrap().trim_start_matches("0x");
    assert_eq!(u32::from_str_radix(flags, 16).unwrap() & 1, 1, "flags {flags}");
}

fn a_parameter_of_a_device() {
    let key = "net.ipv4.conf.eth0.forwarding";
    let file = "read /proc/sys/net/ipv4/conf/eth0/forwarding";
    let seen = network_with("dev0")
        .set("linux.netDevices", json!({ "dev0": { "name": "eth0" } }))
        .set("linux.sysctl", json!({ key: "1" }))
        .look(&[file]);
    assert_eq!(seen[file], "1");
}

fn a_device_moves_into_a_joined_namespace() {
    let bundle = network_with("dev0");
    ip("addr add 192.0.2.7/24 dev dev0");
    let first = Bundle::new().sleeping();
    let second = first.beside().join("network", network_of(&first));
    let second = second.set("linux.netDevices", json!({ "dev0": { "name": "eth0" } })).sleeping();
    assert_eq!(addresses(&second, "eth0"), ["192.0.2.7/24"]);
    assert_eq!(devices(), ["dev0-peer", "lo"]);
    drop(bundle);
}

fn a_device_stays_in_a_joined_namespace() {
    let _bundle = network_with("dev0");
    let first = Bundle::new().sleeping();
    let second = first.beside().join("network", network_of(&first));
    second.set("linux.netDevices", json!({ "dev0": {} })).look(&["self"]);
    assert_eq!(devices_of(&first), ["dev0", "lo"]);
}

fn the_old_name_may_be_taken() {
    let first = network_with("dev0").set("linux.netDevices", json!({ "dev0": {} })).sleeping();
    add_device_with_peer("dev0", "other");
    let second = first.beside().join("network", network_of(&first));
    second.set("linux.netDevices", json!({ "dev0": { "name": "dev1" } })).look(&["self"]);
    assert_eq!(devices_of(&first), ["dev0", "dev1", "lo"]);
}

fn numbers_that_are_taken_are_passed_over() {
    let first = network_with("dev0").set("linux.netDevices", json!({ "dev0": {} })).sleeping();
    add_device_with_peer("dev0", "other");
    ip("addr add 192.0.2.7/24 dev dev0");
    let second = first.beside().join("network", network_of(&first));
    second.set("linux.netDevices", json!({ "dev0": { "name": "dev%d" } })).look(&["self"]);
    let found = devices_of(&first);
    assert_eq!((found.len(), &*found[0], &*found[2]), (3, "dev0", "lo"), "{found:?}");
    assert_eq!(addresses(&first, "dev0"), Vec::<String>::new());
    assert_eq!(addresses(&first, &found[1]), ["192.0.2.7/24"]);
}

fn a_device_moves_into_a_user_namespace() {
    let bundle = network_with("dev0").user_namespace();
    ip("addr add 192.0.2.7/24 dev dev0");
    ip("link set dev0 mtu 1402");
    let container = moved(bundle, "eth0");
    assert_eq!(addresses(&container, "eth0"), ["192.0.2.7/24"]);
    let seen = container.exec(&[], &["read /sys/class/net/eth0/mtu"]).seen();
    assert_eq!(seen["read /sys/class/net/eth0/mtu"], "1402");
}

fn a_name_that_is_taken_is_an_error() {
    let first = network_with("dev0").set("linux.netDevices", json!({ "dev0": {} })).sleeping();
    add_device_with_peer("dev1", "other");
    let second = first.beside().join("network", network_of(&first));
    let wanted = json!({ "dev1": { "name": "dev0" } });
    let failed = second.set("linux.netDevices", wanted).run();
    let failed = failed.fails_with("linux.netDevices.dev1.name");
    let failed = failed.fails_with("\"dev1\"").fails_with("\"dev0\"");
    drop(failed);
    assert_eq!(devices(), ["dev0-peer", "dev1", "lo", "other"]);
    assert_eq!(devices_of(&first), ["dev0", "lo"]);
}

fn the_name_of_loopback_is_taken() {
    let bundle = network_with("dev0");
    let failed = bundle.set("linux.netDevices", json!({ "dev0": { "name": "lo" } })).run();
    failed.fails_with("linux.netDevices.dev0.name");
    assert_eq!(devices(), ["dev0", "dev0-peer", "lo"]);
}

fn an_absent_device_is_an_error() {
    let bundle = network_with("dev0");
    let failed = bundle.set("linux.netDevices", json!({ "absent": {} })).run();
    failed.fails_with("linux.netDevices.absent");
}

fn no_device_moves_if_one_can_not() {
    let bundle = network_with("dev0");
    let wanted = json!({ "dev0": {}, "dev9": {} });
    bundle.set("linux.netDevices", wanted).run().fails_with("linux.netDevices.dev9");
    assert_eq!(devices(), ["dev0", "dev0-peer", "lo"]);
}

fn a_device_that_can_not_leave_is_an_error() {
    let bundle = network_with("dev0");
    ip("link add bridge0 type bridge");
    let failed = bundle.set("linux.netDevices", json!({ "bridge0": {} })).run();
    failed.fails_with("linux.netDevices.bridge0");
    assert!(devices().contains(&"bridge0".to_owned()));
}

fn the_namespace_of_the_caller_is_refused() {
    let bundle = network_with("dev0").join("network", "/proc/self/ns/net");
    let failed = bundle.set("linux.netDevices", json!({ "dev0": { "name": "eth0" } })).run();
    failed.fails_with("linux.netDevices");
    assert_eq!(devices(), ["dev0", "dev0-peer", "lo"]);
}

fn no_network_namespace_is_refused() {
    let bundle = network_with("dev0").without_namespace("network").without_mounts("/sys");
    let failed = bundle.set("linux.netDevices", json!({ "dev0": {} })).run();
    failed.fails_with("linux.netDevices");
}

fn a_long_name_is_refused() {
    let bundle = network_with("dev0");
    let wanted = json!({ "dev0": { "name": "sixteen-bytes-00" } });
    let failed = bundle.set("linux.netDevices", wanted).run();
    failed.fails_with("linux.netDevices.dev0.name");
}

/// A bundle in a network of its own (the test's thread is, with all that it starts), with a device
/// and its peer in it.
fn network_with(device: &str) -> Bundle {
    sys::unshare(libc::CLONE_NEWNET).expect("make a network namespace");
    // Only what the test adds has an address.
    std::fs::write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1")
        .expect("no link addresses");
    add_device(device);
    Bundle::new()
}

fn add_device(name: &str) {
    add_device_with_peer(name, &format!("{name}-peer"));
}

fn add_device_with_peer(name: &str, peer: &str) {
    ip(&format!("link add {name} type veth peer name {peer}"));
}

/// A sleeping container with the device dev0 under another name.
fn moved(bundle: Bundle, name: &str) -> Bundle {
    bundle.set("linux.netDevices", json!({ "dev0": { "name": name } })).sleeping()
}

fn ip(words: &str) -> Finished {
    let words: Vec<_> = words.split(' ').collect();
    Call::new(Path::new("ip")).args(&words).finish().ok()
}

fn network_of(container: &Bundle) -> PathBuf {
    PathBuf::from(format!("/proc/{}/ns/net", container.pid()))
}

/// The sorted names of the devices in the test's network.
fn devices() -> Vec<String> {
    names(ip("-json link show"))
}

fn devices_of(container: &Bundle) -> Vec<String> {
    names(ip_in(container, &["link", "show"]))
}

fn names(shown: Finished) -> Vec<String> {
    let text = |link: &Value| link["ifname"].as_str().expect("a name").to_owned();
    let mut names: Vec<_> = shown.json().as_array().expect("a list").iter().map(text).collect();
    names.sort();
    names
}

fn ip_in(container: &Bundle, words: &[&str]) -> Finished {
    let place = format!("--net={}", network_of(container).display());
    Call::new(Path::new("nsenter")).arg(place).args(&["ip", "-json"]).args(words).finish()
}

/// The global addresses of a device in the container, sorted, with the lengths of their prefixes.
fn addresses(container: &Bundle, device: &str) -> Vec<String> {
    let all = all_addresses(container, device);
    let text = |entry: &Value| {
        format!("{}/{}", entry["local"].as_str().unwrap_or_default(), entry["prefixlen"])
    };
    let mut texts: Vec<_> = all.iter().map(text).collect();
    texts.sort();
    texts
}

fn all_addresses(container: &Bundle, device: &str) -> Vec<Value> {
    let shown = ip_in(container, &["addr", "show", "dev", device]).json();
    let list = shown[0]["addr_info"].as_array().expect("a list of addresses").clone();
    // The kernel adds one of this scope when the device comes up.
    list.into_iter()
        .filter(|entry| entry["family"] != "inet6" || entry["scope"] != "link")
        .collect()
}

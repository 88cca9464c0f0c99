//! Labels of Linux security modules: as the module sees them, or refused where there is no module.

use std::fs;

use behaviour::{Bundle, Finished, runtime};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    selinux_label_of_the_process,
    apparmor_profile_of_the_process,
    selinux_label_of_a_mount,
    empty_labels_are_none,
];

const LABEL: &str = "system_u:system_r:container_t:s0:c1,c2";
const MOUNT_LABEL: &str = "system_u:object_r:container_file_t:s0:c1,c2";

fn selinux_label_of_the_process() {
    let mut bundle = Bundle::new().set("process.selinuxLabel", LABEL);
    if has_module("selinux") {
        let step = "read /proc/self/attr/current";
        assert_eq!(bundle.look(&[step])[step], LABEL);
    } else {
        // Never a container without the label that it was to have.
        names(&bundle.create().fails(), "process.selinuxLabel");
    }
}

fn apparmor_profile_of_the_process() {
    let mut bundle = Bundle::new().set("process.apparmorProfile", "unconfined");
    if has_module("apparmor") {
        let step = "read /proc/self/attr/current";
        assert_eq!(bundle.look(&[step])[step], "unconfined");
    } else {
        names(&bundle.create().fails(), "process.apparmorProfile");
    }
}

fn selinux_label_of_a_mount() {
    let mut bundle = Bundle::new().set("linux.mountLabel", MOUNT_LABEL).tmpfs("/data", &[]);
    if has_module("selinux") {
        let seen = bundle.look(&["mounts"]);
        assert!(seen.filesystem_options("/data").contains("container_file_t"));
    } else {
        // Left out with a warning; another runtime may let the kernel refuse it.
        let said = bundle.create();
        if runtime().is("orun") {
            names(&said.ok(), "linux.mountLabel");
        }
    }
}

fn empty_labels_are_none() {
    let bundle = Bundle::new().set("process.selinuxLabel", "").set("process.apparmorProfile", "");
    let seen = bundle.set("linux.mountLabel", "").look(&["self"]);
    assert_eq!(seen["self"]["pid"], 1);
}

/// The error names the property; the words of another runtime are its own.
fn names(failed: &Finished, property: &str) {
    assert!(!runtime().is("orun") || failed.stderr.contains(property), "{failed}");
}

fn has_module(name: &str) -> bool {
    let list = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    list.trim().split(',').any(|module| module == name)
}

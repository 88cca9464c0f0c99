//! Labels of Linux security modules: as the module sees them, or refused where there is no module.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use behaviour::{Bundle, Call, Finished, runtime};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    selinux_label_of_the_process,
    apparmor_profile_of_the_process,
    apparmor_profile_of_an_exec,
    apparmor_profile_with_no_new_privileges,
    apparmor_profile_that_is_not_loaded,
    selinux_label_of_a_mount,
    empty_labels_are_none,
];

/// What the probe is asked for: its own label.
const CURRENT: &str = "read /proc/self/attr/current";
const LABEL: &str = "system_u:system_r:container_t:s0:c1,c2";
const MOUNT_LABEL: &str = "system_u:object_r:container_file_t:s0:c1,c2";

fn selinux_label_of_the_process() {
    let mut bundle = Bundle::new().set("process.selinuxLabel", LABEL);
    if has_module("selinux") {
        assert_eq!(bundle.look(&[CURRENT])[CURRENT], LABEL);
    } else {
        // Never a container without the label that it was to have.
        names(&bundle.create().fails(), "process.selinuxLabel");
    }
}

fn apparmor_profile_of_the_process() {
    let Some(profile) = Profile::load() else { return refused_without_apparmor() };
    let bundle = Bundle::new().writable().set("process.apparmorProfile", profile.name.clone());
    let seen = bundle.look(&[CURRENT, "write /denied x", "write /allowed x"]);
    assert_eq!(seen[CURRENT], profile.enforced());
    assert_eq!(seen["write /denied x"], "EACCES");
    assert_eq!(seen["write /allowed x"], "ok");
}

fn apparmor_profile_of_an_exec() {
    let Some(profile) = Profile::load() else { return refused_without_apparmor() };
    let unconfined = Bundle::new().writable().sleeping();
    let seen =
        unconfined.exec(&["--apparmor", &profile.name], &[CURRENT, "write /denied x"]).seen();
    assert_eq!(seen[CURRENT], profile.enforced());
    assert_eq!(seen["write /denied x"], "EACCES");
    assert_eq!(unconfined.exec(&[], &[CURRENT]).seen()[CURRENT], "unconfined");

    let confined = Bundle::new().set("process.apparmorProfile", profile.name.clone()).sleeping();
    assert_eq!(confined.exec(&[], &[CURRENT]).seen()[CURRENT], profile.enforced());
}

fn apparmor_profile_with_no_new_privileges() {
    let Some(profile) = Profile::load() else { return refused_without_apparmor() };
    let bundle = Bundle::new().set("process.noNewPrivileges", true);
    let container = bundle.set("process.apparmorProfile", profile.name.clone()).sleeping();
    assert_eq!(container.exec(&[], &[CURRENT]).seen()[CURRENT], profile.enforced());
    let path = format!("/proc/{}/attr/current", container.pid());
    assert_eq!(fs::read_to_string(path).unwrap().trim_end(), profile.enforced());
}

fn apparmor_profile_that_is_not_loaded() {
    let mut bundle = Bundle::new().set("process.apparmorProfile", "nowhere-loaded");
    let failed = bundle.run().fails();
    names(&failed, "process.apparmorProfile");
    assert!(!failed.stdout.contains("self"), "{failed}");
}

/// Never a container without the profile that it was to have.
fn refused_without_apparmor() {
    let mut bundle = Bundle::new().set("process.apparmorProfile", "unconfined");
    names(&bundle.create().fails(), "process.apparmorProfile");
}

/// A profile that allows everything but to write to one file.
struct Profile {
    name: String,
    text: String,
}

impl Profile {
    /// Loads it into the kernel; there is none without AppArmor.
    fn load() -> Option<Profile> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if !has_module("apparmor") {
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("behaviour-{}-{number}", std::process::id());
        let text = format!(
            "profile {name} flags=(attach_disconnected) {{
                file, capability, network, mount, umount, pivot_root, ptrace, signal, unix, dbus,
                audit deny /**denied w,
            }}"
        );
        let profile = Profile { name, text };
        profile.parser("--add");
        Some(profile)
    }

    fn enforced(&self) -> String {
        format!("{} (enforce)", self.name)
    }

    fn parser(&self, action: &str) {
        let parser = Call::new("apparmor_parser".as_ref());
        parser.args(&[action, "--skip-cache"]).stdin(&self.text).finish().ok();
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.parser("--remove");
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

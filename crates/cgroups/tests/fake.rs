//! Directories and files that look like cgroups, for what a machine does not show at will.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use cgroups::{Cause, Hierarchy, Kind, Layout, Plan, Request, Systemd, plan, spec};
use rustix::io::Errno;
use tempfile::TempDir;

/// A hierarchy of version 2 with files, in the top and in `ctr`.
fn v2(top: &[(&str, &str)], files: &[(&str, &str)]) -> (TempDir, Layout) {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("ctr")).unwrap();
    let common = [("cgroup.procs", ""), ("cgroup.freeze", "0\n"), ("cgroup.type", "domain\n")];
    for (file, content) in files.iter().chain(&common) {
        fs::write(root.path().join("ctr").join(file), content).unwrap();
    }
    for (file, content) in top {
        fs::write(root.path().join(file), content).unwrap();
    }
    let layout = layout(root.path().to_str().unwrap(), Kind::V2, &[("", "")]);
    (root, layout)
}

fn layout(root: &str, kind: Kind, hierarchies: &[(&str, &str)]) -> Layout {
    let hierarchy = |(controllers, mount): &(&str, &str)| Hierarchy {
        controllers: (*controllers).to_owned(),
        mount: (*mount).to_owned(),
        own: String::new(),
    };
    Layout::new(root, kind, hierarchies.iter().map(hierarchy).collect())
}

fn planned(layout: &Layout, path: Option<&str>, rootless: bool, json: &str) -> Plan {
    let resources: spec::Resources<'_> = serde_json::from_str(json).unwrap();
    let request =
        Request { path, id: "ctr", resources: Some(&resources), rootless, ..Default::default() };
    plan(layout, &request).unwrap()
}

/// Applies resources to `ctr`, and tells what a file holds then.
fn after(root: &TempDir, layout: &Layout, json: &str, file: &str) -> String {
    let json = format!(r#"{{"devices":[{{"allow":true}}],{json}}}"#);
    let plan = planned(layout, Some("/ctr"), false, &json);
    plan.apply(&plan.create().unwrap()).unwrap();
    fs::read_to_string(root.path().join("ctr").join(file)).unwrap()
}

const ALL: (&str, &str) = ("cgroup.controllers", "cpu io memory pids\n");

#[test]
fn weights_go_to_bfq_where_it_is() {
    let json = r#""blockIO":{"weight":100,"weightDevice":[{"major":8,"minor":0,"weight":1000}]}"#;
    let (root, layout) = v2(&[ALL], &[ALL, ("io.bfq.weight", ""), ("io.weight", "")]);
    assert_eq!(after(&root, &layout, json, "io.bfq.weight"), "1008:0 1000");
    let (root, layout) = v2(&[ALL], &[ALL, ("io.weight", "")]);
    assert_eq!(after(&root, &layout, json, "io.weight"), "9108:0 10000");
    let (_root, layout) = v2(&[ALL], &[ALL]);
    let plan = planned(&layout, Some("/ctr"), true, &format!("{{{json}}}"));
    let error = plan.apply(&plan.create().unwrap()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOENT));
    assert!(error.to_string().contains("ctr/io.weight"), "{error}");
}

#[test]
fn a_period_alone_keeps_the_quota() {
    let (root, layout) = v2(&[ALL], &[ALL, ("cpu.max", "7000 100000\n")]);
    let content = after(&root, &layout, r#""cpu":{"period":50000}"#, "cpu.max");
    assert!(content.starts_with("7000 50000"), "{content}");
}

#[test]
fn no_swap_accounting_is_no_error_when_nothing_is_asked_of_it() {
    for (memory, accepted) in [
        (r#"{"limit":1024,"swap":1024}"#, true),
        (r#"{"limit":1024,"swap":-1}"#, true),
        (r#"{"limit":1024,"swap":2048}"#, false),
    ] {
        let (root, layout) = v2(&[ALL], &[ALL, ("memory.max", "")]);
        let plan = planned(&layout, Some("/ctr"), true, &format!(r#"{{"memory":{memory}}}"#));
        let result = plan.apply(&plan.create().unwrap());
        assert_eq!(result.is_ok(), accepted, "{memory}: {result:?}");
        if accepted {
            assert_eq!(fs::read_to_string(root.path().join("ctr/memory.max")).unwrap(), "1024");
        }
    }
}

#[test]
fn controllers_are_asked_of_the_ancestors_only_when_missing() {
    let control = ("cgroup.subtree_control", "");
    // All there: nothing is written.
    let (root, layout) = v2(&[ALL, control], &[ALL]);
    planned(&layout, Some("/ctr"), true, "{}").create().unwrap().keep();
    let written =
        |root: &TempDir| fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap();
    assert_eq!(written(&root), "");
    // Some missing that nobody needs: asked for, and no error.
    let (root, layout) = v2(&[ALL, control], &[("cgroup.controllers", "cpu\n")]);
    planned(&layout, Some("/ctr"), true, "{}").create().unwrap().keep();
    assert_eq!(written(&root), "+io +memory +pids");
    // Needed, and missing still.
    let pids = r#"{"pids":{"limit":1}}"#;
    let error = planned(&layout, Some("/ctr"), false, pids).create().unwrap_err();
    assert_eq!(error.cause, Cause::NoController { controller: "pids".to_owned() });
    // Needed, and unknown to the machine.
    let huge = r#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#;
    let error = planned(&layout, Some("/ctr"), false, huge).create().unwrap_err();
    assert_eq!(error.cause, Cause::NoController { controller: "hugetlb".to_owned() });
    assert!(root.path().join("ctr").exists(), "what was there before stays");
}

#[test]
fn a_slice_that_others_are_in_is_refused_before_systemd_is_asked() {
    let (root, layout) = v2(&[ALL], &[ALL]);
    let other = root.path().join("pod.slice/other.scope");
    fs::create_dir_all(&other).unwrap();
    fs::write(root.path().join("pod.slice/cgroup.procs"), "").unwrap();
    fs::write(other.join("cgroup.procs"), "1\n").unwrap();
    let systemd = Some(Systemd { user: None, annotations: &[] });
    let path = Some("pod.slice:x:pod.slice");
    let request = Request { path, id: "ctr", systemd, ..Default::default() };
    let error = plan(&layout, &request).unwrap().create().unwrap_err();
    assert_eq!(error.cause, Cause::NotEmpty { processes: 1 });
}

#[test]
fn links_do_not_lead_out() {
    let outside = TempDir::new().unwrap();
    fs::create_dir(outside.path().join("x")).unwrap();
    fs::write(outside.path().join("pids.max"), "").unwrap();
    let (root, layout) = v2(&[ALL], &[ALL, ("pids.max", "")]);
    let target = outside.path().join("pids.max");
    fs::remove_file(root.path().join("ctr/pids.max")).unwrap();
    std::os::unix::fs::symlink(&target, root.path().join("ctr/pids.max")).unwrap();
    let plan = planned(&layout, Some("/ctr"), true, r#"{"pids":{"limit":1}}"#);
    let error = plan.apply(&plan.create().unwrap()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::LOOP), "{error}");
    assert_eq!(fs::read_to_string(target).unwrap(), "");

    // A record that was tampered with is not followed either.
    let mut record = plan.record().clone();
    record.directories[0].path = format!("../{}/x", outside.path().file_name().unwrap().display());
    assert_eq!(record.remove().unwrap_err().cause, Cause::BadPath);
    assert_eq!(record.kill_all(9).unwrap_err().cause, Cause::BadPath);
    record.directories[0].path = String::new();
    assert_eq!(record.remove().unwrap_err().cause, Cause::BadPath);
    assert!(outside.path().join("x").exists());
}

/// sysfs lets nobody make directories, not even root.
const REFUSES: &str = "/sys";

#[test]
fn rootless_goes_on_without_a_cgroup_only_when_nothing_asks_for_one() {
    let pids = r#"{"pids":{"limit":1}}"#;
    let v1 = layout(REFUSES, Kind::V1, &[("pids", "kernel"), ("devices", "module")]);
    let v2 = layout(REFUSES, Kind::V2, &[("", "kernel")]);
    assert!(Path::new("/sys/kernel").exists(), "these tests need sysfs");

    for layout in [&v1, &v2] {
        let plan = planned(layout, None, true, "{}");
        let created = plan.create().unwrap();
        assert!(created.record().directories.is_empty());
        plan.apply(&created).unwrap();
        // Named in the configuration, or not rootless.
        for (path, rootless) in [(Some("/named"), true), (None, false)] {
            let error = planned(layout, path, rootless, "{}").create().unwrap_err();
            assert!(matches!(error.errno(), Some(Errno::PERM | Errno::ACCESS)), "{error}");
            assert!(matches!(error.cause, Cause::Errno(_)), "{error}");
        }
    }
    let plan = planned(&v1, None, true, pids);
    let error = plan.apply(&plan.create().unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot set pids limit: container could not join or create cgroup"),
        "{error}"
    );
    let error = planned(&v2, None, true, pids).create().unwrap_err();
    assert!(
        error.to_string().contains(
            "rootless needs no limits + no cgrouppath when no permission is granted for cgroups"
        ),
        "{error}"
    );
}

//! Scopes of systemd, on a machine that it runs.

use std::fs;
use std::path::Path;

use cgroups::{Kind, Layout, Plan, Request, Systemd, plan};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::*;

/// The layout, if systemd is the system's manager.
fn booted(test: &str) -> Option<Layout> {
    let layout = machine(test)?;
    if !Path::new("/run/systemd/system").is_dir() {
        skip(test, "needs systemd");
        return None;
    }
    Some(layout)
}

fn scope(layout: &Layout, name: &str) -> Plan {
    let path = format!("system.slice:orun-test-{}:{name}", std::process::id());
    let systemd = Some(Systemd { user: None, annotations: &[] });
    let request = Request { path: Some(&path), id: "id", systemd, ..Request::default() };
    plan(layout, &request).unwrap()
}

/// What systemd has of a unit as long as it knows it.
fn file(plan: &Plan) -> String {
    format!("/run/systemd/transient/{}", plan.unit().unwrap())
}

#[test]
fn a_removed_scope_is_forgotten() {
    let Some(layout) = booted("a_removed_scope_is_forgotten") else { return };
    let plan = scope(&layout, "removed");
    for _ in 0..5 {
        let created = plan.create().unwrap();
        exists(&created, true);
        assert!(fs::exists(file(&plan)).unwrap());
        // With this its only process, the one that held it, is killed.
        created.keep().remove().unwrap();
        assert!(!fs::exists(file(&plan)).unwrap(), "systemd has the unit still");
        for (_, path) in plan.record().paths().filter(|_| layout.kind() == Kind::V2) {
            assert!(!fs::exists(&path).unwrap(), "{path}");
        }
    }
}

#[test]
fn a_scope_that_a_killed_create_left_is_forgotten() {
    let Some(layout) = booted("a_scope_that_a_killed_create_left_is_forgotten") else { return };
    let plan = scope(&layout, "killed");
    for _ in 0..5 {
        let created = plan.begin().unwrap();
        let held = created.record().pids().unwrap();
        std::mem::forget(created);
        for pid in held {
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        }
        assert_eq!(plan.record().remove_unused(), Vec::<String>::new());
        assert!(!fs::exists(file(&plan)).unwrap(), "systemd has the unit still");
    }
}

#[test]
fn a_scope_in_use_is_left_alone() {
    let Some(layout) = booted("a_scope_in_use_is_left_alone") else { return };
    let plan = scope(&layout, "used");
    let created = plan.create().unwrap();
    assert!(!plan.record().remove_unused().is_empty());
    assert!(fs::exists(file(&plan)).unwrap());
    exists(&created, true);
    drop(created);
    assert!(!fs::exists(file(&plan)).unwrap(), "systemd has the unit still");
}

//! Groups in a folder that stands for a mounted resctrl.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::state::State;
use crate::store::Store;

/// A folder in the place of a mounted resctrl. Its files do not come by themselves with a new
/// group, as the kernel's do, nor do they go with it.
struct Fake(PathBuf);

impl Fake {
    fn new(name: &str) -> Fake {
        let path = std::env::temp_dir().join(format!("resctrl-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let fake = Fake(path);
        fake.fill("", "    L3:0=fff;1=fff\n    MB:0=100;1=100\n");
        fs::create_dir(fake.0.join("info")).unwrap();
        fake
    }

    fn root(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// What the kernel puts into a group.
    fn fill(&self, group: &str, schemata: &str) {
        let path = self.0.join(group);
        fs::create_dir_all(path.join("mon_groups")).unwrap();
        fs::write(path.join("schemata"), schemata).unwrap();
        fs::write(path.join("tasks"), "").unwrap();
    }

    fn empty(&self, group: &str) {
        let path = self.0.join(group);
        let _ = fs::remove_dir(path.join("mon_groups"));
        for file in ["schemata", "tasks"] {
            let _ = fs::remove_file(path.join(file));
        }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn plan(group: &str, named: bool, schemata: &[&str]) -> IntelRdtPlan {
    let schemata = schemata
        .iter()
        .enumerate()
        .map(|(index, line)| ((*line).to_owned(), format!("linux.intelRdt.schemata[{index}]")));
    IntelRdtPlan { group: group.to_owned(), named, schemata: schemata.collect(), monitoring: None }
}

fn monitored(plan: IntelRdtPlan) -> IntelRdtPlan {
    IntelRdtPlan { monitoring: Some("box".to_owned()), ..plan }
}

#[test]
fn an_own_group_is_made_filled_and_removed() {
    let fake = Fake::new("own");
    let plan = monitored(plan("box", false, &["L3:0=f", "MB:0=20", "L3:1=0f"]));
    let claim = claim(fake.root(), &plan).unwrap();
    assert!(claim.record().owned && !fake.has("box"), "nothing is made before the intent");
    claim.make_group().unwrap();
    fake.fill("box", "");
    claim.write_schemata(&plan).unwrap();
    assert_eq!(fake.read("box/schemata"), "L3:0=f\nMB:0=20\nL3:1=0f\n");
    claim.make_monitoring().unwrap();
    fs::write(fake.0.join("box/mon_groups/box/tasks"), "").unwrap();

    let record = claim.record().clone();
    record.enter(4711).unwrap();
    assert_eq!(fake.read("box/tasks"), "4711");
    assert_eq!(fake.read("box/mon_groups/box/tasks"), "4711");

    fake.empty("box/mon_groups/box");
    fake.empty("box");
    assert_eq!(record.remove().unwrap_err().errno(), Some(Errno::NOTEMPTY), "only rmdir");
    fake.empty("box");
    record.remove().unwrap();
    assert!(!fake.has("box"));
    record.remove().unwrap();
    assert!(!record.exists());
}

#[test]
fn a_named_group_stays() {
    let fake = Fake::new("named");
    let plan = plan("gold", true, &["L3:0=f"]);
    let claim = claim(fake.root(), &plan).unwrap();
    assert!(claim.missing && !claim.record().owned);
    claim.make_group().unwrap();
    claim.record().remove().unwrap();
    assert!(fake.has("gold"));
}

#[test]
fn a_named_group_without_schemata_must_exist() {
    let fake = Fake::new("missing");
    let error = claim(fake.root(), &plan("gold", true, &[])).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("linux.intelRdt.closID"));
    fake.fill("gold", "L3:0=f\n");
    let group = claim(fake.root(), &plan("gold", true, &[])).unwrap();
    let group = group.make(&plan("gold", true, &[])).unwrap();
    group.enter(12).unwrap();
    assert_eq!(fake.read("gold/tasks"), "12");
    assert_eq!(fake.read("gold/schemata"), "L3:0=f\n", "it is not written");
    drop(group);
    assert!(fake.has("gold"));
}

#[test]
fn the_default_group_is_the_root() {
    let fake = Fake::new("root");
    let plan = plan("", true, &["MB:1=100"]);
    let group = claim(fake.root(), &plan).unwrap().make(&plan).unwrap();
    group.enter(7).unwrap();
    assert_eq!(fake.read("tasks"), "7");
    group.keep().unwrap().remove().unwrap();
    assert!(fake.has("schemata"));
}

#[test]
fn an_existing_group_must_match() {
    let fake = Fake::new("match");
    fake.fill("gold", "    L3:0=00f;1=7f0\n    MB:0= 20;1=100\n");
    for good in [
        &["L3:0=f"][..],
        &["L3:1=0x7F0;0=f", "MB:0=20"],
        &[" L3: 0 = 0f ; 1=7f0"],
        &["L3:0=1", "L3:0=f"],
    ] {
        assert!(claim(fake.root(), &plan("gold", true, good)).is_ok(), "{good:?}");
    }
    for (bad, field) in [
        (&["L3:0=ff"][..], 0),
        (&["L3:0=f", "MB:0=30"], 1),
        (&["L3:2=f"], 0),
        (&["L2:0=f"], 0),
        (&["L3:0=f", "L3:0=1"], 1),
    ] {
        let error = claim(fake.root(), &plan("gold", true, bad)).unwrap_err();
        let expected = format!("linux.intelRdt.schemata[{field}]");
        assert_eq!(error.field, Some(expected), "{bad:?}: {error}");
    }
}

#[test]
fn a_group_of_somebody_else_with_the_same_name_stays() {
    let fake = Fake::new("else");
    fake.fill("box", "");
    let record = claim(fake.root(), &plan("box", false, &[])).unwrap().record().clone();
    assert!(!record.owned);
    fake.empty("box");
    record.remove().unwrap();
    assert!(fake.has("box"));
}

#[test]
fn what_fails_is_undone_and_says_why() {
    let fake = Fake::new("undone");
    fs::write(fake.0.join("info/last_cmd_status"), "Mask 0 is too small\n").unwrap();
    // The new group has no schemata file, so that writing it fails.
    for named in [false, true] {
        let plan = plan("box", named, &["L3:0=0"]);
        let error = claim(fake.root(), &plan).unwrap().make(&plan).unwrap_err();
        assert!(error.to_string().contains("(Mask 0 is too small)"), "{error}");
        assert!(!fake.has("box"));
    }
}

#[test]
fn a_failed_create_removes_its_own_group() {
    let fake = Fake::new("dropped");
    let plan = plan("box", false, &[]);
    let group = claim(fake.root(), &plan).unwrap().make(&plan).unwrap();
    assert!(fake.has("box"));
    drop(group);
    assert!(!fake.has("box"));
}

#[test]
fn delete_finds_the_group_of_a_killed_create() {
    let fake = Fake::new("killed");
    let states = Fake::new("killed-states");
    let store = Store::create(states.root()).unwrap();
    fake.fill("gold", "");
    for (group, named, stays) in [("box", false, false), ("gold", true, true)] {
        let plan = plan(group, named, &[]);
        let claim = claim(fake.root(), &plan).unwrap();
        let intent = State {
            id: "box".to_owned(),
            intel_rdt: Some(claim.record().clone()),
            ..State::default()
        };
        store.claim("box", &intent).unwrap();
        claim.make_group().unwrap();
        fake.empty(group);
        drop(claim);
        assert!(fake.has(group));
        crate::delete::delete(&store, "box", true).unwrap();
        assert_eq!(fake.has(group), stays, "{group}");
    }
}

#[test]
fn a_monitoring_group_is_dedicated() {
    let fake = Fake::new("monitoring");
    fs::create_dir_all(fake.0.join("mon_groups/box")).unwrap();
    let error = claim(fake.root(), &monitored(plan("", true, &[]))).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("linux.intelRdt.enableMonitoring"));
    assert!(fake.has("mon_groups/box"));
}

#[test]
fn a_group_is_locked_while_it_is_made() {
    let fake = Fake::new("locked");
    let plan = plan("box", false, &[]);
    let claim = claim(fake.root(), &plan).unwrap();
    let other = fs::File::open(&fake.0).unwrap();
    assert!(rustix::fs::flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    let _group = claim.make(&plan).unwrap();
    rustix::fs::flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
}

#[test]
fn an_update_writes_each_line() {
    let fake = Fake::new("update");
    fake.fill("box", "");
    let record = Record {
        root: fake.root().to_owned(),
        group: format!("{}/box", fake.root()),
        owned: true,
        monitoring: None,
    };
    record.update("L3:0=f\n\n MB:0=50 ").unwrap();
    assert_eq!(fake.read("box/schemata"), "L3:0=f\nMB:0=50\n");
    fs::remove_file(fake.0.join("box/schemata")).unwrap();
    let error = record.update("L3:0=f").unwrap_err().to_string();
    assert!(error.contains("box/schemata: no such file or directory"), "{error}");
}

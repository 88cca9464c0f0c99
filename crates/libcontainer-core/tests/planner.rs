//! Configurations and the plans, or the errors, that they give: `plans/NAME.json` and `plans/NAME.plan`.
//!
//! `UPDATE_PLANS=1` writes the `.plan` files anew.

use std::fs;
use std::path::{Path, PathBuf};

use cgroups::{Hierarchy, Kind, Layout};
use libcontainer_core::create::parse;
use libcontainer_core::plan::{Host, Options, plan};

#[test]
fn configurations_become_these_plans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut configs: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("tests/plans")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    configs.sort();
    assert!(configs.len() >= 30, "only {} configurations", configs.len());
    let mut wrong = Vec::new();
    for config in &configs {
        let text = describe(&fs::read(config).expect("a configuration"), config);
        let expected = config.with_extension("plan");
        if std::env::var_os("UPDATE_PLANS").is_some() {
            fs::write(&expected, &text).expect("write the plan");
        }
        if fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("--- {}\n{text}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "these differ:\n{}", wrong.join("\n"));
}

fn describe(text: &[u8], path: &Path) -> String {
    let named = |word| path.to_string_lossy().contains(word);
    let options = Options {
        id: "box".to_owned(),
        bundle: "/bundle".to_owned(),
        systemd_cgroup: named("systemd"),
        ..Options::default()
    };
    let unified = named("v2");
    let host = Host {
        cgroups: Some(layout(unified)),
        user_manager: None,
        selinux: || true,
        euid: 0,
        egid: 0,
    };
    match parse(text).and_then(|spec| plan(&spec, &options, &host)) {
        Err(error) => format!("error: {error}\n"),
        Ok(plan) => {
            let warnings = plan.warnings.iter().map(|warning| format!("warning: {warning}\n"));
            let lines = plan.lines();
            let lines = lines.iter().map(|(part, text)| format!("{part}: {text}\n"));
            warnings.chain(lines).collect()
        }
    }
}

fn layout(unified: bool) -> Layout {
    let hierarchy = |controllers: &str, mount: &str| Hierarchy {
        controllers: controllers.to_owned(),
        mount: mount.to_owned(),
        own: String::new(),
    };
    if unified {
        return Layout::new("/sys/fs/cgroup", Kind::V2, vec![hierarchy("", "")]);
    }
    let names = [
        ("cpu,cpuacct", "cpu,cpuacct"),
        ("memory", "memory"),
        ("pids", "pids"),
        ("devices", "devices"),
        ("name=systemd", "systemd"),
    ];
    let hierarchies = names.map(|(controllers, mount)| hierarchy(controllers, mount)).to_vec();
    Layout::new("/sys/fs/cgroup", Kind::V1, hierarchies)
}

//! Any bytes are refused as a configuration, or planned, or refused by the planner; and a plan can be shown.
#![no_main]

use std::sync::LazyLock;

use cgroups::{Hierarchy, Kind, Layout};
use libcontainer_core::create::parse;
use libcontainer_core::plan::{Host, Options, plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(spec) = parse(data) else { return };
    for host in HOSTS.iter() {
        match plan(&spec, &OPTIONS, host) {
            Ok(plan) => {
                std::hint::black_box((plan.lines(), plan.to_json().to_string()));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

static OPTIONS: LazyLock<Options> = LazyLock::new(|| Options {
    id: "box".to_owned(),
    bundle: "/bundle".to_owned(),
    ..Options::default()
});

static HOSTS: LazyLock<[Host; 2]> = LazyLock::new(|| {
    [
        Host { cgroups: Some(layout(false)), user_manager: None, selinux: || true, euid: 0, egid: 0 },
        Host { cgroups: Some(layout(true)), user_manager: None, selinux: || true, euid: 1000, egid: 1000 },
    ]
});
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

//! Containers of an ordinary user: no rights on the machine, and no permission for cgroups.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use behaviour::ordinary_user::{GRANTED, USER, grant_ids};
use behaviour::{Bundle, Pty, Seen, host};
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    the_written_configuration_is_valid,
    the_user_is_root_inside,
    namespaces_are_new_but_for_the_network,
    what_is_written_belongs_to_the_user,
    the_usual_devices_are_there,
    a_terminal,
    hooks_run_as_the_user,
    exec_joins_all_namespaces,
    the_state_is_in_the_users_runtime_directory,
    it_stays_in_the_callers_cgroups,
    a_cgroup_namespace_of_its_own,
    statistics_without_a_cgroup,
    without_a_cgroup_and_a_pid_namespace_there_is_a_warning,
    a_limit_without_permission_is_an_error,
    a_cgroup_path_without_permission_is_an_error,
    cgroups_can_not_be_written,
    delegated_cgroups_can_not_be_written,
    a_user_namespace_is_needed,
    a_user_that_is_not_mapped_is_an_error,
    other_groups_need_setgroups,
    many_ids_are_mapped_by_newuidmap,
    mapped_groups_are_set,
    exec_as_another_mapped_user,
    a_missing_newuidmap_is_an_error,
    ids_that_are_not_granted_are_an_error,
];

fn the_written_configuration_is_valid() {
    let bundle = Bundle::rootless();
    bundle.call("validate").args(&["--strict", "--bundle"]).arg(bundle.path()).finish().ok();
}

fn the_user_is_root_inside() {
    let steps = ["self", "read /proc/self/uid_map", "read /proc/self/gid_map", "namespaces"];
    let seen = Bundle::rootless().look(&steps);
    assert_eq!([&seen["self"]["uid"], &seen["self"]["gid"]], [0, 0]);
    for map in [steps[1], steps[2]] {
        assert_eq!(lines(&seen, map), [[0, USER, 1]]);
    }
    assert_ne!(seen["namespaces"]["user"], host::namespace("self", "user"));
}

fn namespaces_are_new_but_for_the_network() {
    let seen = Bundle::rootless().look(&["namespaces"]);
    for kind in ["pid", "ipc", "uts", "user"] {
        assert_ne!(seen["namespaces"][kind], host::namespace("self", kind), "{kind}");
    }
    assert_ne!(seen["namespaces"]["mnt"], host::namespace("thread-self", "mnt"));
    assert_eq!(seen["namespaces"]["net"], host::namespace("self", "net"));
}

fn what_is_written_belongs_to_the_user() {
    let mut bundle = Bundle::rootless().writable().steps(&["write /tmp/new text"]);
    bundle.run().ok();
    assert_eq!(bundle.read("/tmp/new"), "text");
    assert_eq!(fs::metadata(bundle.rootfs().join("tmp/new")).unwrap().uid(), USER);
}

fn the_usual_devices_are_there() {
    let names = ["null", "zero", "full", "random", "urandom", "tty"];
    let steps: Vec<_> = names.iter().map(|name| format!("stat /dev/{name}")).collect();
    let mut steps: Vec<_> = steps.iter().map(String::as_str).collect();
    steps.push("open /dev/null rw");
    let seen = Bundle::rootless().look(&steps);
    for (name, minor) in names.into_iter().zip([3, 5, 7, 8, 9, 0]) {
        assert_eq!(seen[format!("stat /dev/{name}").as_str()]["minor"], minor, "{name}");
    }
    assert_eq!(seen["open /dev/null rw"], "ok");
}

fn a_terminal() {
    let bundle = Bundle::rootless().set("process.terminal", true).steps(&["tty"]);
    let (mut ours, theirs) = Pty::open(24, 80);
    bundle.run_call(&[]).on_terminal(&theirs).finish().ok();
    drop(theirs);
    let seen = Seen::parse(ours.read_to_end());
    assert_eq!(seen["tty"]["terminals"], json!([true, true, true]));
    assert_eq!(seen["tty"]["name"], "/dev/pts/0");
}

fn hooks_run_as_the_user() {
    let bundle = Bundle::rootless();
    let log = bundle.scratch("session/log");
    let args = ["probe", "stdin", &format!("write {} hooked", log.display())];
    let probe = bundle.probe();
    let mut bundle = bundle.hook("createRuntime", &probe, &args).steps(&["exit 0"]);
    bundle.run().ok();
    assert_eq!(fs::metadata(&log).unwrap().uid(), USER);
}

fn exec_joins_all_namespaces() {
    let container = Bundle::rootless().sleeping();
    let seen = container.exec(&[], &["namespaces", "self"]).seen();
    for kind in ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"] {
        let expected = host::namespace(&container.pid().to_string(), kind);
        assert_eq!(seen["namespaces"][kind], expected, "{kind}");
    }
    assert_eq!(seen["self"]["uid"], 0);
    container.exec(&[], &["exit 42"]).exits(42);
}

fn the_state_is_in_the_users_runtime_directory() {
    let mut container = Bundle::rootless().sleeping();
    let folder = container.root().join(&container.id);
    assert!(folder.starts_with(container.scratch("session")));
    assert_eq!(fs::metadata(&folder).unwrap().uid(), USER);
    assert_eq!(container.status(), "running");
    assert_eq!(container.call("list").arg("--quiet").finish().ok().stdout.trim(), container.id);
    container.kill("KILL").ok();
    container.wait_for("stopped");
    container.delete().ok();
    container.call_with("state", &[]).finish().fails();
    assert!(!folder.exists());
}

fn it_stays_in_the_callers_cgroups() {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let container = Bundle::rootless().sleeping();
    // From outside: version 2 comes with a cgroup namespace.
    let seen = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
    assert_eq!(seen, own);
}

fn a_cgroup_namespace_of_its_own() {
    let seen =
        Bundle::rootless().without_namespace("cgroup").namespace("cgroup").look(&["namespaces"]);
    assert_ne!(seen["namespaces"]["cgroup"], host::namespace("self", "cgroup"));
}

/// There is nothing to count by, but also nothing wrong.
fn statistics_without_a_cgroup() {
    let mut container = Bundle::rootless().sleeping();
    let once = container.call("events").arg("--stats").arg(&container.id).finish().ok();
    let line: Value = serde_json::from_str(&once.stdout).unwrap();
    assert_eq!((&line["type"], &line["id"]), (&json!("stats"), &json!(container.id)));
    assert_eq!(line["data"]["hugetlb"], json!({}));
    let events = container.call("events").args(&["--interval", "200ms"]).arg(&container.id).spawn();
    std::thread::sleep(Duration::from_secs(1));
    container.delete_force().ok();
    assert!(events.wait().ok().stdout.lines().count() >= 2);
}

/// Nothing holds its processes together when their first one ends.
fn without_a_cgroup_and_a_pid_namespace_there_is_a_warning() {
    const WARNING: &str = "Such configuration is strongly discouraged";
    let mut bundle = Bundle::rootless();
    assert!(!bundle.run().ok().stderr.contains(WARNING));
    let bundle = bundle.without_namespace("pid").without_mounts("/proc");
    // A new procfs would show a pid namespace that is not the user's.
    let mut bundle =
        bundle.bind("/proc".as_ref(), "/proc", &["rbind", "nosuid", "nodev", "noexec"]);
    let done = bundle.run().ok();
    assert!(done.stderr.contains(WARNING), "{done}");
}

fn a_limit_without_permission_is_an_error() {
    let limit = json!({ "pids": { "limit": 10 } });
    let mut bundle = Bundle::rootless().set("linux.resources", limit);
    let error = bundle.run().fails().stderr;
    assert!(
        error.contains("cannot set pids limit: container could not join or create cgroup")
            || error.contains("rootless needs no limits + no cgrouppath"),
        "{error}"
    );
}

fn a_cgroup_path_without_permission_is_an_error() {
    let bundle = Bundle::rootless();
    let id = bundle.id.clone();
    let mut bundle = bundle.set("linux.cgroupsPath", format!("/{id}"));
    let error = bundle.run().fails_with(&id).stderr;
    // Version 2 of cgroups has one error for the lot.
    assert!(
        error.contains(&format!("/{id}: permission denied"))
            || error.contains("rootless needs no limits + no cgrouppath"),
        "{error}"
    );
}

fn cgroups_can_not_be_written() {
    let roots: Vec<_> = ["/sys/fs/cgroup".into()]
        .into_iter()
        .chain(host::names_in(Path::new("/sys/fs/cgroup")).into_iter().map(below_cgroup))
        .filter(|path| Path::new(path).is_dir())
        .collect();
    nothing_is_writable(Bundle::rootless(), &roots);
}

fn delegated_cgroups_can_not_be_written() {
    let bundle = Bundle::rootless();
    let delegated = Delegated::to_user(&bundle.id);
    nothing_is_writable(bundle, &delegated.paths());
}

fn a_user_namespace_is_needed() {
    let nothing = json!([]);
    let bundle = Bundle::rootless().without_namespace("user");
    let mut bundle =
        bundle.set("linux.uidMappings", nothing.clone()).set("linux.gidMappings", nothing);
    let error = bundle.run().fails().stderr.replace('\\', "");
    assert!(error.contains("user namespace") || error.contains("of type \"user\""), "{error}");
}

fn a_user_that_is_not_mapped_is_an_error() {
    Bundle::rootless().set("process.user.uid", 1000).run().fails_with("process.user.uid");
}

fn other_groups_need_setgroups() {
    let mut bundle = Bundle::rootless().set("process.user.additionalGids", json!([0]));
    bundle.run().fails_with("process.user.additionalGids");
}

fn many_ids_are_mapped_by_newuidmap() {
    let bundle = mapped();
    let _granted = grant_ids(&bundle);
    let user = json!({ "uid": 1000, "gid": 1000 });
    let bundle = bundle.writable().set("process.user", user).mode("/tmp", 0o1777);
    let steps = ["self", "read /proc/self/uid_map", "read /proc/self/gid_map", "write /tmp/new x"];
    let mut bundle = bundle.steps(&steps);
    let seen = bundle.run().seen();
    assert_eq!([&seen["self"]["uid"], &seen["self"]["gid"]], [1000, 1000]);
    for map in [steps[1], steps[2]] {
        assert_eq!(lines(&seen, map), [[0, USER, 1], [1, GRANTED, 65_536]]);
    }
    let file = fs::metadata(bundle.rootfs().join("tmp/new")).unwrap();
    assert_eq!([file.uid(), file.gid()], [GRANTED + 999; 2]);
}

fn mapped_groups_are_set() {
    let bundle = mapped();
    let _granted = grant_ids(&bundle);
    let seen = bundle.set("process.user.additionalGids", json!([5, 1000])).look(&["self"]);
    assert_eq!(seen["self"]["groups"], json!([5, 1000]));
}

fn exec_as_another_mapped_user() {
    let bundle = mapped();
    let _granted = grant_ids(&bundle);
    let mut container = bundle.sleeping();
    let seen = container.exec(&["--user", "1000:2000"], &["self"]).seen();
    assert_eq!([&seen["self"]["uid"], &seen["self"]["gid"]], [1000, 2000]);
    container.delete_force().ok();
}

fn a_missing_newuidmap_is_an_error() {
    let mut bundle = mapped();
    let _granted = grant_ids(&bundle);
    let nothing = bundle.host_file("no-program", "");
    let _hidden = host::Mount::bind(&nothing, newuidmap());
    bundle.run().fails_with("newuidmap").fails_with("linux.uidMappings");
}

fn ids_that_are_not_granted_are_an_error() {
    let bundle = mapped();
    let _granted = grant_ids(&bundle);
    let mut bundle = bundle.set("linux.uidMappings.1.hostID", GRANTED - 1);
    bundle.run().fails_with("newuidmap").fails_with("linux.uidMappings");
}

/// A bundle that maps the user to root, and the ids which are granted to the next ones.
fn mapped() -> Bundle {
    let map = json!([
        { "containerID": 0, "hostID": USER, "size": 1 },
        { "containerID": 1, "hostID": GRANTED, "size": 65_536 },
    ]);
    Bundle::rootless().set("linux.uidMappings", map.clone()).set("linux.gidMappings", map)
}

fn newuidmap() -> PathBuf {
    let mut places =
        ["/usr/bin", "/bin"].into_iter().map(|folder| Path::new(folder).join("newuidmap"));
    places.find(|place| place.exists()).expect("the package uidmap is installed")
}

/// Looks for a file that can be written, or a folder that takes another one.
fn nothing_is_writable(bundle: Bundle, folders: &[String]) {
    let files = ["cgroup.procs", "tasks", "notify_on_release", "release_agent"];
    let mut steps = vec!["list /sys/fs/cgroup".to_owned()];
    for folder in folders {
        steps.push(format!("mkdir {folder}/{}", bundle.id));
        steps.extend(files.map(|file| format!("open {folder}/{file} w")));
    }
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    let seen = bundle.look(&steps);
    for step in &steps[1..] {
        let answer = seen[*step].as_str().unwrap();
        assert!(["EROFS", "EACCES", "EPERM", "ENOENT"].contains(&answer), "{step}: {answer}");
    }
}

fn below_cgroup(name: String) -> String {
    format!("/sys/fs/cgroup/{name}")
}

/// A cgroup in each hierarchy that belongs to the user, until it is dropped. Its name is not the
/// container's id with all of its letters, which would be one that the container left behind.
struct Delegated(Vec<PathBuf>);

impl Delegated {
    fn to_user(name: &str) -> Delegated {
        let unified = Path::new("/sys/fs/cgroup");
        let hierarchies: Vec<_> = if unified.join("cgroup.procs").exists() {
            vec![unified.to_owned()]
        } else {
            host::names_in(unified).into_iter().map(|name| unified.join(name)).collect()
        };
        let paths: Vec<_> = hierarchies
            .into_iter()
            .filter(|path| path.join("cgroup.procs").exists())
            .map(|path| path.join(format!("delegated-{}", name.trim_end_matches("-end"))))
            .collect();
        for path in &paths {
            fs::create_dir(path).unwrap();
            chown(path, Some(USER), Some(USER)).unwrap();
            for file in host::names_in(path) {
                chown(path.join(file), Some(USER), Some(USER)).unwrap();
            }
        }
        Delegated(paths)
    }

    fn paths(&self) -> Vec<String> {
        self.0.iter().map(|path| path.display().to_string()).collect()
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        for path in &self.0 {
            for entry in host::names_in(path) {
                let _ = fs::remove_dir(path.join(entry));
            }
            let _ = fs::remove_dir(path);
        }
    }
}

/// The numbers in each line of an answer.
fn lines(seen: &Seen, step: &str) -> Vec<Vec<u32>> {
    let numbers = |line: &str| line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    seen[step].as_str().unwrap().lines().map(numbers).collect()
}

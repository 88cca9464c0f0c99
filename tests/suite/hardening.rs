//! Odd input and hostile programs: users, ids, paths, processes, the runtime's own program.

use std::fs;
use std::path::{Path, PathBuf};

use behaviour::old_kernel::Kernel;
use behaviour::{Bundle, Call, Pty, Seen, copy_program, host, names, runtime};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    exec_refuses_odd_users,
    a_numeric_user_name_is_no_user,
    unprivileged_users_keep_nothing,
    ids_are_checked_by_create,
    ids_are_checked_by_every_command,
    delete_of_dots_removes_nothing,
    a_cgroups_path_with_dots,
    a_pid_that_was_reused,
    a_pid_that_was_reused_with_the_state_on_a_disk,
    a_terminal_cannot_be_typed_into,
    the_session_keyring_is_its_own,
    no_mount_namespace_leaves_the_host_alone,
    the_runtimes_program_cannot_be_overwritten,
    the_runtime_as_program_of_the_container,
    a_copy_that_cannot_be_sealed_at_once,
    the_rootfs_of_a_neighbour_is_unreachable,
];

fn exec_refuses_odd_users() {
    let bundle = Bundle::new();
    let container = bundle.file("/etc/passwd", "root:x:0:0::/:/\n1000:x:0:0::/:/\n").sleeping();
    let odd =
        ["-1", "4294967295", "4294967296", "1:", "", "1 ", "+1", "0x1", "abc", "1:2:3", "1:abc"];
    for user in odd {
        let done = container.exec(&["--user", user], &["self"]);
        assert_ne!(done.code(), 0, "user {user:?} was accepted: {done}");
    }
}

fn a_numeric_user_name_is_no_user() {
    let users = "root:x:0:0::/:/\n1000:x:0:0::/:/\n";
    let container = Bundle::new().file("/etc/passwd", users).sleeping();
    for (user, uid) in [("1", 1), ("1000", 1000), ("1000:1000", 1000)] {
        assert_eq!(container.exec(&["--user", user], &["self"]).seen()["self"]["uid"], uid);
    }
    let seen =
        Bundle::new().file("/etc/passwd", users).set("process.user.uid", 1000).look(&["self"]);
    assert_eq!(seen["self"]["uid"], 1000);
}

fn unprivileged_users_keep_nothing() {
    let names: Vec<_> =
        ["CHOWN", "DAC_OVERRIDE", "SYS_ADMIN"].iter().map(|name| format!("CAP_{name}")).collect();
    let sets = json!({ "bounding": names, "effective": names, "permitted": names });
    let bundle = Bundle::new().set("process.capabilities", sets).set("process.user.uid", 1000);
    let seen = bundle.look(&["self", "open /etc/passwd w"]);
    for set in ["effective", "permitted", "inheritable", "ambient"] {
        assert_eq!(seen["self"]["caps"][set], json!([]), "{set}");
    }
    assert_eq!(seen["open /etc/passwd w"], "EACCES");
}

/// What is no id; with the container's own in it, so that it can be found if it is taken for one.
fn no_ids(id: &str) -> Vec<String> {
    let mut ids = vec!["..".to_owned(), ".".to_owned(), String::new(), format!("../state/{id}")];
    let letters = ["/", "\\", " ", "\t", "\n", "ü", ";", "*", "%", "\u{1b}"];
    ids.extend(letters.iter().map(|letter| format!("{id}{letter}b")));
    ids.push(format!("{id}{}", "x".repeat(1025)));
    ids
}

fn ids_are_checked_by_create() {
    let mut bundle = Bundle::new();
    bundle.create().ok();
    let before = host::names_in(&bundle.root());
    for id in no_ids(&bundle.id) {
        let done = bundle.call("create").arg("--bundle").arg(bundle.path()).arg(&id).finish();
        assert_ne!(done.code(), 0, "{id:?} was accepted");
        assert_eq!(host::names_in(&bundle.root()), before, "{id:?}");
    }
}

fn ids_are_checked_by_every_command() {
    let bundle = Bundle::new().created();
    let outside = bundle.host_folder("precious");
    // The word behind the id, which each command takes for something that succeeds.
    let commands = [
        ("state", None),
        ("start", None),
        ("exec", Some("/bin/probe")),
        ("ps", None),
        ("pause", None),
        ("update", Some("--pids-limit=9")),
        ("kill", Some("0")),
        ("delete", None),
    ];
    for (command, word) in commands {
        for id in no_ids(&bundle.id).into_iter().chain(["../precious".to_owned()]) {
            let call = bundle.call(command).arg(&id);
            let done = word.into_iter().fold(call, Call::arg).finish();
            assert_ne!(done.code(), 0, "{command} accepted {id:?}");
        }
    }
    assert!(outside.is_dir());
    assert_eq!(bundle.status(), "created");
}

fn delete_of_dots_removes_nothing() {
    let bundle = Bundle::new().created();
    let precious = bundle.host_folder("precious");
    for id in ["..", ".", "../precious", "../../precious", &format!("../state/{}", bundle.id)] {
        let _ = bundle.call("delete").args(&["--force", id]).finish();
    }
    assert!(precious.is_dir());
    assert!(bundle.rootfs().is_dir());
    assert_eq!(bundle.status(), "created");
}

fn a_cgroups_path_with_dots() {
    let bundle = Bundle::new();
    let (outside, id) = (bundle.host_folder("outside"), bundle.id.clone());
    let path = format!("../../../../../../../..{}/{id}", outside.display());
    let mut bundle = bundle.set("linux.cgroupsPath", path);
    let _ = bundle.create();
    assert_eq!(host::names_in(&outside), [""; 0]);
    let _ = bundle.delete_force();
    // A clamped path leaves its parents, as runtimes do; they are the test's to remove.
    let parents: Vec<PathBuf> = outside.ancestors().take(4).map(PathBuf::from).collect();
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        for parent in &parents {
            let inside = parent.strip_prefix("/").unwrap();
            let _ = fs::remove_dir(hierarchy.path().join(inside));
        }
    }
}

fn a_pid_that_was_reused() {
    tell_from_another(Bundle::new());
}

/// The next boot may give the same ids again, and the same handles on them.
fn a_pid_that_was_reused_with_the_state_on_a_disk() {
    let bundle = Bundle::new();
    let Some(_disk) = host::Mount::overlay(bundle.root()) else { return };
    tell_from_another(bundle);
}

fn tell_from_another(bundle: Bundle) {
    let mut container = bundle.sleeping();
    let (init, victim) = (container.pid(), Call::new("/bin/sleep".as_ref()).arg("60").spawn());
    let pid = rustix::process::Pid::from_raw(init).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    container.wait_for("stopped");
    point_state_at(&container, init, victim.pid());
    assert_eq!(container.status(), "stopped");
    container.kill("KILL").fails();
    container.delete_force().ok();
    assert!(host::is_running(victim.pid()));
    victim.signal("KILL");
}

/// Replaces a process id in the state, wherever the runtime keeps it.
fn point_state_at(container: &Bundle, old: i32, new: i32) {
    let mut replaced = 0;
    for entry in fs::read_dir(container.root().join(&container.id)).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        let edited = text.replace(&old.to_string(), &new.to_string());
        replaced += usize::from(edited != text);
        fs::write(entry.path(), edited).unwrap();
    }
    assert!(replaced > 0, "the state does not hold the process id {old}");
}

fn a_terminal_cannot_be_typed_into() {
    let (outer, other) = Pty::open(24, 80);
    let bundle = Bundle::new().steps(&["type x", "self"]);
    let output = fs::File::create(bundle.scratch("out")).unwrap();
    let (input, error) = (other.try_clone().unwrap(), output.try_clone().unwrap());
    let call = bundle.run_call(&[]).on_terminal(&other).stdio(input, output.into(), error.into());
    call.finish().ok();
    let seen = Seen::parse(&fs::read_to_string(bundle.scratch("out")).unwrap());
    assert_ne!(seen["type x"], "ok");
    assert_eq!(seen["self"]["sid"], 1);
    drop(outer);
}

fn the_session_keyring_is_its_own() {
    let bundle = Bundle::new().without("linux.maskedPaths");
    let ring = format!("_ses.{}", bundle.id);
    let seen = bundle.look(&["read /proc/keys"]);
    let text = seen["read /proc/keys"].as_str().unwrap();
    assert!(text.contains(&ring), "{text}");
}

fn no_mount_namespace_leaves_the_host_alone() {
    let mut bundle = Bundle::new().without_namespace("mount");
    let before = host::mounts();
    let _ = bundle.run();
    assert_eq!(host::mounts(), before);
}

/// CVE-2019-5736: the container gets hold of the runtime's program while it enters, and writes to
/// it when it has ended.
fn the_runtimes_program_cannot_be_overwritten() {
    under_attack(|program, attacker, inside| {
        let call = Call::new(program).arg("--root").arg(attacker.root());
        let _ = call.args(&["exec", &attacker.id, inside, "exit 0"]).finish().code();
    });
}

/// The same of a neighbour's `run`, which is in sight from the clone on.
fn the_runtime_as_program_of_the_container() {
    under_attack(|program, attacker, inside| {
        let path = format!("/proc/{}/ns/pid", attacker.pid());
        let neighbour = attacker.beside().join("pid", path).set("process.args", json!([inside]));
        let neighbour = neighbour.file(SCRIPT, "#!/proc/self/exe\n").mode(SCRIPT, 0o755);
        neighbour.create_call(&[]);
        let call = Call::new(program).arg("--root").arg(neighbour.root()).arg("run");
        let _ = call.arg("--bundle").arg(neighbour.path()).arg(&neighbour.id).finish().code();
    });
}

const SCRIPT: &str = "/bin/script";

/// Has a copy of the runtime come by while a container collects and overwrites all programs that it
/// sees: itself as the program, as that of a script, and before another one.
fn under_attack(come_by: impl Fn(&Path, &Bundle, &str)) {
    let bundle = with_all_capabilities(Bundle::new()).set("process.noNewPrivileges", false);
    let bundle = bundle.file(SCRIPT, "#!/proc/self/exe\n").mode(SCRIPT, 0o755);
    let program = bundle.scratch("runtime");
    copy_program(&runtime().path(), &program);
    let before = fs::read(&program).unwrap();
    let attacker = bundle.writable().steps(&["overwrite 1500", "sleep"]).started();
    for inside in ["/proc/self/exe", SCRIPT, "/bin/probe"].iter().cycle().take(30) {
        come_by(&program, &attacker, inside);
    }
    attacker.output().wait_for("asleep");
    let seen = &Seen::parse(&attacker.output().text())["overwrite 1500"];
    assert_ne!(seen["found"], 0, "it saw no program of the runtime");
    assert_eq!(seen["written"], 0, "{seen:?}");
    assert!(fs::read(&program).unwrap() == before, "the runtime's program was changed");
}

/// The kernel refuses to seal a memfd while it holds one of its pages, as when it moves memory.
fn a_copy_that_cannot_be_sealed_at_once() {
    let bundle = Bundle::new().steps(&["print run"]);
    bundle.create_call(&[]);
    let log = bundle.scratch("calls");
    let call = Call::new(Path::new("strace")).args(&["-o"]).arg(&log);
    // One that has no copies of mounts, which are tried first.
    let call = call.kernel(Kernel::Linux4_18).args(&["-e", "trace=fcntl"]);
    let call = call.args(&["-e", "inject=fcntl:error=EBUSY:when=2..3"]).arg(runtime().path());
    let call = call.arg("--root").arg(bundle.root()).args(&["run", "--bundle"]);
    call.arg(bundle.path()).arg(&bundle.id).finish().ok();
    let calls = fs::read_to_string(&log).unwrap();
    let refused = |line: &str| line.contains("F_ADD_SEALS") && line.contains("EBUSY");
    assert!(calls.lines().any(refused), "{calls}");
}

fn with_all_capabilities(bundle: Bundle) -> Bundle {
    let own = rustix::thread::capabilities(None).unwrap().permitted;
    let names: Vec<_> =
        (0..64).filter(|bit| own.bits() >> bit & 1 == 1).map(names::capability).collect();
    let sets = json!({ "bounding": names, "effective": names, "permitted": names });
    bundle.set("process.capabilities", sets)
}

fn the_rootfs_of_a_neighbour_is_unreachable() {
    let first = Bundle::new().file("/secret", "of the first").sleeping();
    let process = format!("read /proc/{}/root/secret", first.pid());
    let above = format!("read /..{}", first.rootfs().join("secret").display());
    let seen = first.beside().look(&[&process, &above]);
    assert_eq!([&seen[process.as_str()], &seen[above.as_str()]], ["ENOENT"; 2]);
}

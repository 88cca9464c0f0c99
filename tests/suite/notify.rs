//! `NOTIFY_SOCKET`: a container says that it is ready, and systemd hears of it (`sd_notify(3)`).

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use behaviour::{Bundle, Call, host};
use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    start_waits_until_the_container_is_ready,
    run_detached_waits_too,
    run_detached_that_is_asked_to_end_leaves_nothing,
    run_in_the_foreground_is_the_main_process,
    start_goes_on_when_the_container_ends_unready,
    the_directory_is_read_only,
    a_socket_that_is_not_there_is_an_error,
    without_the_variable_there_is_nothing,
    delete_removes_the_directory,
];

/// Who listens at the caller's socket, as systemd does.
struct Listener {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Listener {
    fn new(bundle: &Bundle) -> Listener {
        let path = bundle.scratch("systemd");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Listener { socket, path }
    }

    fn given_to(&self, call: Call) -> Call {
        call.env("NOTIFY_SOCKET", &self.path)
    }

    /// The next datagram; a descriptor that comes with it is closed, which ends a barrier.
    fn hear(&self) -> String {
        let mut buffer = [0; 512];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut descriptors = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let heard =
            recvmsg(&self.socket, &mut parts, &mut descriptors, RecvFlags::empty()).unwrap();
        String::from_utf8_lossy(&buffer[..heard.bytes]).into_owned()
    }

    fn hears_that_it_is_ready(&self, main: i32) {
        assert_eq!(self.hear().trim_end(), "READY=1");
        assert_eq!(self.hear().trim_end(), format!("MAINPID={main}"));
        assert_eq!(self.hear().trim_end(), "BARRIER=1");
    }
}

fn ready() -> Bundle {
    // The directory must exist in the image, whose root is read-only.
    Bundle::new().folder("/run/notify").steps(&["sleep 200", "notify READY=1", "sleep"])
}

/// A container whose `start` has returned, after the listener heard that it is ready.
fn started() -> Bundle {
    let mut container = ready();
    let listener = Listener::new(&container);
    let call = listener.given_to(container.create_call(&[]));
    container.creates(call).ok();
    let starting = listener.given_to(container.call_with("start", &[])).spawn();
    listener.hears_that_it_is_ready(container.pid());
    starting.wait().ok();
    container
}

fn start_waits_until_the_container_is_ready() {
    let container = started();
    assert_eq!(container.status(), "running");
}

fn run_detached_waits_too() {
    let mut container = ready();
    let listener = Listener::new(&container);
    let running = listener.given_to(container.run_call(&["--detach"])).spawn();
    assert_eq!(listener.hear().trim_end(), "READY=1");
    assert_eq!(listener.hear().trim_end(), format!("MAINPID={}", container.pid()));
    assert_eq!(listener.hear().trim_end(), "BARRIER=1");
    running.wait().ok();
    container.delete_force().ok();
}

fn run_detached_that_is_asked_to_end_leaves_nothing() {
    let container = ready().steps(&["sleep"]);
    let listener = Listener::new(&container);
    let running = listener.given_to(container.run_call(&["--detach"])).spawn();
    host::eventually("the state", || container.call_with("state", &[]).finish().code() == 0);
    container.wait_for("running");
    running.signal("TERM");
    running.wait().exits(143);
    container.call_with("state", &[]).finish().fails();
}

fn run_in_the_foreground_is_the_main_process() {
    let container = ready().steps(&["notify READY=1", "sleep 100", "exit 5"]);
    let listener = Listener::new(&container);
    let running = listener.given_to(container.run_call(&[])).spawn();
    listener.hears_that_it_is_ready(running.pid());
    assert_eq!(running.wait().code(), 5);
}

fn start_goes_on_when_the_container_ends_unready() {
    let mut container = ready().steps(&["notify STATUS=busy", "exit 0"]);
    let listener = Listener::new(&container);
    let call = listener.given_to(container.create_call(&[]));
    container.creates(call).ok();
    listener.given_to(container.call_with("start", &[])).finish().ok();
}

fn the_directory_is_read_only() {
    let container = ready().steps(&["write /run/notify/other x", "mounts", "notify READY=1"]);
    let listener = Listener::new(&container);
    let running = listener.given_to(container.run_call(&[])).spawn();
    listener.hears_that_it_is_ready(running.pid());
    let seen = running.wait().seen();
    assert_eq!(seen["write /run/notify/other x"], "EROFS");
    let options = seen.mount("/run/notify")["options"].as_array().unwrap();
    for word in ["nosuid", "nodev", "noexec"] {
        assert!(options.iter().any(|option| option == word), "{options:?}");
    }
}

fn a_socket_that_is_not_there_is_an_error() {
    let mut container = ready();
    let nowhere = container.scratch("nowhere");
    let call = container.create_call(&[]).env("NOTIFY_SOCKET", &nowhere);
    container.creates(call).ok();
    let started = container.call_with("start", &[]).env("NOTIFY_SOCKET", &nowhere).finish();
    started.fails_with("no such file or directory");
}

fn without_the_variable_there_is_nothing() {
    let seen = ready().look(&["self", "mounts"]);
    let env = seen["self"]["env"].as_array().unwrap();
    assert!(!env.iter().any(|entry| entry.as_str().unwrap().starts_with("NOTIFY")), "{env:?}");
}

fn delete_removes_the_directory() {
    let mut container = started();
    container.delete_force().ok();
    assert!(!container.root().join(&container.id).exists());
}

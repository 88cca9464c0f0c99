//! Recording which system calls a run needs (`run --record-seccomp`): its filter asks about every call.
//!
//! A process of the runtime lets each call pass and remembers it. It is a process of its own, so
//! that calls are answered while `run` waits for the container init, and after a `run` that was
//! killed. It ends when nobody has the filter any more (`POLLHUP`, Linux 5.9).
//!
//! The calls that the init makes after the filter is loaded are among them, so that the profile
//! allows what the runtime itself needs.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ::namespaces::{CloneError, CloneRequest, Fork};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use seccomp::record::Recording;
use seccomp::{Arch, Filter, notify};

use crate::error::{At, Error, Result};
use crate::init::left::settle_descriptors;
use crate::listener;
use crate::plan::CreatePlan;
use crate::step::Step;
use crate::sync::Pipe;
use crate::sys;
use crate::whole::{read_all, write_all};

/// Where the calls of a run are collected, and the file that gets the profile.
#[derive(Debug)]
pub struct Recorder {
    path: String,
    file: OwnedFd,
    /// The end of the recorder is the question for the record, and gets it.
    ours: OwnedFd,
    theirs: OwnedFd,
    /// Whether a created container waits at its gate with the filter, which a run does not.
    waits_filtered: Cell<bool>,
}

impl Recorder {
    /// Opens the file at `path`, so that a run is not for nothing, and asks the kernel for support.
    pub fn new(path: &str) -> Result<Recorder> {
        check_kernel()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(0o666))
            .at(Step::Record, path)?;
        let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)
            .at(Step::Record, "socket pair")?;
        Ok(Recorder { path: path.to_owned(), file, ours, theirs, waits_filtered: Cell::new(false) })
    }

    /// Replaces the filter of the container's process, with a warning if the configuration had one.
    pub fn take_over(&self, plan: &mut CreatePlan) {
        let Some(process) = &mut plan.init.process else { return };
        self.waits_filtered.set(!process.no_new_privs);
        process.agent = None;
        if process.seccomp.replace(Filter::asking()).is_some() {
            let warning = "linux.seccomp is not in force while calls are recorded";
            plan.warnings.push(warning.to_owned());
        }
    }

    /// Takes the listener of the container's process and has its calls answered from now on.
    pub fn attach(
        &self,
        pipe: &Pipe,
        process: (i32, BorrowedFd<'_>),
        place: (u32, u64),
    ) -> Result<()> {
        let label = |error: Error| error.field("--record-seccomp");
        let Some(listener) = listener::take_announced(pipe, process.1, place.0)
            .at(Step::Record, "take the listener")
            .map_err(label)?
        else {
            return Ok(()); // the process is gone; its end of the pipe tells why
        };
        match ::namespaces::clone(&CloneRequest::default()) {
            Ok(Fork::Child) => answer(listener.as_fd(), self.theirs.as_fd()),
            Ok(Fork::Parent(_)) => {}
            Err(CloneError::Clone(errno)) => return Err(errno).at(Step::Record, "create process"),
            Err(CloneError::Threads(_)) => {
                return Err(Errno::DEADLK).at(Step::Record, "create process");
            }
        }
        sys::poke(process.0, place.1, 1).at(Step::Record, "tell that it is taken").map_err(label)
    }

    /// Writes the profile; what it could not say is returned.
    pub fn finish(self) -> Result<Vec<String>> {
        let Recorder { path, file, ours, theirs, waits_filtered } = self;
        drop(theirs);
        // The recorder may be gone; then there is no record to read, which is told.
        let _ = rustix::net::shutdown(&ours, Shutdown::Write);
        let record = read_all(&ours).at(Step::Record, "read the record")?;
        let Some(mut recording) = decode(&record) else {
            return Err(Error::because(Step::Record, &*path, "the recorder was killed"));
        };
        if waits_filtered.get() {
            add_gate(&mut recording);
        }
        let (profile, warnings) = profile_of(&recording);
        rustix::fs::ftruncate(&file, 0)
            .or_else(|errno| if errno == Errno::INVAL { Ok(()) } else { Err(errno) })
            .and_then(|()| write_all(&file, profile.as_bytes()))
            .at(Step::Record, path)?;
        Ok(warnings)
    }
}

/// What the init does with the filter between `create` and `start`.
fn add_gate(recording: &mut Recording) {
    for number in ["accept4", "close"].iter().filter_map(|name| Arch::NATIVE.number(name)) {
        recording.add(Arch::NATIVE.audit(), number);
    }
}

/// The listener is taken by `pidfd_getfd(2)`, and calls go on by an answer: Linux 5.6 has both.
fn check_kernel() -> Result<()> {
    let missing = |what: &str| {
        let words = format!("this kernel has no {what}: recording needs Linux 5.9");
        Error::because(Step::CheckOption, "--record-seccomp", words)
    };
    let own = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|_| missing("pidfd_open"))?;
    // No descriptor has this number: EBADF tells that the call is there.
    match pidfd_getfd(&own, i32::MAX, PidfdGetfdFlags::empty()) {
        Err(Errno::NOSYS) => return Err(missing("pidfd_getfd")),
        _ => drop(own),
    }
    if !seccomp::features::supported_actions().contains(&"SCMP_ACT_NOTIFY") {
        return Err(missing("seccomp user notification"));
    }
    Ok(())
}

/// The recorder: lets every call pass until nobody is left to make one, and hands over the record
/// when it is asked for.
fn answer(listener: BorrowedFd<'_>, socket: BorrowedFd<'_>) -> ! {
    // The streams too: who reads the other end of one waits for its last holder.
    let _ = sys::close_between(0, 2);
    let _ = settle_descriptors(&[], &[listener, socket]);
    let mut recording = Recording::default();
    let (mut asked, mut ended) = (false, false);
    while !(asked && ended) {
        let mut fds = Vec::with_capacity(2);
        if !ended {
            fds.push(PollFd::from_borrowed_fd(listener, PollFlags::IN));
        }
        if !asked {
            fds.push(PollFd::from_borrowed_fd(socket, PollFlags::IN));
        }
        if !matches!(poll(&mut fds, None), Ok(_) | Err(Errno::INTR)) {
            break;
        }
        let mut events = fds.iter().map(PollFd::revents);
        let calls =
            if ended { PollFlags::empty() } else { events.next().unwrap_or(PollFlags::empty()) };
        let question = events.next().unwrap_or(PollFlags::empty());
        drop(events);
        if calls.contains(PollFlags::IN) {
            let_pass(listener, &mut recording);
        } else {
            ended |= !calls.is_empty();
        }
        if !question.is_empty() {
            // `run` may be gone; then nobody wants the record.
            let _ = write_all(socket, &encode(&recording));
            let _ = rustix::net::shutdown(socket, Shutdown::Write);
            asked = true;
        }
    }
    sys::exit_now(0)
}

fn let_pass(listener: BorrowedFd<'_>, recording: &mut Recording) {
    if let Ok(Some(call)) = notify::receive(listener) {
        recording.add(call.audit, call.number);
        // An answer that comes too late is none; the call is made again.
        let _ = notify::let_pass(listener, call.id);
    }
}

/// Pairs of numbers, and how many there are, so that a record that was cut off is none.
fn encode(recording: &Recording) -> Vec<u8> {
    let count = recording.calls().count() as u32;
    let pairs = recording.calls().flat_map(|(audit, number)| [audit, number]);
    std::iter::once(count).chain(pairs).flat_map(u32::to_ne_bytes).collect()
}

fn decode(bytes: &[u8]) -> Option<Recording> {
    let (words, []) = bytes.as_chunks::<4>() else { return None };
    let mut words = words.iter().map(|word| u32::from_ne_bytes(*word));
    let count = words.next()?;
    let mut recording = Recording::default();
    for _ in 0..count {
        recording.add(words.next()?, words.next()?);
    }
    Some(recording)
}

/// The profile as text, and what it could not say.
fn profile_of(recording: &Recording) -> (String, Vec<String>) {
    let needed = recording.needed(Arch::NATIVE);
    let archs: Vec<&str> = needed.archs.iter().map(|arch| arch.name()).collect();
    let profile = serde_json::json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": archs,
        "syscalls": [{ "names": needed.names, "action": "SCMP_ACT_ALLOW" }],
    });
    let unknown = needed.unknown.iter();
    let warnings = unknown.map(|(audit, number)| {
        format!("system call {number} of architecture {audit:#x} has no name: not in the profile")
    });
    (format!("{profile:#}\n"), warnings.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_crosses_and_a_part_of_it_does_not() {
        let mut recording = Recording::default();
        recording.add(0xc000_003e, 1);
        recording.add(0x4000_0003, 4);
        let bytes = encode(&recording);
        assert_eq!(decode(&bytes), Some(recording));
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_record_becomes_a_profile() {
        let mut recording = Recording::default();
        recording.add(Arch::NATIVE.audit(), Arch::NATIVE.number("read").unwrap());
        recording.add(Arch::NATIVE.audit(), 9999);
        let (text, warnings) = profile_of(&recording);
        let profile: serde_json::Value = serde_json::from_str(&text).unwrap();
        let native = Arch::NATIVE.name();
        let expected = serde_json::json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "architectures": [native],
            "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }],
        });
        assert_eq!(profile, expected);
        assert!(warnings.len() == 1 && warnings[0].starts_with("system call 9999 of"));
    }
}

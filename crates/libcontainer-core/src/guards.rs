//! What `create` takes, and gives back unless it is kept.

use std::os::fd::AsFd;

use ::namespaces::{Child, wait_for_end};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::interrupt::Signals;
use crate::start::run_hooks;
use crate::state::State;
use crate::store::StateDir;

/// A state directory that is removed unless it is kept.
pub struct Claim(pub Option<StateDir>);

impl Claim {
    /// Keeps it.
    pub fn keep(mut self) -> Option<StateDir> {
        self.0.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(dir) = self.0.take() {
            // On the way out with an error already; `delete --force` removes what is left.
            let _ = dir.remove();
        }
    }
}

/// The poststop hooks of a container that was not brought up (runtime.md, "Lifecycle").
pub struct Aftermath<'s>(pub Option<State>, pub &'s Signals);

impl Drop for Aftermath<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.0.as_ref().filter(|state| !state.poststop.is_empty()) {
            // The error that led here is the one to tell.
            let _ = run_hooks(state, "poststop", "stopped", Some(self.1));
        }
    }
}

/// A process that is killed and waited for unless it is kept.
pub struct Guard(pub Option<Child>);

impl Guard {
    /// Keeps it.
    pub fn keep(mut self) -> Option<Child> {
        self.0.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            let _ = ::namespaces::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
            // One that is frozen, or in the hands of a broken disk, may never end.
            let mut fds = [PollFd::new(&child.pidfd, PollFlags::IN)];
            let ended = ::namespaces::poll(&mut fds, Some(&PATIENCE));
            if ended.is_ok_and(|count| count > 0) {
                let _ = wait_for_end(child.pidfd.as_fd());
            }
        }
    }
}

/// How long a killed process may take to end.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

//! Signals to the runtime itself: while it brings something up, one that asks to end rolls it back.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};

use crate::error::{At, Error, Result};
use crate::step::Step;
use crate::sys;

/// Signals that ask the runtime to end.
pub const ENDING: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// Signals that are caught: none ends this process any more, nor does a reader that went away.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    /// Those that the caller ignored (bit N-1 for signal N): they ask for nothing.
    ignored: u64,
    /// What came early, for the program that is not there yet.
    early: RefCell<Vec<i32>>,
}

impl Signals {
    /// Blocks all signals and makes them readable; to be made before the process, so that none is
    /// missed.
    pub fn catch(ignored: u64) -> Result<Signals> {
        sys::block_signals();
        let fd = sys::signal_fd().at(Step::Signals, "signalfd")?;
        Ok(Signals { fd, ignored, early: RefCell::default() })
    }

    /// The next signal that came.
    pub fn next(&self) -> Option<i32> {
        sys::read_signal(self.fd.as_fd())
    }

    /// What came before there was a program to forward it to.
    pub fn take_early(&self) -> Vec<i32> {
        self.early.take()
    }

    /// An error if a signal came that asks to end.
    pub fn check(&self) -> Result<()> {
        while let Some(signal) = sys::read_signal(self.fd.as_fd()) {
            if ENDING.contains(&signal) && self.ignored & (1 << (signal - 1)) == 0 {
                return Err(Error::interrupted(signal));
            }
            self.early.borrow_mut().push(signal);
        }
        Ok(())
    }

    /// Waits until there is something to read; an error if a signal asks to end.
    pub fn wait_for(&self, what: BorrowedFd<'_>) -> Result<()> {
        loop {
            let mut fds = [
                PollFd::from_borrowed_fd(what, PollFlags::IN),
                PollFd::new(&self.fd, PollFlags::IN),
            ];
            rustix::io::retry_on_intr(|| ::namespaces::poll(&mut fds, None))
                .at(Step::Wait, "poll")?;
            let [readable, signalled] = [0, 1].map(|index: usize| !fds[index].revents().is_empty());
            if signalled {
                self.check()?;
            }
            if readable {
                return Ok(());
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

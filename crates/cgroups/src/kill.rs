//! Signals to all processes of a container.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::error::{At, Error};
use crate::file;
use crate::record::Record;
use crate::sys;

const SIGKILL: i32 = 9;

impl Record {
    /// Sends a signal to every process of the container, those in sub-cgroups too.
    ///
    /// A kill is one write of `cgroup.kill` where the kernel has it (Linux 5.14). Otherwise the
    /// container is frozen meanwhile, so that no process forks away from its signal; a killed
    /// container is thawed, as the frozen of version 1 do not die.
    ///
    /// # Errors
    /// When the processes cannot be listed, or one cannot be signalled.
    pub fn kill_all(&self, signal: i32) -> Result<(), Error> {
        let kill = signal == SIGKILL;
        let was_frozen = self.is_frozen()?;
        // Nobody is left to fork: there is nothing to freeze for.
        let at_once = kill && self.kill_at_once()?;
        // A container that cannot be frozen gets its signals nonetheless.
        let frozen = was_frozen || (!at_once && !self.pids()?.is_empty() && self.freeze().is_ok());
        let result = self.signal_each(signal);
        if frozen && (kill || !was_frozen) {
            self.thaw()?;
        }
        result
    }

    /// Kills by `cgroup.kill`, and tells whether there was one.
    fn kill_at_once(&self) -> Result<bool, Error> {
        let Some(directory) = self.unified() else { return Ok(false) };
        let path = directory.file("cgroup.kill");
        match file::write_at(self.open_root()?.as_fd(), &path, "1") {
            Ok(()) => Ok(true),
            // An older kernel, a threaded cgroup, or nothing there any more.
            Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => Ok(false),
            Err(errno) => Err(errno).at("write", &format!("\"1\" to {}", self.full(&path))),
        }
    }

    fn signal_each(&self, signal: i32) -> Result<(), Error> {
        for pid in self.pids()? {
            match sys::kill(pid, signal) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(errno) => return Err(errno).at("signal process", &pid.to_string()),
            }
        }
        Ok(())
    }
}

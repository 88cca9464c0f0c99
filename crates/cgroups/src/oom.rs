//! Being told that a container ran out of memory, without asking again and again.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, inotify};
use rustix::io::{Errno, read};

use crate::error::{At, Error};
use crate::file;
use crate::record::{Directory, Record};

/// Becomes readable when the container runs out of memory, and for other reasons too.
#[derive(Debug)]
pub struct OomWatch {
    fd: OwnedFd,
    record: Record,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// An eventfd that the kernel adds to (cgroup-v1/memory.rst, "OOM Control"); it keeps the file.
    V1(#[expect(dead_code, reason = "closing it would end the watch")] OwnedFd),
    /// An inotify instance for `memory.events`, and how many kills that had at last.
    V2(Cell<u64>),
}

impl Record {
    /// Starts to watch; none where there is no memory controller.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch_oom(&self) -> Result<Option<OomWatch>, Error> {
        let Some(directory) = self.directory("memory") else { return Ok(None) };
        let root = self.open_root()?;
        let watch = match directory.is_v2() {
            true => self.watch_v2(directory),
            false => watch_v1(root.as_fd(), directory),
        };
        match watch {
            Ok((fd, form)) => Ok(Some(OomWatch { fd, record: self.clone(), form })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno).at("watch memory of", &self.full(&directory.below_root())),
        }
    }

    fn watch_v2(&self, directory: &Directory) -> Result<(OwnedFd, Form), Errno> {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let path = self.full(&directory.file("memory.events"));
        inotify::add_watch(&fd, path, inotify::WatchFlags::MODIFY)?;
        Ok((fd, Form::V2(Cell::new(self.oom_kills()))))
    }
}

fn watch_v1(root: BorrowedFd<'_>, directory: &Directory) -> Result<(OwnedFd, Form), Errno> {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let control = file::open(root, &directory.file("memory.oom_control"), OFlags::RDONLY)?;
    let line = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
    file::write_at(root, &directory.file("cgroup.event_control"), &line)?;
    Ok((event, Form::V1(control)))
}

impl OomWatch {
    /// Whether memory ran out since the last look; to be asked when the descriptor is readable.
    pub fn happened(&self) -> bool {
        let mut buffer = [0; 4096];
        let mut events = false;
        while read(&self.fd, &mut buffer).is_ok_and(|size| size > 0) {
            events = true;
        }
        match &self.form {
            // The last event is the removal of the cgroup.
            Form::V1(_) => events && self.record.exists(),
            Form::V2(before) => {
                let now = self.record.oom_kills();
                now > before.replace(now)
            }
        }
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

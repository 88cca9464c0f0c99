//! What to do to the control files of a cgroup, as data, and the loop that does it.

use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::devices::Devices;
use crate::error::{At, Cause, Error};
use crate::file;
use crate::record::Record;
use crate::undo;

/// One write to a control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The controller, or `unified`.
    pub controller: &'static str,
    /// Name of the file.
    pub file: Cow<'static, str>,
    /// What is written, in one call.
    pub data: Cow<'static, str>,
    /// Index of the directory in the record.
    pub(crate) directory: usize,
    /// Whether a kernel without the file is good enough.
    pub(crate) optional: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Write a file.
    Write(Write),
    /// Write the first of these files that exists.
    FirstThatExists(Vec<Write>),
    /// Write values that bound each other: one that the kernel refuses with EINVAL or EBUSY while
    /// the others have their old values gets a second try after them.
    Together(Vec<Write>),
    /// Write a period to `cpu.max` and keep the quota that is there.
    KeepQuota(Write),
    /// Refuse a limit that is not above what a file says is in use.
    Above { usage: Write, limit: u64, step: &'static str },
    /// Put device rules in force.
    Devices(Devices),
}

impl Step {
    /// The writes of this step, as far as they are known beforehand.
    pub(crate) fn writes(&self) -> &[Write] {
        match self {
            Self::Write(write) | Self::KeepQuota(write) => std::slice::from_ref(write),
            Self::FirstThatExists(writes) => &writes[..1],
            Self::Together(writes) => writes,
            Self::Above { .. } => &[],
            Self::Devices(devices) => devices.writes(),
        }
    }

    /// The directory of the step and the controller that it is about.
    fn target(&self) -> (usize, &'static str) {
        match self {
            Self::Write(write) | Self::KeepQuota(write) | Self::Above { usage: write, .. } => {
                (write.directory, write.controller)
            }
            Self::FirstThatExists(writes) | Self::Together(writes) => {
                writes.first().map_or((0, ""), |write| (write.directory, write.controller))
            }
            Self::Devices(devices) => (devices.directory, "devices"),
        }
    }
}

/// Where steps are done.
pub(crate) struct Place<'a> {
    pub(crate) record: &'a Record,
    pub(crate) root: BorrowedFd<'a>,
    /// Which directories were made just now: nobody is in them, nothing is set; none, if empty.
    pub(crate) fresh: &'a [bool],
    /// Which directories exist; all, if empty.
    pub(crate) present: &'a [bool],
    /// Whether device rules may fail.
    pub(crate) rootless: bool,
}

impl Place<'_> {
    /// Whether the directory was made just now.
    pub(crate) fn is_fresh(&self, directory: usize) -> bool {
        self.fresh.get(directory) == Some(&true)
    }
}

/// Does all steps.
pub(crate) fn run(place: &Place<'_>, steps: &[Step]) -> Result<(), Error> {
    let mut writer = Writer { place, open: None, undo: None };
    writer.run(steps)
}

/// Does all steps, and what comes after them; when one fails, what was written is taken back.
pub(crate) fn run_or_undo(
    place: &Place<'_>,
    steps: &[Step],
    then: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut writer = Writer { place, open: None, undo: Some(Vec::new()) };
    writer.run(steps).and_then(|()| then()).inspect_err(|_| {
        for write in writer.undo.take().into_iter().flatten().rev() {
            // A failure here has nobody to tell: there is an earlier one that matters more.
            let _ = writer.try_write(&write);
        }
    })
}

/// Writes control files; the last one stays open, for the next line to the same.
pub(crate) struct Writer<'a> {
    place: &'a Place<'a>,
    open: Option<(usize, Cow<'static, str>, OwnedFd)>,
    /// What takes back what was written, if that is wanted.
    undo: Option<Vec<Write>>,
}

impl Writer<'_> {
    fn run(&mut self, steps: &[Step]) -> Result<(), Error> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), Error> {
        let place = self.place;
        let (directory, controller) = step.target();
        if place.present.get(directory) == Some(&false) {
            if matches!(step, Step::Devices(_)) {
                return Ok(());
            }
            let subject = place.record.directories[directory].name();
            return Err(Error::new("limit", subject, Cause::NoCgroup { controller }));
        }
        match step {
            Step::Write(write) => self.write(write),
            Step::FirstThatExists(writes) => self.first_that_exists(writes),
            Step::Together(writes) => self.together(writes),
            Step::KeepQuota(write) => self.keep_quota(write),
            Step::Above { usage, limit, step } => self.above(usage, *limit, step),
            Step::Devices(devices) => match devices.apply(place, self) {
                Err(_) if place.rootless => Ok(()),
                result => result,
            },
        }
    }

    /// Writes one file.
    pub(crate) fn write(&mut self, write: &Write) -> Result<(), Error> {
        match self.try_write(write) {
            Err(Errno::NOENT) if write.optional => Ok(()),
            Err(errno) => Err(self.refused(write, errno)),
            Ok(()) => Ok(()),
        }
    }

    fn first_that_exists(&mut self, writes: &[Write]) -> Result<(), Error> {
        for (index, write) in writes.iter().enumerate() {
            match self.try_write(write) {
                Err(Errno::NOENT) if index + 1 < writes.len() => {}
                Err(Errno::NOENT) if write.optional => {}
                Err(errno) => return Err(self.refused(write, errno)),
                Ok(()) => return Ok(()),
            }
        }
        Ok(())
    }

    fn together(&mut self, writes: &[Write]) -> Result<(), Error> {
        let mut again = Vec::new();
        for write in writes {
            match self.try_write(write) {
                Err(Errno::INVAL | Errno::BUSY) => again.push(write),
                Err(Errno::NOENT) if write.optional => {}
                Err(errno) => return Err(self.refused(write, errno)),
                Ok(()) => {}
            }
        }
        again.into_iter().try_for_each(|write| self.write(write))
    }

    fn keep_quota(&mut self, write: &Write) -> Result<(), Error> {
        let quota = match self.place.is_fresh(write.directory) {
            true => "max".to_owned(),
            false => {
                let now = self.read(write)?;
                now.split_whitespace().next().unwrap_or("max").to_owned()
            }
        };
        let period = write.data.rsplit(' ').next().unwrap_or_default();
        let data = Cow::Owned(format!("{quota} {period}"));
        self.write(&Write { data, ..write.clone() })
    }

    fn above(&mut self, usage: &Write, limit: u64, step: &'static str) -> Result<(), Error> {
        if self.place.is_fresh(usage.directory) {
            return Ok(());
        }
        let text = self.read(usage)?;
        let path = self.path(usage);
        let in_use: u64 =
            text.trim().parse().map_err(|_| Error::new("read", &path, Cause::Unreadable))?;
        if limit > in_use {
            return Ok(());
        }
        let subject = format!("{limit}: {path}");
        let cause = Cause::BelowUsage { usage: in_use, peak: None };
        Err(Error::new(step, subject, cause))
    }

    fn try_write(&mut self, write: &Write) -> Result<(), Errno> {
        let is_open = matches!(&self.open, Some((directory, file, _))
            if *directory == write.directory && *file == write.file);
        if !is_open {
            let path = self.place.record.directories[write.directory].file(&write.file);
            let fd = file::open(self.place.root, &path, OFlags::WRONLY)?;
            self.open = Some((write.directory, write.file.clone(), fd));
        }
        let back = self.undo.is_some().then(|| self.inverse(write)).flatten();
        match &self.open {
            Some((_, _, fd)) => file::put(fd.as_fd(), write.data.as_bytes())?,
            None => return Err(Errno::BADF),
        }
        if let Some(undo) = &mut self.undo {
            undo.extend(back);
        }
        Ok(())
    }

    /// What would take a write back.
    fn inverse(&self, write: &Write) -> Option<Write> {
        let before = self.read(write).ok()?;
        let data = undo::inverse(&write.file, &write.data, &before)?;
        Some(Write { data, ..write.clone() })
    }

    fn read(&self, write: &Write) -> Result<String, Error> {
        let path = self.place.record.directories[write.directory].file(&write.file);
        file::read_at(self.place.root, &path).at("read", &self.place.record.full(&path))
    }

    fn path(&self, write: &Write) -> String {
        self.place.record.full(&self.place.record.directories[write.directory].file(&write.file))
    }

    /// An error that says more than the errno where the kernel's reason can be told.
    fn refused(&self, write: &Write, errno: Errno) -> Error {
        let subject = format!("{:?} to {}", write.data.as_ref(), self.path(write));
        let cause = match errno {
            Errno::BUSY if write.file.starts_with("memory.") => self.in_use(write),
            Errno::NOENT if write.controller == "unified" => self.controller_missing(write),
            _ => None,
        };
        Error::new("write", subject, cause.unwrap_or(Cause::Errno(errno)))
    }

    fn in_use(&self, write: &Write) -> Option<Cause> {
        let number = |file: &'static str| {
            let write = Write { file: Cow::Borrowed(file), ..write.clone() };
            self.read(&write).ok()?.trim().parse().ok()
        };
        let (usage, peak) = match write.file.contains("memsw") {
            true => ("memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes"),
            false => ("memory.usage_in_bytes", "memory.max_usage_in_bytes"),
        };
        Some(Cause::BelowUsage { usage: number(usage)?, peak: number(peak) })
    }

    fn controller_missing(&self, write: &Write) -> Option<Cause> {
        let (controller, _) = write.file.split_once('.')?;
        let list = Write { file: Cow::Borrowed("cgroup.controllers"), ..write.clone() };
        let missing = !self.read(&list).ok()?.split_whitespace().any(|name| name == controller);
        missing.then(|| Cause::NoController { controller: controller.to_owned() })
    }
}

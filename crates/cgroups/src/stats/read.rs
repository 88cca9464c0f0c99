//! Reading the statistics files of one directory; a file that is not there counts nothing.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::{Stats, psi, v1, v2};
use crate::error::{At, Error};
use crate::file;
use crate::record::{Directory, Record};

impl Record {
    /// Reads what the container uses.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
        let root = self.open_root()?;
        let of = |controller| {
            self.directory(controller).map(|directory| Files::new(root.as_fd(), self, directory))
        };
        let mut stats = Stats::default();
        if let Some(cpu) = of("cpu") {
            cpu.pick(v1::throttling, v2::cpu)(&cpu, &mut stats)?;
        }
        if let Some(cpuacct) = of("cpuacct").filter(|files| !files.directory.is_v2()) {
            v1::cpu_usage(&cpuacct, &mut stats)?;
        }
        if let Some(cpuset) = of("cpuset").filter(|files| !files.directory.is_v2()) {
            v1::cpuset(&cpuset, &mut stats)?;
        }
        if let Some(memory) = of("memory") {
            memory.pick(v1::memory, v2::memory)(&memory, &mut stats)?;
        }
        if let Some(pids) = of("pids") {
            stats.pids.current = pids.number("pids.current")?;
            stats.pids.limit = pids.limit("pids.max")?.unwrap_or(0);
        }
        if let Some(blkio) = of("blkio") {
            blkio.pick(v1::blkio, v2::io)(&blkio, &mut stats)?;
        }
        if let Some(hugetlb) = of("hugetlb") {
            hugetlb.pick(v1::hugetlb, v2::hugetlb)(&hugetlb, &mut stats)?;
        }
        if let Some(unified) = self.unified() {
            let unified = Files::new(root.as_fd(), self, unified);
            stats.cpu.psi = psi::read(&unified, "cpu.pressure")?;
            stats.memory.psi = psi::read(&unified, "memory.pressure")?;
            stats.blkio.psi = psi::read(&unified, "io.pressure")?;
        }
        Ok(stats)
    }

    /// Whether the kernel has killed a process of the container for want of memory; no, if the
    /// cgroup is gone.
    pub fn oom_killed(&self) -> bool {
        self.oom_kills() > 0
    }

    /// How many processes the kernel has killed for want of memory; 0, if the cgroup is gone.
    pub(crate) fn oom_kills(&self) -> u64 {
        let Some(directory) = self.directory("memory") else { return 0 };
        let Ok(root) = self.open_root() else { return 0 };
        let name = if directory.is_v2() { "memory.events" } else { "memory.oom_control" };
        let table = Files::new(root.as_fd(), self, directory).table(name).unwrap_or_default();
        table.get("oom_kill").copied().unwrap_or(0)
    }
}

type Reader = fn(&Files<'_>, &mut Stats) -> Result<(), Error>;

/// The files of one directory.
pub(super) struct Files<'a> {
    pub(super) root: BorrowedFd<'a>,
    pub(super) record: &'a Record,
    pub(super) directory: &'a Directory,
}

impl<'a> Files<'a> {
    fn new(root: BorrowedFd<'a>, record: &'a Record, directory: &'a Directory) -> Self {
        Self { root, record, directory }
    }

    fn pick(&self, v1: Reader, v2: Reader) -> Reader {
        if self.directory.is_v2() { v2 } else { v1 }
    }

    /// The text of a file; none if it is not there or what it tells is switched off.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let path = self.directory.file(name);
        match file::read_at(self.root, &path) {
            Ok(text) => Ok(Some(text)),
            Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(errno).at("read", &self.record.full(&path)),
        }
    }

    /// The number in a file; 0 if it is not there.
    pub(super) fn number(&self, name: &str) -> Result<u64, Error> {
        Ok(self.text(name)?.and_then(|text| text.trim().parse().ok()).unwrap_or(0))
    }

    /// The limit in a file: none for `max`, 0 if it is not there.
    pub(super) fn limit(&self, name: &str) -> Result<Option<u64>, Error> {
        let text = self.text(name)?.unwrap_or_default();
        match text.trim() {
            "max" => Ok(None),
            number => Ok(Some(number.parse().unwrap_or(0))),
        }
    }

    /// The lines `key value` of a file.
    pub(super) fn table(&self, name: &str) -> Result<BTreeMap<String, u64>, Error> {
        let text = self.text(name)?.unwrap_or_default();
        let row = |line: &str| {
            let (key, value) = line.split_once(' ')?;
            Some((key.to_owned(), value.trim().parse().ok()?))
        };
        Ok(text.lines().filter_map(row).collect())
    }
}

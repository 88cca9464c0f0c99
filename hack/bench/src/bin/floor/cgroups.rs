//! The container's cgroups: one in each hierarchy of v1, or one of v2 with a program for its devices.

use crate::At;
use bench_sys::sys;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{read, write};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const ROOT: &str = "/sys/fs/cgroup";
/// The v2 hierarchy beside those of v1.
const UNIFIED: &str = "unified";
/// The character devices that runtimes allow in every container; nodes may be made of all devices.
const ALLOWED: [(u32, Option<u32>); 9] = [
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(2)),
    (136, None),
    (10, Some(200)),
];

/// All cgroups of the container.
pub struct Cgroups {
    /// With the file `tasks` of each.
    v1: Vec<(Cgroup, OwnedFd)>,
    /// With its directory.
    v2: Option<(Cgroup, OwnedFd)>,
}

/// One of them.
pub struct Cgroup {
    /// The name of its hierarchy; empty where there is only v2.
    pub controller: String,
    /// Its directory.
    pub path: String,
}

impl Cgroups {
    /// Makes them, with what a process needs to be in them.
    pub fn create(id: &str) -> Result<Cgroups, String> {
        let mut cgroups = Cgroups { v1: Vec::with_capacity(16), v2: None };
        if is_v2() {
            let (cgroup, directory) = create_v2(format!("{ROOT}/{id}"), String::new())?;
            let program = sys::load_device_program(&device_program());
            program
                .and_then(|program| sys::attach_device_program(directory.as_fd(), program.as_fd()))
                .map_err(|e| format!("bpf: {e}"))?;
            cgroups.v2 = Some((cgroup, directory));
            return Ok(cgroups);
        }
        for entry in fs::read_dir(ROOT).map_err(|e| format!("{ROOT}: {e}"))? {
            let entry = entry.map_err(|e| format!("{ROOT}: {e}"))?;
            if !entry.file_type().is_ok_and(|t| t.is_dir()) {
                continue;
            }
            let controller = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{ROOT}/{controller}/{id}");
            match controller == UNIFIED {
                true => cgroups.v2 = Some(create_v2(path, controller)?),
                false => cgroups.v1.push(create_v1(path, controller)?),
            }
        }
        Ok(cgroups)
    }

    /// The directory of the v2 cgroup.
    pub fn v2(&self) -> Option<BorrowedFd<'_>> {
        self.v2.as_ref().map(|(_, directory)| directory.as_fd())
    }

    /// Those of v1; none where there is only v2.
    pub fn v1(&self) -> impl Iterator<Item = &Cgroup> {
        self.v1.iter().map(|(cgroup, _)| cgroup)
    }

    /// Moves the caller into those of v1.
    pub fn join_v1(&self) -> Result<(), String> {
        for (cgroup, tasks) in &self.v1 {
            write(tasks, b"0").at(&cgroup.path)?;
        }
        Ok(())
    }

    /// Removes all; they must be empty.
    pub fn remove(&self) -> Result<(), String> {
        for (cgroup, _) in self.v1.iter().chain(&self.v2) {
            rustix::fs::rmdir(&cgroup.path).at(&cgroup.path)?;
        }
        Ok(())
    }
}

/// Whether there is no hierarchy of v1.
fn is_v2() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

fn create_v2(path: String, controller: String) -> Result<(Cgroup, OwnedFd), String> {
    rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755)).at(&path)?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = open(&path, flags, Mode::empty()).at(&path)?;
    Ok((Cgroup { controller, path }, directory))
}

fn create_v1(path: String, controller: String) -> Result<(Cgroup, OwnedFd), String> {
    rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755)).at(&path)?;
    match controller.as_str() {
        "devices" => {
            write_line(&format!("{path}/devices.deny"), &["a".into()])?;
            write_line(&format!("{path}/devices.allow"), &device_lines())?;
        }
        // A new cpuset is empty and takes no process before it has cpus and memory nodes.
        "cpuset" => {
            copy(&format!("{ROOT}/cpuset/cpuset.cpus"), &format!("{path}/cpuset.cpus"))?;
            copy(&format!("{ROOT}/cpuset/cpuset.mems"), &format!("{path}/cpuset.mems"))?;
        }
        _ => {}
    }
    let tasks = format!("{path}/tasks");
    let tasks = open(&tasks, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).at(&tasks)?;
    Ok((Cgroup { controller, path }, tasks))
}

fn write_line(path: &str, lines: &[String]) -> Result<(), String> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).at(path)?;
    for line in lines {
        write(&file, line.as_bytes()).at(path)?;
    }
    Ok(())
}

fn copy(from: &str, to: &str) -> Result<(), String> {
    let mut buffer = [0; 4096];
    let source = open(from, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at(from)?;
    let length = read(&source, &mut buffer).at(from)?;
    let target = open(to, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).at(to)?;
    write(&target, &buffer[..length]).at(to)?;
    Ok(())
}

/// In the syntax of `devices.allow`.
fn device_lines() -> Vec<String> {
    let nodes = ["c *:* m".to_string(), "b *:* m".to_string()];
    let line = |&(major, minor): &(u32, Option<u32>)| match minor {
        Some(minor) => format!("c {major}:{minor} rwm"),
        None => format!("c {major}:* rwm"),
    };
    nodes.into_iter().chain(ALLOWED.iter().map(line)).collect()
}

/// The same as a program of `BPF_PROG_TYPE_CGROUP_DEVICE`, in the encoding of instruction-set.rst. Its
/// context is a `struct bpf_cgroup_dev_ctx`: access in the upper half of the first word and the kind
/// of device in the lower, major and minor number.
fn device_program() -> Vec<[u8; 8]> {
    const LOAD: u8 = 0x61;
    const MOVE: u8 = 0xb4;
    const AND: u8 = 0x54;
    const SHIFT_RIGHT: u8 = 0x74;
    const JUMP_EQUAL: u8 = 0x15;
    const JUMP_NOT_EQUAL: u8 = 0x55;
    const EXIT: u8 = 0x95;
    const CONTEXT: u8 = 1 << 4;
    let (mknod, character) = (1, 2);
    let (answer, access, kind, major, minor) = (0, 2, 3, 4, 5);
    let code = |code: u8, registers: u8, offset: u16, value: u32| {
        let registers =
            if cfg!(target_endian = "big") { registers.rotate_left(4) } else { registers };
        let ([e, f], [a, b, c, d]) = (offset.to_ne_bytes(), value.to_ne_bytes());
        [code, registers, e, f, a, b, c, d]
    };
    let exit = code(EXIT, 0, 0, 0);
    let no = [code(MOVE, answer, 0, 0), exit];
    let mut program = vec![
        code(LOAD, CONTEXT | access, 0, 0),
        code(LOAD, CONTEXT | kind, 0, 0),
        code(LOAD, CONTEXT | major, 4, 0),
        code(LOAD, CONTEXT | minor, 8, 0),
        code(MOVE, answer, 0, 1),
        code(SHIFT_RIGHT, access, 0, 16),
        code(JUMP_NOT_EQUAL, access, 1, mknod),
        exit,
        code(AND, kind, 0, 0xffff),
        code(JUMP_EQUAL, kind, 2, character),
    ];
    program.extend(no);
    for (allowed, which) in ALLOWED {
        match which {
            Some(which) => program.extend([
                code(JUMP_NOT_EQUAL, major, 2, allowed),
                code(JUMP_NOT_EQUAL, minor, 1, which),
                exit,
            ]),
            None => program.extend([code(JUMP_NOT_EQUAL, major, 1, allowed), exit]),
        }
    }
    program.extend(no);
    program
}

//! Facts of the machine and of containers, seen from outside.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

/// A time limit of a test on this machine: `TIMEOUT_FACTOR` times as long as on a fast one.
pub fn patience(limit: Duration) -> Duration {
    static FACTOR: OnceLock<u32> = OnceLock::new();
    let factor = FACTOR.get_or_init(|| {
        let text = std::env::var("TIMEOUT_FACTOR").unwrap_or_else(|_| "1".to_owned());
        text.parse().unwrap_or_else(|_| panic!("TIMEOUT_FACTOR is no whole number: {text}"))
    });
    limit * *factor
}

/// Waits until `condition` holds; panics with `what` after 10 s.
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(Duration::from_secs(10), condition), "never seen: {what}");
}

/// Asks for a condition until it holds or the time, longer on a slow machine, is over; tells which.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience(limit);
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The inode text of a namespace of a process, as `pid:[4026531836]`.
pub fn namespace(process: &str, kind: &str) -> String {
    let path = format!("/proc/{process}/ns/{kind}");
    let link = fs::read_link(&path).unwrap_or_else(|error| panic!("read {path}: {error}"));
    link.display().to_string()
}

/// Tells whether the kernel is this version or a newer one.
pub fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
}

/// Tells whether the machine has the v1 hierarchies.
pub fn has_cgroup_v1() -> bool {
    Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists()
}

/// Tells whether systemd is the machine's manager (sd_booted(3)).
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The folder of a process in a v1 hierarchy.
pub fn cgroup(pid: i32, controller: &str) -> PathBuf {
    let path = format!("/proc/{pid}/cgroup");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {path}: {error}"));
    let inside = text.lines().find_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        controllers.split(',').any(|name| name == controller).then_some(path)
    });
    let inside = inside.unwrap_or_else(|| panic!("{path} has no {controller}: {text}"));
    let place = format!("/sys/fs/cgroup/{controller}{}", inside.trim_end_matches('/'));
    PathBuf::from(place)
}

/// The folder of a process in the hierarchy of version 2.
pub fn cgroup_v2(pid: i32) -> PathBuf {
    cgroup(pid, "")
}

/// What a control file of a process's cgroup holds, without the last newline; the controller of version
/// 2 is empty.
#[track_caller]
pub fn control_file(pid: i32, controller: &str, file: &str) -> String {
    let path = cgroup(pid, controller).join(file);
    let text = fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("read {}: {error}", path.display())).trim_end().to_owned()
}

/// The folders in all hierarchies whose name contains `word`.
pub fn cgroups_named(word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(word) {
                    found.push(entry.path());
                }
                left.push(entry.path());
            }
        }
    }
    found
}

/// Process ids whose command line contains `word`.
pub fn processes_with(word: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("list /proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(word)
    })
    .collect()
}

/// The mounts of the calling thread's namespace, one line each.
pub fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/mountinfo").expect("read the mounts");
    text.lines().map(str::to_owned).collect()
}

/// The sorted names in a folder; none if there is no such folder.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Tells whether a process exists and is no zombie.
pub fn is_running(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// The descriptors of a process: number and target.
pub fn descriptors(pid: i32) -> Vec<(i32, String)> {
    let folder = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("list {folder}: {error}"));
    let links = entries.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, fs::read_link(entry.path()).ok()?.display().to_string()))
    });
    links.collect()
}

/// A mount of the test's own namespace, which goes when it is dropped.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts a tmpfs with flags on a folder, which is made.
    pub fn tmpfs(path: PathBuf, flags: MountFlags) -> Mount {
        fs::create_dir_all(&path).expect("make a mount point");
        mount("tmpfs", &path, "tmpfs", flags, None).expect("mount a tmpfs");
        Mount(path)
    }

    /// Mounts a tmpfs with options of its own, such as `size=4k`, on a folder, which is made.
    pub fn tmpfs_with(path: PathBuf, options: &str) -> Mount {
        fs::create_dir_all(&path).expect("make a mount point");
        let options = std::ffi::CString::new(options).expect("options without a NUL");
        mount("tmpfs", &path, "tmpfs", MountFlags::empty(), Some(options.as_c_str()))
            .expect("mount a tmpfs");
        Mount(path)
    }

    /// Mounts a filesystem that is not a tmpfs on a folder, which is made: an overlay of it; none where there is no such.
    pub fn overlay(path: PathBuf) -> Option<Mount> {
        let beside = |end: &str| path.with_extension(end);
        let layers = [path.clone(), beside("upper"), beside("work")];
        for layer in &layers {
            fs::create_dir_all(layer).expect("make a layer");
        }
        let [lower, upper, work] = layers.map(|layer| layer.display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let options = std::ffi::CString::new(options).expect("options without a NUL");
        mount("overlay", &path, "overlay", MountFlags::empty(), Some(options.as_c_str())).ok()?;
        Some(Mount(path))
    }

    /// Mounts a FUSE filesystem that nobody serves on a folder, which is made; none where there is no FUSE.
    pub fn fuse(path: PathBuf) -> Option<Mount> {
        let device = fs::File::options().read(true).write(true).open("/dev/fuse").ok()?;
        fs::create_dir_all(&path).expect("make a mount point");
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = std::ffi::CString::new(options).expect("options without a NUL");
        let flags = MountFlags::empty();
        mount("fuse", &path, "fuse", flags, Some(options.as_c_str())).expect("mount a FUSE");
        Some(Mount(path))
    }

    /// Binds one path on another that exists.
    pub fn bind(source: &Path, path: PathBuf) -> Mount {
        mount_bind(source, &path).expect("bind a path");
        Mount(path)
    }

    /// Makes the mount shared, so that what is mounted below it is seen by its slaves.
    pub fn shared(self) -> Mount {
        mount_change(&self.0, MountPropagationFlags::SHARED).expect("make a mount shared");
        self
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

//! Facts of files and mounts, and attempts to change them.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use behaviour::mountinfo;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Map, Value, json};

use crate::{failure, outcome};

/// Number and target of each open descriptor, without the one that reads the list.
pub fn open_descriptors() -> Value {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return Value::Null;
    };
    let numbers: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let links = numbers.iter().filter_map(|path| {
        let link = fs::read_link(path).ok()?;
        Some((path.file_name()?.to_string_lossy().into_owned(), json!(link)))
    });
    Value::Object(links.collect::<Map<_, _>>())
}

pub fn mounts() -> Value {
    fs::read_to_string("/proc/self/mountinfo")
        .map_or_else(failure, |text| mountinfo::parse(&text).into())
}

pub fn stdin() -> Value {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_or_else(failure, |_| text.into())
}

/// The text of a file without its last newline, the first MiB of it.
pub fn read(path: &str) -> Value {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 20).read_to_end(&mut bytes));
    read.map_or_else(failure, |_| String::from_utf8_lossy(&bytes).trim_end().into())
}

/// The sorted names in a folder.
pub fn list(path: &str) -> Value {
    let names = fs::read_dir(path).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<Vec<_>>>()
    });
    names.map_or_else(failure, |mut names| {
        names.sort();
        names.into()
    })
}

pub fn stat(path: &str) -> Value {
    fs::metadata(path).map_or_else(failure, |metadata| describe(&metadata))
}

/// As [`stat`], of a symbolic link itself; adds its target as `link`.
pub fn lstat(path: &str) -> Value {
    let mut facts = fs::symlink_metadata(path).map_or_else(failure, |data| describe(&data));
    if let (Some(facts), Ok(link)) = (facts.as_object_mut(), fs::read_link(path)) {
        facts.insert("link".to_owned(), json!(link));
    }
    facts
}

fn describe(metadata: &fs::Metadata) -> Value {
    let kind = metadata.file_type();
    let names = [
        ("file", kind.is_file()),
        ("directory", kind.is_dir()),
        ("symlink", kind.is_symlink()),
        ("char", kind.is_char_device()),
        ("block", kind.is_block_device()),
        ("fifo", kind.is_fifo()),
        ("socket", kind.is_socket()),
    ];
    json!({
        "type": names.iter().find(|(_, is)| *is).map(|(name, _)| name),
        "mode": format!("{:04o}", metadata.mode() & 0o7777),
        "uid": metadata.uid(),
        "gid": metadata.gid(),
        "size": metadata.size(),
        "device": metadata.dev(),
        "inode": metadata.ino(),
        "major": rustix::fs::major(metadata.rdev()),
        "minor": rustix::fs::minor(metadata.rdev()),
    })
}

/// The file system's magic number in hexadecimal, and its size in bytes.
pub fn statfs(path: &str) -> Value {
    rustix::fs::statfs(path).map_or_else(failure, |facts| {
        json!({
            "magic": format!("{:x}", facts.f_type),
            "size": facts.f_blocks as i64 * facts.f_bsize,
        })
    })
}

/// Opens without creating; `mode` holds `r`, `w` or both.
pub fn open(path: &str, mode: &str) -> Value {
    let file = OpenOptions::new().read(mode.contains('r')).write(mode.contains('w')).open(path);
    outcome(file)
}

/// Writes a text to a file that is created if it is not there.
pub fn write(path: &str, text: &str) -> Value {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    outcome(file.and_then(|mut file: File| file.write_all(text.as_bytes())))
}

pub fn mkdir(path: &str) -> Value {
    outcome(fs::create_dir(path))
}

pub fn mknod(path: &str, kind: &str, major: &str, minor: &str) -> Value {
    let kind = if kind == "b" { FileType::BlockDevice } else { FileType::CharacterDevice };
    let device = makedev(major.parse().unwrap_or(0), minor.parse().unwrap_or(0));
    outcome(mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device))
}

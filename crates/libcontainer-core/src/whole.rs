//! Files that are read and written as a whole, by their descriptors.

use std::os::fd::AsFd;

use rustix::io::Errno;

/// Writes everything, in as many writes as it takes.
pub fn write_all(fd: impl AsFd, mut text: &[u8]) -> std::result::Result<(), Errno> {
    while !text.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::write(&fd, text))?;
        text = &text[count..];
    }
    Ok(())
}

/// Reads everything.
pub fn read_all(fd: impl AsFd) -> std::result::Result<Vec<u8>, Errno> {
    let size = rustix::fs::fstat(&fd)?.st_size.max(0) as usize;
    read_sized(fd, size)
}

/// Reads everything, in one read if the size is right.
pub fn read_sized(fd: impl AsFd, size: usize) -> std::result::Result<Vec<u8>, Errno> {
    let mut text = vec![0; size + 1];
    let mut filled = 0;
    loop {
        if filled == text.len() {
            text.resize(text.len() * 2, 0);
        }
        match rustix::io::retry_on_intr(|| rustix::io::read(&fd, &mut text[filled..]))? {
            0 => break,
            count => filled += count,
        }
        if size > 0 && filled == size {
            break;
        }
    }
    text.truncate(filled);
    Ok(text)
}

//! What to write to a control file to take another write back.

use std::borrow::Cow;

/// What undoes the write of `data` to a file that read as `before`; none where that cannot be told.
pub(crate) fn inverse(file: &str, data: &str, before: &str) -> Option<Cow<'static, str>> {
    let owned = |text: &str| Some(Cow::Owned(text.to_owned()));
    if let Some(key) = key(data) {
        let is_about = |line: &&str| line.split_whitespace().next() == Some(key);
        return match before.lines().find(is_about) {
            Some(line) => owned(line),
            None => Some(Cow::Owned(format!("{key} {}", nothing_set(file, data)))),
        };
    }
    if file == "memory.oom_control" {
        return owned(before.strip_prefix("oom_kill_disable ")?.get(..1)?);
    }
    let mut lines = before.lines();
    match (lines.next(), lines.next()) {
        // A cpuset is emptied by an empty line.
        (None | Some(""), None) => Some(Cow::Borrowed("\n")),
        (Some(line), None) => owned(line.strip_prefix("default ").unwrap_or(line)),
        (Some(line), Some(_)) => owned(line.strip_prefix("default ")?),
        (None, Some(_)) => None,
    }
}

/// What a line is about, if the file has lines about several things: a device or an interface.
fn key(data: &str) -> Option<&str> {
    let (first, rest) = data.split_once(' ')?;
    let is_number = |text: &str| text == "max" || text.parse::<i64>().is_ok();
    (!is_number(first) && !rest.is_empty()).then_some(first)
}

/// The value that takes a line out.
fn nothing_set(file: &str, data: &str) -> String {
    let parts = data.split_whitespace().skip(1);
    let maxima =
        parts.filter_map(|part| part.split_once('=')).map(|(name, _)| format!("{name}=max"));
    let maxima: Vec<String> = maxima.collect();
    match maxima.is_empty() {
        false => maxima.join(" "),
        true if file.starts_with("io.") => "default".to_owned(),
        true => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses() {
        // file, data, content before, what undoes it
        for (file, data, before, expected) in [
            ("memory.max", "4096", "max\n", Some("max")),
            ("cpu.max", "1000 2000", "max 100000\n", Some("max 100000")),
            ("cpuset.cpus", "0", "\n", Some("\n")),
            ("cpuset.cpus", "0", "", Some("\n")),
            ("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\n", Some("0")),
            ("io.weight", "500", "default 100\n", Some("100")),
            ("io.weight", "500", "default 100\n8:0 50\n", Some("100")),
            ("io.weight", "8:0 500", "default 100\n8:0 50\n", Some("8:0 50")),
            ("io.weight", "8:0 500", "default 100\n", Some("8:0 default")),
            ("io.max", "8:0 rbps=1", "", Some("8:0 rbps=max")),
            (
                "io.max",
                "8:0 rbps=1",
                "8:0 rbps=2 wbps=max riops=max wiops=max\n",
                Some("8:0 rbps=2 wbps=max riops=max wiops=max"),
            ),
            ("blkio.throttle.read_bps_device", "8:0 1", "8:16 5\n", Some("8:0 0")),
            ("blkio.throttle.read_bps_device", "8:0 1", "8:0 5\n", Some("8:0 5")),
            ("net_prio.ifpriomap", "lo 5", "lo 0\neth0 1\n", Some("lo 0")),
            ("rdma.max", "mlx4_0 hca_handle=1", "", Some("mlx4_0 hca_handle=max")),
            ("memory.stat", "1", "anon 1\nfile 2\n", None),
        ] {
            assert_eq!(inverse(file, data, before).as_deref(), expected, "{file}: {data}");
        }
    }
}

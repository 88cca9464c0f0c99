//! Reads `/proc/PID/mountinfo`, see proc_pid_mountinfo(5).

use serde_json::{Value, json};

/// Parses the text of a mountinfo file into one object per mount.
pub fn parse(text: &str) -> Vec<Value> {
    text.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Value> {
    let (mount, filesystem) = text.split_once(" - ")?;
    let mut fields = mount.split(' ');
    let id: u64 = fields.next()?.parse().ok()?;
    let parent: u64 = fields.next()?.parse().ok()?;
    let device = fields.next()?;
    let root = unescape(fields.next()?);
    let path = unescape(fields.next()?);
    let options: Vec<_> = fields.next()?.split(',').collect();
    let propagation: Vec<_> = fields.map(peer_group_kind).collect();
    let mut filesystem = filesystem.splitn(3, ' ');
    Some(json!({
        "id": id,
        "parent": parent,
        "device": device,
        "root": root,
        "path": path,
        "options": options,
        "propagation": propagation,
        "type": filesystem.next()?,
        "source": unescape(filesystem.next()?),
        "super": filesystem.next()?.split(',').collect::<Vec<_>>(),
    }))
}

/// Peer group numbers differ from run to run: `shared:12` becomes `shared`.
fn peer_group_kind(field: &str) -> &str {
    field.split(':').next().unwrap_or(field)
}

/// Space, tab, newline and backslash stand as three octal digits in the file.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn one_line_of_the_manual_page() {
        let text = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=x\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0]["path"], "/mnt 2");
        assert_eq!(mounts[0]["options"][1], "noatime");
        assert_eq!(mounts[0]["propagation"][0], "master");
        assert_eq!(mounts[0]["super"][1], "errors=x");
    }
}

//! `list`

use libcontainer_core::container::{Container, Report};
use libcontainer_core::error::{At, Error};
use libcontainer_core::step::Step;
use libcontainer_core::store::Store;
use rustix::io::Errno;

use super::Failure;
use crate::parse::Words;

/// `list`
pub fn list(words: &Words, root: &str, root_given: bool) -> Result<i32, Failure> {
    let failed = |error| Failure::of("", "list", error);
    let format = words.last("format").unwrap_or("table");
    let store = match Store::open(root).map_err(failed)? {
        Some(store) => Some(store),
        // Only a root that somebody named has to be there.
        None if root_given => return Err(failed(missing(root))),
        None => None,
    };
    let ids = store.as_ref().map_or_else(|| Ok(Vec::new()), Store::ids).map_err(failed)?;
    if words.has("quiet") {
        return Ok(crate::print(&ids.iter().map(|id| format!("{id}\n")).collect::<String>()));
    }
    if !matches!(format, "table" | "json") {
        return Err(Failure::new(format!("invalid format option {format:?}: it is table or json")));
    }
    // Read once: a thousand containers have few owners.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let users = users.as_str();
    let of_store = |store| ids.iter().filter_map(move |id| report(store, id, users));
    let reports: Vec<Report> = store.iter().flat_map(of_store).collect();
    Ok(crate::print(&if format == "json" { json(&reports) } else { table(&reports) }))
}

fn missing(root: &str) -> Error {
    let absent: Result<(), Errno> = Err(Errno::NOENT);
    absent
        .at(Step::OpenStateRoot, root)
        .err()
        .unwrap_or_else(|| Error::new(Step::OpenStateRoot, root))
}

/// One row; none if the container went away meanwhile. A state that can't be read is shown as such.
fn report(store: &Store, id: &str, users: &str) -> Option<Report> {
    let container = match Container::load(store, id) {
        Ok(container) => container,
        Err(error) if error.step == Step::FindContainer => return None,
        Err(error) => {
            return Some(Report {
                oci_version: libcontainer_core::spec::OCI_VERSION,
                id: id.to_owned(),
                pid: 0,
                status: "unknown",
                bundle: error.to_string(),
                rootfs: String::new(),
                created: String::new(),
                annotations: std::collections::BTreeMap::new(),
                owner: String::new(),
            });
        }
    };
    Some(Report { owner: user_name(users, container.state.owner), ..container.report() })
}

/// The name of a user in the text of /etc/passwd, or `#UID`.
fn user_name(users: &str, uid: u32) -> String {
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("#{uid}"))
}

fn json(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "null\n".to_owned();
    }
    serde_json::to_string(reports).unwrap_or_default() + "\n"
}

fn table(reports: &[Report]) -> String {
    let rows = reports.iter().map(|report| {
        let pid = report.pid.to_string();
        [
            report.id.clone(),
            pid,
            report.status.to_owned(),
            report.bundle.clone(),
            report.created.clone(),
            report.owner.clone(),
        ]
    });
    let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count() + 3).max().unwrap_or(0).max(12)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("{cell:<width$}");
        }
        text += &row[5];
        text.push('\n');
    }
    text
}

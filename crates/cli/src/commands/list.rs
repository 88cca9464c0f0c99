//! `list`

use std::fmt::Write as _;

use libcontainer_core::container::Report;
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
    let mut reports = Vec::with_capacity(ids.len());
    if let Some(store) = &store {
        let looks = Report::of_all(store, &ids);
        reports.extend(looks.filter_map(|(id, look)| row(id, look, users)));
    }
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
fn row(id: &str, look: libcontainer_core::Result<Report>, users: &str) -> Option<Report> {
    let report = match look {
        Ok(report) => report,
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
                uid: 0,
            });
        }
    };
    Some(Report { owner: user_name(users, report.uid), ..report })
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
    let pids: Vec<String> = reports.iter().map(|report| report.pid.to_string()).collect();
    let rows = reports.iter().zip(&pids).map(|(report, pid)| {
        [&*report.id, pid, report.status, &report.bundle, &report.created, &report.owner]
    });
    let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
    let rows: Vec<[&str; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count() + 3).max().unwrap_or(0).max(12)
    };
    let widths = [width(0), width(1), width(2), width(3), width(4), 0];
    let mut text = String::with_capacity(rows.len() * (widths.iter().sum::<usize>() + 16));
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}");
        }
        text.push('\n');
    }
    text
}

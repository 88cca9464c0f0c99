//! `linux.namespaces`, id mappings and clock offsets (config-linux.md, "Namespaces").

use ::namespaces::{ClockOffset, IdMap, Namespace};

use super::{Host, JoinPlan, Namespaces, c_string};
use crate::error::{Error, Result};
use crate::spec::{IdMapping, Linux};

/// The most lines of an id map (`user_namespaces(7)`, Linux 4.15).
const MAP_MAX: usize = 340;

/// Plans which namespaces are created and joined.
pub fn plan(linux: Option<&Linux<'_>>, host: &Host) -> Result<Namespaces> {
    let mut plan = Namespaces::default();
    let Some(linux) = linux else { return Ok(plan) };
    for (index, entry) in linux.namespaces.iter().flatten().enumerate() {
        let field = |property: &str| format!("linux.namespaces[{index}].{property}");
        let Some(kind) = Namespace::from_name(&entry.kind) else {
            return Err(Error::config(
                field("type"),
                format!("unknown namespace {:?}", &*entry.kind),
            ));
        };
        if plan.has(kind) {
            let reason = format!("duplicated ns: {:?} is listed before", kind.name());
            return Err(Error::config(field("type"), reason));
        }
        match entry.path.as_deref().filter(|path| !path.is_empty()) {
            None => plan.create = plan.create.with(kind),
            Some(path) if !path.starts_with('/') => {
                return Err(Error::config(
                    field("path"),
                    format!("{path:?} is not an absolute path"),
                ));
            }
            Some(path) => {
                let path = c_string(path, || field("path"))?;
                plan.join.push(JoinPlan { kind, path, index });
            }
        }
    }
    map_ids(linux, host, &mut plan)?;
    offset_clocks(linux, &mut plan)?;
    Ok(plan)
}

fn map_ids(linux: &Linux<'_>, host: &Host, plan: &mut Namespaces) -> Result<()> {
    plan.uid_map = id_map("linux.uidMappings", linux.uid_mappings.as_deref())?;
    plan.gid_map = id_map("linux.gidMappings", linux.gid_mappings.as_deref())?;
    let mapped = !plan.uid_map.is_empty() || !plan.gid_map.is_empty();
    if !plan.has(Namespace::User) {
        if mapped {
            let reason =
                "user namespace mappings specified, but user namespace isn't enabled in the config";
            let uids = !plan.uid_map.is_empty();
            let field = if uids { "linux.uidMappings" } else { "linux.gidMappings" };
            return Err(Error::config(field, reason));
        }
        if host.euid != 0 {
            let reason = "an ordinary user needs one of type \"user\" (see `orun spec --rootless`)";
            return Err(Error::config("linux.namespaces", reason));
        }
        return Ok(());
    }
    if plan.joins(Namespace::User) {
        // The joined namespace has its maps already; runc accepts equal ones in the file.
        plan.uid_map.clear();
        plan.gid_map.clear();
        return Ok(());
    }
    for (field, map) in [("linux.uidMappings", &plan.uid_map), ("linux.gidMappings", &plan.gid_map)]
    {
        if map.is_empty() {
            return Err(Error::config(field, "user namespaces enabled, but no mapping found"));
        }
    }
    Ok(())
}

/// The lines of a map, each with at least one id.
pub fn id_map(field: &str, mappings: Option<&[IdMapping]>) -> Result<Vec<IdMap>> {
    let mut map = Vec::new();
    for (index, entry) in mappings.unwrap_or_default().iter().enumerate() {
        let line = IdMap { container: entry.container_id, host: entry.host_id, size: entry.size };
        let fits = |first: u32| first.checked_add(line.size).is_some();
        if line.size == 0 || !fits(line.container) || !fits(line.host) {
            let reason =
                format!("the range of {} ids is empty or ends after 4294967295", line.size);
            return Err(Error::config(format!("{field}[{index}].size"), reason));
        }
        let overlaps =
            |one: u32, other: u32, size: u32| one < other + size && other < one + line.size;
        if let Some(known) = map.iter().position(|known: &IdMap| {
            overlaps(line.container, known.container, known.size)
                || overlaps(line.host, known.host, known.size)
        }) {
            let reason = format!("the range overlaps that of {field}[{known}]");
            return Err(Error::config(format!("{field}[{index}]"), reason));
        }
        map.push(line);
    }
    if map.len() > MAP_MAX {
        let reason = format!("has {} lines; the kernel takes {MAP_MAX}", map.len());
        return Err(Error::config(field, reason));
    }
    Ok(map)
}

fn offset_clocks(linux: &Linux<'_>, plan: &mut Namespaces) -> Result<()> {
    let Some(offsets) = linux.time_offsets.as_ref().filter(|offsets| !offsets.is_empty()) else {
        return Ok(());
    };
    if !plan.create.contains(Namespace::Time) {
        let reason = if plan.joins(Namespace::Time) {
            "time namespace offsets can't be set in a time namespace that is joined"
        } else {
            "time namespace offsets specified, but time namespace isn't enabled in the config"
        };
        return Err(Error::config("linux.timeOffsets", reason));
    }
    for (name, offset) in offsets {
        let field = format!("linux.timeOffsets.{name}");
        let clock = match &**name {
            "monotonic" => "monotonic",
            "boottime" => "boottime",
            _ => {
                return Err(Error::config(
                    field,
                    "unknown clock; only monotonic and boottime can be set",
                ));
            }
        };
        if offset.nanosecs > 999_999_999 {
            return Err(Error::config(format!("{field}.nanosecs"), "must be below 1000000000"));
        }
        plan.clock_offsets.push(ClockOffset {
            clock,
            seconds: offset.secs,
            nanoseconds: offset.nanosecs,
        });
    }
    Ok(())
}

//! `linux.intelRdt`: which group of the resctrl filesystem (config-linux.md, "IntelRdt").

use super::Options;
use crate::error::{Error, Result};
use crate::spec::Linux;

/// Directories of resctrl itself, which can't be groups.
const RESERVED: [&str; 3] = ["info", "mon_data", "mon_groups"];
/// The longest name of a file.
const NAME_MAX: usize = 255;

/// The group of a container, and what is written there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntelRdtPlan {
    /// Name of the group's directory; empty for the default group.
    pub group: String,
    /// Whether the configuration names the group, which then outlives the container.
    pub named: bool,
    /// Lines for `schemata`, in this order, with the properties that ask for them.
    pub schemata: Vec<(String, String)>,
    /// Name of the monitoring group.
    pub monitoring: Option<String>,
}

/// Plans the group; `warnings` gets what the specification advises against.
pub fn plan(
    linux: Option<&Linux<'_>>,
    options: &Options,
    warnings: &mut Vec<String>,
) -> Result<Option<IntelRdtPlan>> {
    let Some(rdt) = linux.and_then(|linux| linux.intel_rdt.as_ref()) else { return Ok(None) };
    let clos = rdt.clos_id.as_deref().filter(|clos| !clos.is_empty());
    let group = match clos {
        Some("/") => "",
        Some(clos) => clos,
        None => &options.id,
    };
    check_group(group, clos.is_some())?;
    let mut schemata = Vec::new();
    if let Some(text) = rdt.l3_cache_schema.as_deref().filter(|text| !text.is_empty()) {
        let field = "linux.intelRdt.l3CacheSchema";
        if text.contains('\n') || !text.starts_with("L3:") {
            warnings.push(format!("{field}: {text:?} should be one line that starts with \"L3:\""));
        }
        for line in text.lines() {
            schemata.push((checked(line, field.to_owned())?, field.to_owned()));
        }
    }
    if let Some(line) = rdt.mem_bw_schema.as_deref().filter(|line| !line.is_empty()) {
        let field = "linux.intelRdt.memBwSchema".to_owned();
        if !line.starts_with("MB:") {
            return Err(Error::config(field, format!("{line:?} does not start with \"MB:\"")));
        }
        schemata.push((checked(line, field.clone())?, field));
    }
    for (index, line) in rdt.schemata.iter().flatten().enumerate() {
        let field = format!("linux.intelRdt.schemata[{index}]");
        schemata.push((checked(line, field.clone())?, field));
    }
    Ok(Some(IntelRdtPlan {
        group: group.to_owned(),
        named: clos.is_some(),
        schemata,
        monitoring: rdt.enable_monitoring.then(|| options.id.clone()),
    }))
}

/// A group is one directory, and none of those that resctrl has itself.
fn check_group(name: &str, named: bool) -> Result<()> {
    let wrong = if name.len() > NAME_MAX {
        "is longer than 255 bytes"
    } else if name.contains(['/', '\n', '\0']) {
        "has a slash, newline or NUL in it (only \"/\" alone is a group: the default one)"
    } else if name == "." || name == ".." || RESERVED.contains(&name) {
        "can't be the name of a group"
    } else {
        return Ok(());
    };
    let whose = if named { "" } else { "the container's ID " };
    Err(Error::config("linux.intelRdt.closID", format!("{whose}{name:?} {wrong}")))
}

/// One line of a `schemata` file, `RESOURCE:ID=VALUE;...`.
fn checked(line: &str, field: String) -> Result<String> {
    if line.contains(['\n', '\0']) {
        return Err(Error::config(field, "must not contain a newline or a NUL character"));
    }
    match line.split_once(':') {
        Some((resource, values)) if !resource.trim().is_empty() && values.contains('=') => {
            Ok(line.to_owned())
        }
        _ => {
            let reason = format!("{line:?} is not of the form RESOURCE:ID=VALUE;ID=VALUE");
            Err(Error::config(field, reason))
        }
    }
}

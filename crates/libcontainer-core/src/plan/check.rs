//! Rules that concern a configuration as a whole.

use ::namespaces::Namespace;

use super::Namespaces;
use crate::error::{Error, Result};
use crate::spec::{Hook, Hooks, Spec};

/// The specification's version must be a 1.x (config.md, "Specification version").
pub fn version(spec: &Spec<'_>) -> Result<()> {
    let version: &str = &spec.oci_version;
    let mut parts = version.split(['.', '-', '+']);
    let numbers = [parts.next(), parts.next(), parts.next()];
    let well_formed = numbers.iter().all(|part| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if !well_formed {
        return Err(Error::config(
            "ociVersion",
            format!("{version:?} is not a version (MAJOR.MINOR.PATCH)"),
        ));
    }
    if numbers[0] != Some("1") {
        return Err(Error::config(
            "ociVersion",
            format!("version {version} is not supported, only 1.x is"),
        ));
    }
    Ok(())
}

/// Hooks have an absolute path and a positive timeout (config.md, "POSIX-platform Hooks").
pub fn hooks(hooks: Option<&Hooks>) -> Result<()> {
    let Some(hooks) = hooks else { return Ok(()) };
    let lists: [(&str, &[Hook]); 6] = [
        ("prestart", &hooks.prestart),
        ("createRuntime", &hooks.create_runtime),
        ("createContainer", &hooks.create_container),
        ("startContainer", &hooks.start_container),
        ("poststart", &hooks.poststart),
        ("poststop", &hooks.poststop),
    ];
    for (name, list) in lists {
        for (index, hook) in list.iter().enumerate() {
            let field = |property: &str| format!("hooks.{name}[{index}].{property}");
            if !hook.path.starts_with('/') {
                return Err(Error::config(
                    field("path"),
                    format!("{:?} is not an absolute path", hook.path),
                ));
            }
            if hook.timeout.is_some_and(|timeout| timeout <= 0) {
                return Err(Error::config(field("timeout"), "must be greater than zero"));
            }
            let words = [
                ("path", std::slice::from_ref(&hook.path)),
                ("args", &*hook.args),
                ("env", hook.env.as_deref().unwrap_or_default()),
            ];
            for (property, words) in words {
                if words.iter().any(|word| word.contains('\0')) {
                    return Err(Error::config(field(property), "must not contain a NUL character"));
                }
            }
        }
    }
    Ok(())
}

/// A hostname or domain name needs a uts namespace, and fits into the kernel's 64 bytes.
pub fn uts_name(
    field: &str,
    name: Option<&str>,
    namespaces: &Namespaces,
) -> Result<Option<String>> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    if !namespaces.has(Namespace::Uts) {
        return Err(Error::config(field, "unable to set it without a private UTS namespace"));
    }
    if name.len() > 64 {
        return Err(Error::config(field, "is longer than 64 bytes"));
    }
    if name.contains('\0') {
        return Err(Error::config(field, "must not contain a NUL character"));
    }
    Ok(Some(name.to_owned()))
}

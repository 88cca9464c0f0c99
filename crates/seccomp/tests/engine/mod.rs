//! Profiles as engines ship them, reduced to what they hand to a runtime.
#![allow(dead_code, reason = "tests use parts")]

use std::path::PathBuf;

use seccomp::Arch;
use seccomp::spec::Profile;
use serde_json::Value;

/// Where distributions put such profiles; `SECCOMP_ENGINE_PROFILES` adds more, split at colons.
const PLACES: &[&str] = &[
    "/usr/share/containers/seccomp.json",
    "/usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json",
];

/// The profiles on this machine.
pub fn profile_files() -> Vec<PathBuf> {
    let more = std::env::var("SECCOMP_ENGINE_PROFILES").unwrap_or_default();
    let all = PLACES.iter().copied().chain(more.split(':')).map(PathBuf::from);
    all.filter(|path| path.is_file()).collect()
}

/// What an engine on `native` makes of the profile in `text` for a container with `caps`.
pub fn resolve(text: &str, native: Arch, caps: &[&str]) -> Profile<'static> {
    let mut profile: Value = serde_json::from_str(text).expect("JSON");
    let rules = profile["syscalls"].as_array_mut().expect("rules");
    rules.retain(|rule| applies(rule, native, caps));
    for rule in rules {
        if let Some(name) = rule.get("name").filter(|name| !name.is_null()) {
            rule["names"] = Value::Array(vec![name.clone()]);
        }
    }
    let text: &'static str = Box::leak(profile.to_string().into_boxed_str());
    serde_json::from_str(text).expect("a profile")
}

fn applies(rule: &Value, native: Arch, caps: &[&str]) -> bool {
    let words = |of: &str, key: &str| -> Vec<String> {
        let list = rule[of][key].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|word| word.as_str().map(String::from)).collect()
    };
    let arch = go_name(native);
    let has = |cap: &String| caps.contains(&cap.as_str());
    let included = words("includes", "arches");
    (included.is_empty() || included.iter().any(|name| name == arch))
        && words("includes", "caps").iter().all(has)
        && !words("excludes", "arches").iter().any(|name| name == arch)
        && !words("excludes", "caps").iter().any(has)
}

/// What Go, and so the profiles, call an architecture.
fn go_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::X86 => "x86",
        Arch::X32 => "x32",
        Arch::Aarch64 => "arm64",
        Arch::Arm => "arm",
        Arch::Ppc64le => "ppc64le",
        Arch::Riscv64 => "riscv64",
        Arch::S390x => "s390x",
        Arch::S390 => "s390",
        _ => "other",
    }
}

//! Rules of the house that no compiler checks: layers, the place of `unsafe`, the size of files.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is longer than this wants to be two.
const LINES_MAX: usize = 420;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&crates().join(name).join("src"), &mut found);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// Lines outside of comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[test]
fn dependencies_point_one_way() {
    let ours = ["orun", "libcontainer-core", "namespaces", "cgroups", "seccomp"];
    let allowed = [
        ("cli", vec!["libcontainer-core"]),
        ("libcontainer-core", vec!["namespaces", "cgroups", "seccomp"]),
        ("namespaces", vec![]),
        ("cgroups", vec![]),
        ("seccomp", vec![]),
    ];
    for (name, allowed) in allowed {
        let manifest =
            fs::read_to_string(crates().join(name).join("Cargo.toml")).expect("a manifest");
        let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        for crate_name in ours {
            let depends = section.lines().any(|line| {
                line.starts_with(&format!("{crate_name}."))
                    || line.starts_with(&format!("{crate_name} "))
            });
            assert_eq!(depends, allowed.contains(&crate_name), "{name} on {crate_name}");
        }
    }
}

#[test]
fn unsafe_is_in_sys_rs_only() {
    for name in ["cli", "libcontainer-core", "namespaces", "cgroups", "seccomp"] {
        for (path, text) in all_sources(name) {
            let allows = code(&text).any(|line| line.contains("allow(unsafe_code)"));
            assert!(
                !allows || path.file_name().is_some_and(|file| file == "sys.rs"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_init_does_not_know_the_specification() {
    for (path, text) in all_sources("libcontainer-core") {
        if path.to_string_lossy().contains("/init/") {
            // The size of a terminal is a pair of numbers, for which the plan has no other type.
            let knows = code(&text)
                .any(|line| line.contains("crate::spec::") && !line.contains("ConsoleSize"));
            assert!(!knows, "{}", path.display());
        }
    }
}

#[test]
fn the_library_neither_prints_nor_exits() {
    for name in ["libcontainer-core", "namespaces", "cgroups", "seccomp"] {
        for (path, text) in all_sources(name) {
            for word in ["println!", "eprintln!", "print!(", "process::exit"] {
                let used = code(&text)
                    .take_while(|line| *line != "#[cfg(test)]")
                    .any(|line| line.contains(word));
                assert!(!used, "{word} in {}", path.display());
            }
        }
    }
}

#[test]
fn files_are_of_a_size_to_be_read() {
    for name in ["cli", "libcontainer-core", "namespaces", "cgroups"] {
        for (path, text) in all_sources(name) {
            if path.ends_with("sys.rs") {
                continue; // a list of wrappers that know nothing of each other
            }
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        }
    }
}

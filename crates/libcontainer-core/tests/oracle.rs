//! The types of `spec` against those of the oci-spec crate, on the planner's configurations and on the template.

use std::fs;
use std::path::Path;

use libcontainer_core::spec::{Spec, parse};
use libcontainer_core::template::Template;

/// Configurations that only one of the two reads, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("nulls.json", "null for process.user, which runc takes"),
    (
        "process.json",
        "oci-spec has no SCHED_FLAG_RESET_ON_FORK, and an unknown capability is fatal to it",
    ),
    ("error-namespace-kind.json", "oci-spec refuses in the parser what the planner refuses here"),
    ("error-rlimit.json", "the same"),
    ("error-device-type.json", "the same"),
    ("error-seccomp-action.json", "the same"),
    ("error-seccomp-empty.json", "the same"),
    ("error-no-cwd.json", "the same"),
    ("error-no-version.json", "it is required by the specification, and oci-spec fills it in"),
];

fn theirs(text: &[u8]) -> Result<oci_spec::runtime::Spec, serde_json::Error> {
    serde_json::from_slice(text)
}

#[test]
fn both_read_the_same_configurations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).expect("tests/plans") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).expect("a configuration");
        let (ours, theirs) = (parse::<Spec<'_>>(&text), theirs(&text));
        let listed = DIFFERENCES.iter().any(|(known, _)| *known == name);
        if (ours.is_ok() != theirs.is_ok()) != listed {
            wrong.push(format!("{name}: ours {:?}, theirs {:?}", ours.err(), theirs.err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn both_find_the_same_in_it() {
    for rootless in [false, true] {
        let text = Template { rootless, unified: true, uid: 1000, gid: 1000 }.to_json();
        let ours: Spec<'_> = parse(text.as_bytes()).expect("ours");
        let theirs = theirs(text.as_bytes()).expect("theirs");
        let process = theirs.process().as_ref().expect("a process");
        let own = ours.process.as_ref().expect("a process");
        let words = |list: &Option<Vec<libcontainer_core::spec::Str<'_>>>| -> Vec<String> {
            list.iter().flatten().map(ToString::to_string).collect()
        };
        assert_eq!(words(&own.args), process.args().clone().unwrap_or_default());
        assert_eq!(words(&own.env), process.env().clone().unwrap_or_default());
        assert_eq!(Some(own.no_new_privileges), process.no_new_privileges());
        let mounts = theirs.mounts().clone().unwrap_or_default();
        assert_eq!(ours.mounts.len(), mounts.len());
        for (own, their) in ours.mounts.iter().zip(&mounts) {
            assert_eq!(&*own.destination, their.destination().to_string_lossy());
            assert_eq!(words(&own.options), their.options().clone().unwrap_or_default());
        }
        let (own, their) = (ours.linux.expect("linux"), theirs.linux().clone().expect("linux"));
        let kinds: Vec<String> =
            own.namespaces.iter().flatten().map(|entry| entry.kind.to_string()).collect();
        let their_kinds: Vec<String> = their
            .namespaces()
            .iter()
            .flatten()
            .map(|entry| {
                serde_json::to_value(entry.typ())
                    .expect("a name")
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        assert_eq!(kinds, their_kinds);
        assert_eq!(words(&own.masked_paths), their.masked_paths().clone().unwrap_or_default());
    }
}

//! Any words of `exec` and any size of `update` are understood, or refused with a message that names the property.
//!
//! The input is lines: a size, a folder, a variable, a capability, a label, then arguments.
#![no_main]

#[path = "../../crates/cli/src/size.rs"]
mod size;

use libcontainer_core::plan::{self, ExecOverrides, Namespaces, Options};
use libcontainer_core::spec::Process;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n').map(str::to_owned);
    if let Some(bytes) = lines.next().and_then(|word| size::size(&word)) {
        assert!(bytes >= -1);
    }
    let overrides = ExecOverrides {
        cwd: lines.next().filter(|line| !line.is_empty()),
        env: lines.next().into_iter().collect(),
        caps: lines.next().into_iter().collect(),
        label: lines.next().filter(|line| !line.is_empty()),
        args: Some(lines.collect()),
        ..ExecOverrides::default()
    };
    let mut process = Process::default();
    let (options, namespaces) = (Options::default(), Namespaces::default());
    let around = plan::Around { linux: None, annotations: &Default::default(), options: &options };
    let planned =
        plan::plan_exec(&around, &mut process, &overrides, &namespaces, &mut Vec::new());
    if let Err(error) = planned {
        assert!(error.to_string().contains("process"), "{error}");
    }
});

//! seccomp: system calls of the other ABIs of a machine, made by a static program (config-linux.md, "architectures").

use behaviour::Bundle;
use serde_json::{Value, json};

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    all_abis_without_a_filter,
    an_abi_that_is_listed_is_filtered,
    i386_that_is_not_listed_is_killed,
    x32_that_is_not_listed_is_killed,
    no_list_means_the_native_abi,
    a_list_without_the_native_abi_includes_it,
];

const STEPS: [&str; 3] = ["mkdir /tmp/native", "mkdir_i386 /tmp/i386", "mkdir_x32 /tmp/x32"];

fn all_abis_without_a_filter() {
    let seen = Bundle::new().writable().look(&STEPS);
    assert_eq!(seen[STEPS[0]], "ok");
    // A kernel may be built without the others.
    for step in &STEPS[1..] {
        assert!(["ok", "ENOSYS"].contains(&seen[step].as_str().unwrap()), "{}", seen[step]);
    }
}

fn an_abi_that_is_listed_is_filtered() {
    if skipped() {
        return;
    }
    let archs = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    let seen = denying_mkdir(archs).look(&STEPS);
    for step in STEPS {
        assert_eq!(seen[step], "ENOTDIR", "{step}");
    }
}

fn i386_that_is_not_listed_is_killed() {
    dies(json!(["SCMP_ARCH_X86_64"]), STEPS[1]);
    dies(json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]), STEPS[1]);
}

fn x32_that_is_not_listed_is_killed() {
    dies(json!(["SCMP_ARCH_X86_64"]), STEPS[2]);
    dies(json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]), STEPS[2]);
}

fn no_list_means_the_native_abi() {
    for step in &STEPS[1..] {
        dies(json!([]), step);
        dies(Value::Null, step);
    }
}

fn a_list_without_the_native_abi_includes_it() {
    if skipped() {
        return;
    }
    let seen = denying_mkdir(json!(["SCMP_ARCH_X86"])).look(&STEPS[..2]);
    assert_eq!(seen[STEPS[0]], "ENOTDIR");
    assert_eq!(seen[STEPS[1]], "ENOTDIR");
}

/// The native call is denied, and the step, which is of another ABI, ends the program.
#[track_caller]
fn dies(archs: Value, step: &str) {
    if skipped() {
        return;
    }
    let done = denying_mkdir(archs).steps(&[STEPS[0], step, "print after"]).run();
    let done = done.exits(128 + libc::SIGSYS);
    assert!(done.stdout.contains("ENOTDIR") && !done.stdout.contains("after"), "{done}");
}

fn denying_mkdir(archs: Value) -> Bundle {
    // No file system gives this error for the folders here.
    let rule = json!({
        "names": ["mkdir", "mkdirat"],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": libc::ENOTDIR,
    });
    let mut profile = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule] });
    if !archs.is_null() {
        profile["architectures"] = archs;
    }
    Bundle::new().writable().set("linux.seccomp", profile)
}

/// The ABIs are those of x86.
fn skipped() -> bool {
    let other = std::env::consts::ARCH != "x86_64";
    if other {
        eprintln!("skipped: this machine is not x86-64");
    }
    other
}

//! Configurations that must be refused, and the exact line that says why.
//!
//! The lines are those of orun; of another runtime it is only asked that it fails.

use std::fs;

use behaviour::{Bundle, Finished, runtime};
use expect_test::{Expect, expect};
use serde_json::json;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    no_configuration,
    no_bundle,
    an_empty_file,
    a_broken_line,
    text_after_the_end,
    a_wrong_type,
    no_version,
    another_major_version,
    no_process,
    no_arguments,
    an_unknown_namespace,
    a_namespace_twice,
    a_namespace_of_the_wrong_kind,
    a_namespace_path_that_is_missing,
    uid_4294967295,
    gid_beyond_32_bits,
    an_unmapped_user,
    mappings_without_a_user_namespace,
    a_relative_cwd,
    a_cwd_that_is_a_file,
    a_relative_masked_path,
    a_relative_readonly_path,
    a_missing_executable,
    a_directory_as_executable,
    a_file_without_permission,
    a_missing_rootfs,
    a_file_as_rootfs,
    a_rootfs_that_is_a_link,
    a_bind_source_that_is_missing,
    a_folder_over_a_file,
    an_unknown_filesystem,
    a_bad_tmpfs_option,
    an_unknown_rlimit,
    a_soft_limit_above_the_hard,
    an_environment_entry_with_nul,
    an_unknown_propagation,
    a_sysctl_of_the_host,
    an_unknown_seccomp_action,
    a_hook_with_a_relative_path,
    a_missing_hook,
    hostname_without_namespace,
    time_offsets_without_namespace,
    a_console_socket_without_terminal,
    a_terminal_without_console_socket,
    an_id_with_a_slash,
];

fn no_configuration() {
    let bundle = Bundle::new();
    let call = bundle.call("create").arg("--bundle").arg(bundle.path()).arg(&bundle.id);
    says(
        &bundle,
        call.finish(),
        expect!["orun create failed: read BUNDLE/config.json: no such file or directory"],
    );
}

fn no_bundle() {
    let bundle = Bundle::new();
    let call = bundle.call("create").arg("--bundle").arg(bundle.scratch("no")).arg(&bundle.id);
    says(
        &bundle,
        call.finish(),
        expect!["orun create failed: read bundle SCRATCH/no: no such file or directory"],
    );
}

fn an_empty_file() {
    refused(
        Bundle::new().text(""),
        expect![
            "orun create failed: invalid configuration: config.json: EOF while parsing a value at line 1 column 0"
        ],
    );
}

fn a_broken_line() {
    let text = "{\n  \"ociVersion\": \"1.0.2\",\n  \"process\": {,\n}\n";
    refused(
        Bundle::new().text(text),
        expect![
            "orun create failed: invalid configuration: config.json: key must be a string at line 3 column 15"
        ],
    );
}

fn text_after_the_end() {
    let bundle = Bundle::new();
    let text = format!("{}\n{{}}\n", bundle.config_text());
    refused(
        bundle.text(&text),
        expect![
            "orun create failed: invalid configuration: config.json: trailing characters at line 173 column 1"
        ],
    );
}

fn a_wrong_type() {
    refused(
        Bundle::new().set("process.user.uid", "root"),
        expect![[
            r#"orun create failed: invalid configuration: process.user.uid: invalid type: string "root", expected u32 at line 164 column 19"#
        ]],
    );
}

fn no_version() {
    refused(
        Bundle::new().without("ociVersion"),
        expect![
            "orun create failed: invalid configuration: config.json: missing field `ociVersion` at line 170 column 1"
        ],
    );
}

fn another_major_version() {
    refused(
        Bundle::new().set("ociVersion", "9.0.0"),
        expect![
            "orun create failed: invalid configuration: ociVersion: version 9.0.0 is not supported, only 1.x is"
        ],
    );
}

fn no_process() {
    let mut bundle = Bundle::new().without("process");
    let failed = bundle.run();
    says(
        &bundle,
        failed,
        expect![
            "orun run failed: invalid configuration: process: is missing, so there is no program to start"
        ],
    );
}

fn no_arguments() {
    refused(
        Bundle::new().set("process.args", json!([])),
        expect!["orun create failed: invalid configuration: process.args: args must not be empty"],
    );
}

fn an_unknown_namespace() {
    refused(
        Bundle::new().namespace("dream"),
        expect![[
            r#"orun create failed: invalid configuration: linux.namespaces[5].type: unknown namespace "dream""#
        ]],
    );
}

fn a_namespace_twice() {
    refused(
        Bundle::new().namespace("pid"),
        expect![[
            r#"orun create failed: invalid configuration: linux.namespaces[5].type: duplicated ns: "pid" is listed before"#
        ]],
    );
}

fn a_namespace_of_the_wrong_kind() {
    refused(
        Bundle::new().join("network", "/proc/self/ns/uts"),
        expect![[
            r#"orun create failed: open namespace "/proc/self/ns/uts": it is a uts namespace (linux.namespaces[4].path)"#
        ]],
    );
}

fn a_namespace_path_that_is_missing() {
    refused(
        Bundle::new().join("network", "/run/netns/nothing"),
        expect![[
            r#"orun create failed: open namespace "/run/netns/nothing": no such file or directory (linux.namespaces[4].path)"#
        ]],
    );
}

fn uid_4294967295() {
    refused(
        Bundle::new().set("process.user.uid", u32::MAX),
        expect![
            "orun create failed: invalid configuration: process.user.uid: 4294967295 is not a valid id"
        ],
    );
}

fn gid_beyond_32_bits() {
    refused(
        Bundle::new().set("process.user.gid", 1u64 << 32),
        expect![
            "orun create failed: invalid configuration: process.user.gid: invalid value: integer `4294967296`, expected u32 at line 163 column 23"
        ],
    );
}

fn an_unmapped_user() {
    refused(
        Bundle::new().user_namespace().set("process.user.uid", 70_000),
        expect![
            "orun create failed: invalid configuration: process.user.uid: 70000 is not mapped in the user namespace"
        ],
    );
}

fn mappings_without_a_user_namespace() {
    refused(
        Bundle::new().user_namespace().without_namespace("user"),
        expect![
            "orun create failed: invalid configuration: linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config"
        ],
    );
}

fn a_relative_cwd() {
    refused(
        Bundle::new().set("process.cwd", "tmp"),
        expect![[
            r#"orun create failed: invalid configuration: process.cwd: "tmp": Cwd must be an absolute path"#
        ]],
    );
}

fn a_cwd_that_is_a_file() {
    refused(
        Bundle::new().set("process.cwd", "/etc/passwd"),
        expect![
            "orun create failed: unable to start container process: error during container init: create cwd /etc/passwd: not a directory (process.cwd)"
        ],
    );
}

fn a_relative_masked_path() {
    refused(
        Bundle::new().push("linux.maskedPaths", "etc/passwd"),
        expect![[
            r#"orun create failed: invalid configuration: linux.maskedPaths[10]: "etc/passwd" is not an absolute path"#
        ]],
    );
}

fn a_relative_readonly_path() {
    refused(
        Bundle::new().push("linux.readonlyPaths", "etc"),
        expect![[
            r#"orun create failed: invalid configuration: linux.readonlyPaths[5]: "etc" is not an absolute path"#
        ]],
    );
}

fn a_missing_executable() {
    refused(
        Bundle::new().set("process.args.0", "nothing"),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: exec: "nothing": executable file not found in $PATH ("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") (process.args[0])"#
        ]],
    );
}

fn a_directory_as_executable() {
    refused(
        Bundle::new().set("process.args.0", "/etc"),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: exec: "/etc": permission denied (it is a directory) (process.args[0])"#
        ]],
    );
}

fn a_file_without_permission() {
    refused(
        Bundle::new().set("process.args.0", "/etc/passwd"),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: exec: "/etc/passwd": permission denied (process.args[0])"#
        ]],
    );
}

fn a_missing_rootfs() {
    refused(
        Bundle::new().set("root.path", "nowhere"),
        expect![
            "orun create failed: unable to start container process: error during container init: invalid rootfs: BUNDLE/nowhere: no such file or directory (root.path)"
        ],
    );
}

fn a_file_as_rootfs() {
    refused(
        Bundle::new().set("root.path", "config.json"),
        expect![
            "orun create failed: unable to start container process: error during container init: invalid rootfs: BUNDLE/config.json: not a directory (root.path)"
        ],
    );
}

fn a_rootfs_that_is_a_link() {
    let bundle = Bundle::new().set("root.path", "link");
    std::os::unix::fs::symlink("rootfs", bundle.path().join("link")).unwrap();
    refused(
        bundle,
        expect![
            "orun create failed: unable to start container process: error during container init: invalid rootfs: BUNDLE/link: it is a symbolic link (root.path)"
        ],
    );
}

fn a_bind_source_that_is_missing() {
    let bundle = Bundle::new();
    let source = bundle.scratch("missing");
    refused(
        bundle.bind(&source, "/data", &[]),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: error mounting "SCRATCH/missing" to rootfs at "/data": no such file or directory (mounts[7].source)"#
        ]],
    );
}

fn a_folder_over_a_file() {
    let bundle = Bundle::new();
    let source = bundle.host_folder("source");
    refused(
        bundle.bind(&source, "/etc/passwd", &[]),
        expect![
            "orun create failed: unable to start container process: error during container init: create mount destination /etc/passwd: not a directory (mounts[7].destination)"
        ],
    );
}

fn an_unknown_filesystem() {
    let bundle = Bundle::new();
    refused(
        bundle.mount("nosuchfs", "none".as_ref(), "/data", &[]),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: error mounting "none" to rootfs at "/data": no such device (mounts[7])"#
        ]],
    );
}

fn a_bad_tmpfs_option() {
    refused(
        Bundle::new().tmpfs("/data", &["size=plenty"]),
        expect![[
            r#"orun create failed: unable to start container process: error during container init: error mounting "tmpfs" to rootfs at "/data": invalid argument (tmpfs: Bad value for 'size') (mounts[7])"#
        ]],
    );
}

fn an_unknown_rlimit() {
    let limit = json!({ "type": "RLIMIT_PATIENCE", "soft": 1, "hard": 1 });
    refused(
        Bundle::new().push("process.rlimits", limit),
        expect![[
            r#"orun create failed: invalid configuration: process.rlimits[1].type: invalid rlimit type "RLIMIT_PATIENCE""#
        ]],
    );
}

fn a_soft_limit_above_the_hard() {
    let limit = json!({ "type": "RLIMIT_CORE", "soft": 2, "hard": 1 });
    refused(
        Bundle::new().push("process.rlimits", limit),
        expect![
            "orun create failed: invalid configuration: process.rlimits[1].soft: 2 is above the hard limit 1"
        ],
    );
}

fn an_environment_entry_with_nul() {
    refused(
        Bundle::new().push("process.env", "A=b\0c"),
        expect![
            "orun create failed: invalid configuration: process.env[2]: must not contain a NUL character"
        ],
    );
}

fn an_unknown_propagation() {
    refused(
        Bundle::new().set("linux.rootfsPropagation", "sideways"),
        expect![[
            r#"orun create failed: invalid configuration: linux.rootfsPropagation: "sideways" is not a propagation; it is one of shared, slave, private, unbindable"#
        ]],
    );
}

fn a_sysctl_of_the_host() {
    let current = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap();
    let bundle = Bundle::new();
    refused(
        bundle.set("linux.sysctl", json!({ "vm.overcommit_memory": current.trim() })),
        expect![[
            r#"orun create failed: invalid configuration: linux.sysctl["vm.overcommit_memory"]: sysctl is not in a separate kernel namespace"#
        ]],
    );
}

fn an_unknown_seccomp_action() {
    let profile = json!({ "defaultAction": "SCMP_ACT_SHRUG" });
    refused(
        Bundle::new().set("linux.seccomp", profile),
        expect![[
            r#"orun create failed: invalid configuration: linux.seccomp.defaultAction: unknown action "SCMP_ACT_SHRUG""#
        ]],
    );
}

fn a_hook_with_a_relative_path() {
    let hook = json!({ "path": "bin/probe" });
    refused(
        Bundle::new().push("hooks.prestart", hook),
        expect![[
            r#"orun create failed: invalid configuration: hooks.prestart[0].path: "bin/probe" is not an absolute path"#
        ]],
    );
}

fn a_missing_hook() {
    let hook = json!({ "path": "/no/such/hook" });
    refused(
        Bundle::new().push("hooks.createRuntime", hook),
        expect![
            "orun create failed: unable to start container process: error running createRuntime hook #0: /no/such/hook: exit status 127, output: exec /no/such/hook: no such file or directory (hooks.createRuntime[0])"
        ],
    );
}

fn hostname_without_namespace() {
    refused(
        Bundle::new().without_namespace("uts"),
        expect![
            "orun create failed: invalid configuration: hostname: unable to set it without a private UTS namespace"
        ],
    );
}

fn time_offsets_without_namespace() {
    let offsets = json!({ "monotonic": { "secs": 10 } });
    refused(
        Bundle::new().set("linux.timeOffsets", offsets),
        expect![
            "orun create failed: invalid configuration: linux.timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config"
        ],
    );
}

fn a_console_socket_without_terminal() {
    let mut bundle = Bundle::new();
    let failed = bundle.create_with(&["--console-socket", "/tmp/nothing"]);
    says(
        &bundle,
        failed,
        expect![
            "orun create failed: invalid option --console-socket: cannot use console socket if runc will not detach or allocate tty (process.terminal)"
        ],
    );
}

fn a_terminal_without_console_socket() {
    refused(
        Bundle::new().set("process.terminal", true),
        expect![
            "orun create failed: invalid option --console-socket: cannot allocate tty if runc will detach without setting console socket (process.terminal)"
        ],
    );
}

fn an_id_with_a_slash() {
    let bundle = Bundle::new();
    bundle.create_call(&[]);
    let call = bundle.call("create").arg("--bundle").arg(bundle.path()).arg("a/b");
    says(
        &bundle,
        call.finish(),
        expect![[
            r#"orun create failed: invalid container ID format "a/b": it must have 1 to 255 of A-Z a-z 0-9 _ + - . and not be "." or "..""#
        ]],
    );
}

#[track_caller]
fn refused(mut bundle: Bundle, line: Expect) {
    let failed = bundle.create();
    says(&bundle, failed, line);
}

/// Demands a failure, and of orun that it says `line` and no more.
#[track_caller]
fn says(bundle: &Bundle, done: Finished, line: Expect) {
    let failed = done.fails();
    if !runtime().is("orun") {
        return;
    }
    let scratch = bundle.scratch("x");
    let text = message(&failed.stderr)
        .replace(bundle.path().to_str().unwrap(), "BUNDLE")
        .replace(scratch.parent().unwrap().to_str().unwrap(), "SCRATCH")
        .replace(&bundle.id, "ID");
    line.assert_eq(&text);
}

/// The message in a log line, without the escapes; panics when there is more than that line.
#[track_caller]
fn message(stderr: &str) -> String {
    let line = stderr.strip_suffix('\n').unwrap_or(stderr);
    assert!(!line.contains('\n'), "more than one line: {stderr}");
    let message = line
        .strip_prefix("time=\"")
        .and_then(|line| line.split_once("\" level=error msg=\""))
        .and_then(|(_, message)| message.strip_suffix('"'));
    message.unwrap_or_else(|| panic!("not a log line: {stderr}")).replace("\\\"", "\"")
}

//! A seccomp profile of the size and shape of Docker's default one, put together here.
//!
//! Nearly all names of two ABIs are allowed without a condition, a few depend on an argument, and
//! one gets an error of its own. What is refused is what the manual pages call privileged or
//! dangerous to the host; which names these are matters little to the time that a filter takes.

use seccomp::Arch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::env::consts::ARCH;

/// Architectures of the profile, the machine's own first.
fn architectures() -> &'static [&'static str] {
    match ARCH {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "riscv64" => &["SCMP_ARCH_RISCV64"],
        _ => &[],
    }
}

/// Left to the default action, or with a rule of their own.
#[rustfmt::skip]
const NOT_ALLOWED: [&str; 72] = [
    // Modules, another kernel, the machine's power and clock.
    "create_module", "delete_module", "finit_module", "get_kernel_syms", "init_module",
    "kexec_file_load", "kexec_load", "query_module", "reboot", "clock_adjtime64",
    "clock_settime", "clock_settime64", "settimeofday", "stime",
    // Ports, and the modes of old processors.
    "ioperm", "iopl", "vm86", "vm86old", "uselib",
    // Mounts, and what belongs to all of the machine.
    "acct", "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount",
    "mount_setattr", "move_mount", "open_by_handle_at", "open_tree", "open_tree_attr",
    "pivot_root", "quotactl", "quotactl_fd", "statmount", "swapoff", "swapon", "sysfs", "syslog",
    "umount", "umount2", "ustat", "lookup_dcookie",
    // Names, namespaces, other processes.
    "kcmp", "listns", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev",
    "setdomainname", "sethostname", "setns", "unshare", "vhangup",
    // Wide attack surface.
    "add_key", "bpf", "fanotify_init", "io_uring_enter", "io_uring_register", "io_uring_setup",
    "keyctl", "nfsservctl", "perf_event_open", "request_key", "userfaultfd", "_sysctl",
    // Below.
    "clone", "clone3", "personality", "socket", "socketcall",
];
/// `personality(2)`: plain Linux, the 32-bit ABI, and asking.
const PERSONALITIES: [u32; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// Every `CLONE_NEW*` of a namespace, see namespaces(7).
const NAMESPACES: u32 = 0x7e02_0000;
/// `AF_VSOCK`: sockets to the hypervisor.
const VSOCK: u32 = 40;

/// The profile as `linux.seccomp`; null on an architecture that it does not know.
pub fn docker_like() -> Value {
    let architectures = architectures();
    if architectures.is_empty() {
        return Value::Null;
    }
    let mut rules = vec![json!({"names": allowed(), "action": "SCMP_ACT_ALLOW"})];
    for persona in PERSONALITIES {
        rules.push(conditional("personality", 0, persona, "SCMP_CMP_EQ"));
    }
    let mut clone = conditional("clone", 0, NAMESPACES, "SCMP_CMP_MASKED_EQ");
    clone["args"][0]["valueTwo"] = json!(0);
    rules.push(clone);
    rules.push(conditional("socket", 0, VSOCK, "SCMP_CMP_NE"));
    // Programs try the older call when this one is not there.
    let enosys = rustix::io::Errno::NOSYS.raw_os_error();
    rules.push(json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": enosys}));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": rustix::io::Errno::PERM.raw_os_error(),
        "architectures": architectures,
        "syscalls": rules,
    })
}

fn conditional(name: &str, index: u32, value: u32, op: &str) -> Value {
    let condition = json!({"index": index, "value": value, "op": op});
    json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [condition]})
}

fn allowed() -> BTreeSet<&'static str> {
    let known = architectures().iter().filter_map(|name| Arch::from_name(name));
    let names = known.flat_map(Arch::syscalls).map(|(name, _)| name);
    names.filter(|name| !NOT_ALLOWED.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_about_as_large_as_the_one_it_stands_for() {
        let allowed = allowed().len();
        assert!((300..450).contains(&allowed), "{allowed}");
    }

    #[test]
    fn a_program_can_run() {
        let allowed = allowed();
        for name in ["execve", "read", "write", "mmap", "exit_group", "openat"] {
            assert!(allowed.contains(name), "{name}");
        }
        assert!(!allowed.contains("mount"));
    }

    #[test]
    fn compiles() {
        let text = docker_like().to_string();
        let profile = serde_json::from_str(&text).unwrap();
        let arch = Arch::from_name(architectures()[0]).unwrap();
        seccomp::compile_for(&profile, arch).unwrap();
    }
}

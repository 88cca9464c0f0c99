//! What to do about an error: one sentence for a step and an errno, naming the option, package or path.

use rustix::io::Errno;

use crate::error::Error;
use crate::step::Step;

/// The table. A row without an errno stands for every errno of its step.
const HINTS: &[(Step, Option<Errno>, &str)] = &[
    (
        Step::Clone,
        Some(Errno::NOSPC),
        "a limit of namespaces is reached, see /proc/sys/user/max_*_namespaces",
    ),
    (
        Step::Clone,
        Some(Errno::PERM),
        "creating namespaces needs root, or a user namespace (linux.namespaces with type user)",
    ),
    (
        Step::Clone,
        Some(Errno::AGAIN),
        "a limit of processes is reached: RLIMIT_NPROC, or pids.max of a cgroup above",
    ),
    (
        Step::Rlimit,
        Some(Errno::PERM),
        "raising a hard limit needs CAP_SYS_RESOURCE; lower process.rlimits or raise the caller's limit",
    ),
    (
        Step::Cgroup,
        Some(Errno::BUSY),
        "a cgroup v2 that has processes hands no controllers down; move them to a sub-cgroup first (an engine in a container: at its start)",
    ),
    (
        Step::JoinCgroup,
        Some(Errno::INVAL),
        "a caller with a real-time policy (chrt) can only join a cpu cgroup with real-time budget: linux.resources.cpu.realtimeRuntime",
    ),
    (
        Step::EnterCgroup,
        Some(Errno::BUSY),
        "a cgroup v2 that hands controllers down takes no processes; name one below it (--cgroup)",
    ),
    (
        Step::Exec,
        Some(Errno::TOOBIG),
        "process.args and process.env are longer than the kernel takes: 128 KiB for one, a quarter of RLIMIT_STACK for all",
    ),
    (
        Step::Scheduler,
        Some(Errno::PERM),
        "it needs CAP_SYS_NICE; SCHED_FIFO and SCHED_RR in a cpu cgroup of version 1 need linux.resources.cpu.realtimeRuntime, too; a deadline process scheduler can't be used together with AllowedCPUs (linux.resources.cpu.cpus)",
    ),
    (
        Step::MapMountIds,
        Some(Errno::INVAL),
        "the filesystem of the source can't map ids (ext4, xfs, btrfs, tmpfs since Linux 6.3, overlayfs and others can)",
    ),
    (Step::Unmount, Some(Errno::INVAL), "nothing is mounted there"),
    (
        Step::Unmount,
        Some(Errno::LOOP),
        "a symbolic link in the container is on the way; give the path that it leads to",
    ),
    (
        Step::Unmount,
        Some(Errno::NOSYS),
        "mounts of a running container can be removed since Linux 5.6",
    ),
    (Step::MapMountIds, Some(Errno::NOSYS), "id-mapped mounts need Linux 5.12"),
    (
        Step::Mount,
        Some(Errno::NOSYS),
        "mounts can be added to a running container since Linux 5.12",
    ),
    (Step::ClaimId, None, "choose another ID, or remove it with `delete --force`"),
    (
        Step::WriteState,
        Some(Errno::ACCESS),
        "use --root with a directory of your own, or set XDG_RUNTIME_DIR",
    ),
    (Step::OpenStateRoot, Some(Errno::ACCESS), "use --root with a directory of your own"),
    (Step::MapIds, Some(Errno::PERM), "check the ranges in /etc/subuid and /etc/subgid"),
    (
        Step::Label,
        Some(Errno::NOENT),
        "the kernel has no such profile; load it with apparmor_parser",
    ),
    (
        Step::Label,
        Some(Errno::INVAL),
        "the label or profile is not known to the kernel; is it loaded?",
    ),
    (
        Step::Exec,
        Some(Errno::NOEXEC),
        "the file is neither a program for this machine nor a script that begins with #!",
    ),
    (
        Step::Device,
        Some(Errno::NOENT),
        "in a user namespace the host's device of the same path is bound, and there is none",
    ),
    (
        Step::Device,
        Some(Errno::NODEV),
        "in a user namespace the host's device of the same path is bound, and it is another one",
    ),
    (
        Step::NetDevice,
        Some(Errno::NODEV),
        "the names of all devices are in /sys/class/net of the runtime's network namespace",
    ),
    (
        Step::NetDevice,
        Some(Errno::INVAL),
        "devices of this kind can't leave their network namespace (lo, some tunnels, some drivers)",
    ),
    (
        Step::Resctrl,
        None,
        "mount it with `mount -t resctrl resctrl /sys/fs/resctrl`; the processor must have Intel RDT (or AMD QoS), and the kernel CONFIG_X86_CPU_RESCTRL",
    ),
    (
        Step::HostTerminal,
        Some(Errno::NOTTY),
        "process.terminal is true but stdin is not a terminal; use --console-socket",
    ),
];

/// The hint for an error, if the table has one.
pub fn find(error: &Error) -> Option<&'static str> {
    HINTS
        .iter()
        .find(|(step, errno, _)| {
            *step == error.step && (errno.is_none() || *errno == error.errno())
        })
        .map(|(_, _, hint)| *hint)
}

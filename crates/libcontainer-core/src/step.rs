//! Every step that can fail, with the words for it. One table for the parent and the container init.

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What was being done when an error happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Step {
            $($(#[$doc])* $name,)*
        }

        impl Step {
            const ALL: &[Step] = &[$(Step::$name,)*];

            /// The words in the message, in front of the subject.
            pub const fn text(self) -> &'static str {
                match self { $(Step::$name => $text,)* }
            }
        }
    };
}

impl Step {
    /// The number by which the step is named on the init pipe.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The step with this number.
    pub fn from_number(number: u8) -> Option<Step> {
        Step::ALL.get(usize::from(number)).copied()
    }
}

steps! {
    // Reading and checking.
    /// A rule of the specification, or of this runtime, is broken.
    CheckConfig = "invalid configuration",
    /// The bundle or a file in it.
    ReadConfig = "read",
    /// An option of the command line.
    CheckOption = "invalid option",
    /// A number or size among options; the subject is the option without its dashes.
    CheckValue = "invalid value for",
    /// A container's name.
    CheckId = "invalid container ID format",
    /// The root filesystem's directory.
    OpenRootfs = "invalid rootfs:",
    // State.
    /// The directory of all states.
    OpenStateRoot = "open state root",
    /// A second container of the same name.
    ClaimId = "container with given ID already exists:",
    /// A container that is not there.
    FindContainer = "container does not exist:",
    /// A state that says something else than the command needs; the subject has the words.
    CheckStatus = "",
    /// State files.
    WriteState = "write container state",
    /// State files.
    ReadState = "read container state",
    /// State files.
    RemoveState = "remove container state",
    // Parent.
    /// A step in the cgroups crate; its message names the file.
    Cgroup = "unable to apply cgroup configuration:",
    /// clone3.
    Clone = "create process",
    /// A pipe, socket pair or event descriptor.
    OpenPipe = "create the init pipe",
    /// A message on the init pipe.
    Talk = "talk to the container init",
    /// The init ended before it was ready.
    InitDied = "container init ended",
    /// uid_map, gid_map.
    MapIds = "map ids:",
    /// `exec --cgroup`
    SubCgroup = "bad sub cgroup path",
    /// `exec --cgroup`
    UnknownController = "unknown controller",
    /// Opening what it takes to join the cgroup of a container.
    EnterCgroup = "error adding pid of the new process to cgroups:",
    /// A namespace file.
    OpenNamespace = "open namespace",
    /// setns.
    JoinNamespace = "join namespace",
    /// The root of a container without a mount namespace of its own, for `exec`.
    EnterRoot = "enter root",
    /// unshare.
    NewNamespace = "create namespace",
    /// timens_offsets.
    TimeOffsets = "set clock offsets",
    /// A hook; the subject is "KIND hook #INDEX".
    Hook = "error running",
    /// The socket that wants the terminal.
    ConsoleSocket = "console socket",
    /// The socket that wants the pidfd.
    PidfdSocket = "pidfd socket",
    /// A netlink socket.
    Netlink = "open a netlink socket",
    /// A network device; the subject has both names.
    NetDevice = "move network device",
    /// An address of a network device that was moved.
    NetDeviceAddress = "keep the address",
    /// A network device that was moved.
    NetDeviceUp = "bring up network device",
    /// The resctrl filesystem.
    Resctrl = "find a resctrl filesystem at",
    /// A group of resctrl; the subject has the file.
    IntelRdt = "Intel RDT:",
    /// The sockets of sd_notify(3).
    Notify = "notify socket",
    /// The agent that gets the listener of a seccomp filter.
    Agent = "failed to connect with seccomp agent",
    /// The pid file.
    PidFile = "write pid file",
    /// The gate of a created container.
    Gate = "open the start gate of container",
    /// A signal.
    Signal = "unable to signal init:",
    /// Catching the signals to the runtime itself.
    Signals = "catch signals:",
    /// A signal to the runtime itself; the subject has its name.
    Interrupted = "interrupted by",
    /// Waiting for a process.
    Wait = "wait for process",
    /// The terminal of the caller.
    HostTerminal = "terminal",
    /// prlimit.
    Rlimit = "error setting rlimit",
    /// Re-executing the sealed binary (CVE-2019-5736).
    Seal = "protect the runtime's binary:",
    // Init: surroundings.
    /// Joining the cgroup by its tasks file.
    JoinCgroup = "join cgroup:",
    /// A file below /proc of the host.
    WriteProc = "write",
    /// The session keyring.
    Keyring = "create session keyring",
    /// setsid.
    Session = "create session",
    /// Becoming root inside a new user namespace.
    BecomeRoot = "become root in the user namespace",
    /// The loopback device.
    Loopback = "bring up loopback device",
    /// Hostname.
    Hostname = "set hostname",
    /// NIS domain name.
    Domainname = "set domainname",
    /// Kernel parameters.
    Sysctl = "set sysctl",
    // Init: filesystem.
    /// Propagation of all mounts, or of the root.
    Propagation = "set mount propagation of",
    /// The bind mount of the root filesystem.
    MountRootfs = "mount rootfs",
    /// A mount; the subject is `"SOURCE" to rootfs at "DESTINATION"`.
    Mount = "error mounting",
    /// An id-mapped mount.
    MapMountIds = "error mapping the ids of",
    /// A mount of a running container.
    Unmount = "unmount",
    /// The place of a mount.
    MountTarget = "create mount destination",
    /// mknod, or a bind of the host's node.
    Device = "error creating device nodes: create",
    /// A link in /dev.
    DeviceLink = "create link",
    /// pivot_root, or what replaces it.
    Pivot = "pivot_root",
    /// A masked path.
    Mask = "mask path",
    /// A readonly path.
    ReadonlyPath = "make readonly",
    /// The read-only root.
    ReadonlyRoot = "remount rootfs readonly",
    /// The pseudo terminal.
    Console = "set up the container's terminal",
    // Init: the process.
    /// The working directory, if it is missing.
    MakeCwd = "create cwd",
    /// The working directory.
    Cwd = "chdir to cwd",
    /// Scheduling policy.
    Scheduler = "error setting scheduler",
    /// I/O priority.
    IoPriority = "error setting ioprio",
    /// personality(2).
    Personality = "set personality",
    /// set_mempolicy(2).
    MemoryPolicy = "set memory policy",
    /// CPU affinity.
    Affinity = "set cpu affinity",
    /// An LSM label.
    Label = "set process label",
    /// setgroups, setresgid, setresuid.
    Ids = "set user",
    /// Capability sets.
    Capabilities = "apply capabilities",
    /// no_new_privs.
    NoNewPrivs = "set no_new_privs",
    /// seccomp(2).
    Seccomp = "unable to init seccomp:",
    /// The calls of a run, for a profile.
    Record = "record system calls:",
    /// Descriptors that are passed on, or closed.
    Fds = "pass file descriptors",
    /// Finding the program.
    FindProgram = "exec:",
    /// execve(2).
    Exec = "exec",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_step() {
        for step in Step::ALL {
            assert_eq!(Step::from_number(step.number()), Some(*step));
        }
        assert_eq!(Step::from_number(255), None);
    }
}

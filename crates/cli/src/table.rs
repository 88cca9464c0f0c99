//! The command line as one table: what the quick parser reads, and what help, man pages and completions are made from.

/// An option.
#[derive(Debug)]
pub struct Flag {
    /// Name after `--`.
    pub long: &'static str,
    /// Letter after `-`.
    pub short: Option<char>,
    /// Name of its value; an option without one is a switch.
    pub value: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// Accepted for the sake of callers, but not shown.
    pub hidden: bool,
}

/// A command.
#[derive(Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its positional arguments.
    pub args: &'static str,
    /// How many of them at least and at most.
    pub arity: (usize, usize),
    /// Whether options may also come after the first positional argument.
    pub interspersed: bool,
    /// Whether it puts a process into a container, so that the binary must be out of reach.
    pub enters: bool,
    /// Its options.
    pub flags: &'static [Flag],
    /// A line to copy.
    pub example: &'static str,
}

const fn switch(long: &'static str, short: Option<char>, help: &'static str) -> Flag {
    Flag { long, short, value: None, help, hidden: false }
}

const fn value(
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short, value: Some(value), help, hidden: false }
}

const fn hidden(flag: Flag) -> Flag {
    Flag { hidden: true, ..flag }
}

const MANY: usize = usize::MAX;

/// Options before the command.
pub const GLOBAL: &[Flag] = &[
    switch("debug", None, "Log what is done, step by step"),
    value("log", None, "FILE", "Write the log to this file instead of stderr"),
    value("log-format", None, "FORMAT", "Format of the log: text or json"),
    hidden(value("log-level", None, "LEVEL", "error, warning or debug")),
    value("root", None, "DIR", "Where the states of containers are kept"),
    switch("systemd-cgroup", None, "Make cgroups by asking systemd"),
    value("cgroup-manager", None, "DRIVER", "cgroupfs, systemd or disabled"),
    value("rootless", None, "BOOL", "Ignore missing permission for cgroups: true, false or auto"),
    switch("help", Some('h'), "Show help"),
    switch("version", Some('v'), "Show the version"),
    hidden(value("criu", None, "PATH", "Ignored")),
];

const HELP: Flag = switch("help", Some('h'), "Show help");
const BUNDLE: Flag = value("bundle", Some('b'), "DIR", "The bundle's directory [default: .]");
const CONFIG: Flag =
    value("config", Some('f'), "FILE", "Another file than the bundle's config.json");
const CONSOLE: Flag =
    value("console-socket", None, "PATH", "Unix socket that gets the terminal's master");
const PIDFD: Flag = value("pidfd-socket", None, "PATH", "Unix socket that gets a pidfd");
const PID_FILE: Flag = value("pid-file", None, "FILE", "Write the process id to this file");
const NO_PIVOT: Flag = switch("no-pivot", None, "Do not use pivot_root, for a root on a ramdisk");
const NO_KEYRING: Flag = switch("no-new-keyring", None, "Do not create a session keyring");
const PRESERVE: Flag = value("preserve-fds", None, "N", "Pass N more descriptors, from 3 on");
const NO_SUBREAPER: Flag =
    switch("no-subreaper", None, "Do not take over orphans of the container's processes");
const DETACH: Flag = switch("detach", Some('d'), "Return when the program runs");

const ID: &str = "CONTAINER-ID";

/// What engines give to `checkpoint` and `restore`.
const CRIU: &[Flag] = &[
    value("image-path", None, "DIR", "Where the image is [default: ./checkpoint]"),
    value("work-path", None, "DIR", "Where logs go"),
    value("parent-path", None, "DIR", "An earlier image to build on"),
    BUNDLE,
    CONSOLE,
    PID_FILE,
    DETACH,
    NO_PIVOT,
    NO_SUBREAPER,
    switch("leave-running", None, "Let the container go on"),
    switch("pre-dump", None, "Only memory, while it runs"),
    switch("tcp-established", None, "Also open TCP connections"),
    switch("tcp-skip-in-flight", None, "Leave out connections that are being made"),
    switch("tcp-close", None, "Close TCP connections"),
    switch("ext-unix-sk", None, "Also unix sockets that lead outside"),
    switch("shell-job", None, "Also a process on the caller's terminal"),
    switch("file-locks", None, "Also file locks"),
    switch("link-remap", None, "Also files that were removed"),
    switch("lazy-pages", None, "Memory when it is needed"),
    switch("auto-dedup", None, "Free memory of the image as it is used"),
    value("status-fd", None, "FD", "Descriptor that hears when the page server is ready"),
    value("page-server", None, "ADDRESS:PORT", "Where memory is sent"),
    value("manage-cgroups-mode", None, "MODE", "soft, full, strict or ignore"),
    value("empty-ns", None, "NAMESPACE", "A namespace to leave empty"),
    value("network-lock", None, "METHOD", "How the network is stopped"),
    value("lsm-profile", None, "PROFILE", "Label for the restored processes"),
    value("lsm-mount-context", None, "CONTEXT", "Context for the restored mounts"),
    HELP,
];

/// All commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "checkpoint",
        about: "Not supported yet",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: CRIU,
        example: "orun checkpoint --image-path /srv/image web",
    },
    Command {
        name: "create",
        about: "Create a container that waits to be started",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: true,
        flags: &[
            BUNDLE,
            CONFIG,
            CONSOLE,
            PIDFD,
            PID_FILE,
            NO_PIVOT,
            NO_KEYRING,
            PRESERVE,
            hidden(NO_SUBREAPER),
            HELP,
        ],
        example: "orun create --bundle /srv/web web",
    },
    Command {
        name: "delete",
        about: "Delete a container and all that it used",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: &[
            switch("force", Some('f'), "Kill it if it runs; no error if it is not there"),
            HELP,
        ],
        example: "orun delete web",
    },
    Command {
        name: "doctor",
        about: "Show what this host offers and lacks for containers",
        args: "",
        arity: (0, 0),
        interspersed: false,
        enters: false,
        flags: &[switch("json", None, "As JSON"), HELP],
        example: "orun doctor",
    },
    Command {
        name: "events",
        about: "Show what a container uses, and when it runs out of memory",
        args: ID,
        arity: (1, 1),
        interspersed: true,
        enters: false,
        flags: &[
            value("interval", None, "TIME", "Time between two lines [default: 5s]"),
            switch("stats", None, "One line of statistics, and no more"),
            HELP,
        ],
        example: "orun events --stats web",
    },
    Command {
        name: "exec",
        about: "Run another program in a container",
        args: "CONTAINER-ID [COMMAND [ARG...]]",
        arity: (1, MANY),
        interspersed: false,
        enters: true,
        flags: &[
            CONSOLE,
            PIDFD,
            value("cwd", None, "DIR", "Working directory in the container"),
            value("env", Some('e'), "NAME=VALUE", "Set a variable (may be repeated)"),
            switch("tty", Some('t'), "Give it a terminal"),
            value("user", Some('u'), "UID[:GID]", "User and group"),
            value("additional-gids", Some('g'), "GID", "More groups (may be repeated)"),
            value("process", Some('p'), "FILE", "JSON file with the whole process"),
            DETACH,
            PID_FILE,
            value("process-label", None, "LABEL", "SELinux label"),
            value("apparmor", None, "PROFILE", "AppArmor profile"),
            switch("no-new-privs", None, "Set no_new_privs"),
            value("cap", Some('c'), "CAP", "Add a capability (may be repeated)"),
            PRESERVE,
            value(
                "cgroup",
                None,
                "[CTRL:]PATH",
                "Join a cgroup below the container's (may be repeated)",
            ),
            switch("ignore-paused", None, "Also in a paused container"),
            NO_KEYRING,
            hidden(NO_SUBREAPER),
            HELP,
        ],
        example: "orun exec -t web sh",
    },
    Command {
        name: "features",
        about: "Show what this runtime can do, as JSON",
        args: "",
        arity: (0, 0),
        interspersed: false,
        enters: false,
        flags: &[HELP],
        example: "orun features",
    },
    Command {
        name: "kill",
        about: "Send a signal to a container [default: TERM]",
        args: "CONTAINER-ID [SIGNAL]",
        arity: (1, 2),
        interspersed: false,
        enters: false,
        flags: &[switch("all", Some('a'), "To all processes, if it has no pid namespace"), HELP],
        example: "orun kill web KILL",
    },
    Command {
        name: "list",
        about: "List containers",
        args: "",
        arity: (0, 0),
        interspersed: false,
        enters: false,
        flags: &[
            value("format", Some('f'), "FORMAT", "table or json"),
            switch("quiet", Some('q'), "Only the names"),
            HELP,
        ],
        example: "orun list --format json",
    },
    Command {
        name: "pause",
        about: "Freeze all processes of a container",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: &[HELP],
        example: "orun pause web",
    },
    Command {
        name: "plan",
        about: "Show what create would do, and do nothing",
        args: "[CONTAINER-ID]",
        arity: (0, 1),
        interspersed: true,
        enters: false,
        flags: &[BUNDLE, CONFIG, NO_PIVOT, value("format", None, "FORMAT", "text or json"), HELP],
        example: "orun plan --bundle /srv/web",
    },
    Command {
        name: "ps",
        about: "Show the processes of a container",
        args: "CONTAINER-ID [PS-OPTION...]",
        arity: (1, MANY),
        interspersed: false,
        enters: false,
        flags: &[value("format", Some('f'), "FORMAT", "table or json"), HELP],
        example: "orun ps web -o pid,rss,args",
    },
    Command {
        name: "restore",
        about: "Not supported yet",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: CRIU,
        example: "orun restore --image-path /srv/image web",
    },
    Command {
        name: "resume",
        about: "Let a paused container go on",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: &[HELP],
        example: "orun resume web",
    },
    Command {
        name: "run",
        about: "Create and start a container, and stay until it ends",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: true,
        flags: &[
            BUNDLE,
            CONFIG,
            CONSOLE,
            PIDFD,
            PID_FILE,
            DETACH,
            switch("keep", None, "Do not delete the container when it has ended"),
            value("record-seccomp", None, "FILE", "Write the seccomp profile that the run needs"),
            NO_SUBREAPER,
            NO_PIVOT,
            NO_KEYRING,
            PRESERVE,
            HELP,
        ],
        example: "orun run --bundle /srv/web web",
    },
    Command {
        name: "seccomp",
        about: "Tell what a seccomp profile does, or which rule decides a system call",
        args: "check PROFILE | explain PROFILE SYSCALL [ARG...]",
        arity: (2, MANY),
        interspersed: true,
        enters: false,
        flags: &[
            value("arch", None, "ARCH", "Architecture of the call, such as x32 [default: native]"),
            value("format", None, "FORMAT", "text or json"),
            HELP,
        ],
        example: "orun seccomp explain config.json clone 0x10000000",
    },
    Command {
        name: "spec",
        about: "Write a config.json to start from",
        args: "",
        arity: (0, 0),
        interspersed: false,
        enters: false,
        flags: &[
            value("bundle", Some('b'), "DIR", "Where to write it [default: .]"),
            switch("rootless", None, "For an ordinary user"),
            HELP,
        ],
        example: "orun spec --bundle /srv/web",
    },
    Command {
        name: "start",
        about: "Run the program of a created container",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: &[HELP],
        example: "orun start web",
    },
    Command {
        name: "state",
        about: "Show the state of a container, as JSON",
        args: ID,
        arity: (1, 1),
        interspersed: false,
        enters: false,
        flags: &[HELP],
        example: "orun state web",
    },
    Command {
        name: "stats",
        about: "Show what containers use: CPU, memory, tasks, I/O, pressure",
        args: "[CONTAINER-ID...]",
        arity: (0, MANY),
        interspersed: true,
        enters: false,
        flags: &[value("format", Some('f'), "FORMAT", "table or json"), HELP],
        example: "orun stats --format json web db",
    },
    Command {
        name: "top",
        about: "Show what containers use, again and again",
        args: "[CONTAINER-ID...]",
        arity: (0, MANY),
        interspersed: true,
        enters: false,
        flags: &[
            value("format", Some('f'), "FORMAT", "table or json"),
            value("interval", None, "DURATION", "Time between two looks (default 2s)"),
            value("sort", None, "KEY", "cpu, memory, pids or id"),
            value("count", Some('n'), "N", "Show so many times, then end"),
            HELP,
        ],
        example: "orun top --sort memory",
    },
    Command {
        name: "update",
        about: "Change the limits of a container",
        args: ID,
        arity: (1, 1),
        interspersed: true,
        enters: false,
        flags: &[
            value("resources", Some('r'), "FILE", "JSON file with linux.resources; - for stdin"),
            value("blkio-weight", None, "N", "Weight of block I/O, 10 to 1000"),
            value("cpu-burst", None, "USEC", "CPU time that may be saved up"),
            value("cpu-idle", None, "0|1", "Run only when nobody else wants to"),
            value("cpu-period", None, "USEC", "Period of the CPU quota"),
            value("cpu-quota", None, "USEC", "CPU time in each period; -1 for no limit"),
            value("cpu-rt-period", None, "USEC", "Period of realtime CPU time"),
            value("cpu-rt-runtime", None, "USEC", "Realtime CPU time in each period"),
            value("cpu-share", None, "N", "Weight of CPU time"),
            value("cpuset-cpus", None, "LIST", "CPUs, such as 0-3,7"),
            value("cpuset-mems", None, "LIST", "Memory nodes"),
            value("memory", None, "SIZE", "Memory limit, such as 512m; -1 for none"),
            value("memory-reservation", None, "SIZE", "Memory that is kept under pressure"),
            value("memory-swap", None, "SIZE", "Limit of memory and swap together"),
            value("pids-limit", None, "N", "Most processes; -1 for no limit"),
            hidden(value("kernel-memory", None, "SIZE", "Ignored")),
            hidden(value("kernel-memory-tcp", None, "SIZE", "Limit of TCP buffers, cgroup v1")),
            HELP,
        ],
        example: "orun update web --memory 512m",
    },
    Command {
        name: "validate",
        about: "Show all that is wrong with a config.json",
        args: "",
        arity: (0, 0),
        interspersed: false,
        enters: false,
        flags: &[
            BUNDLE,
            CONFIG,
            switch("strict", None, "Fail for warnings too"),
            value("format", None, "FORMAT", "text or json"),
            HELP,
        ],
        example: "orun validate --bundle /srv/web",
    },
];

/// The command with this name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

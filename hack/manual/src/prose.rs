//! What the manual says besides the table.

/// About the program.
pub const PROGRAM: &[&str] = &[
    "orun runs containers as the runtime specification of the Open Container Initiative describes them. It takes the \
     command lines of runc and of crun, so engines such as podman, containerd, docker and CRI-O can use it in their place.",
    "A container is made from a bundle: a directory with a root filesystem and a config.json. orun-spec(8) writes one to start from. \
     The name of a container has 1 to 255 of the characters A-Z a-z 0-9 _ + - . and is neither \".\" nor \"..\".",
    "Long options may begin with one dash or two, and may have their value after a space or an equals sign. Options of a \
     command may follow its arguments, except with exec, kill and ps, where all that follows the ID is not orun's.",
];

/// More about the program: titles, and names with what they mean.
pub const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            (
                "0",
                "Success. run, exec and wait end with the status of the program, or 128 and the number of the signal that ended it.",
            ),
            ("1", "An error."),
            ("3", "There is no such command."),
            ("125", "wait: the container has ended, and nobody knows how."),
            ("255", "exec: an error. run: the program could not be executed."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("XDG_RUNTIME_DIR", "For an ordinary user, states are kept in $XDG_RUNTIME_DIR/orun."),
            (
                "NOTIFY_SOCKET",
                "create gives the container a socket at /run/notify/notify.sock. start and run wait until it says READY=1 there, and tell the caller, with the process to watch (sd_notify(3)).",
            ),
            (
                "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
                "Descriptors of a service that are passed to the program (sd_listen_fds(3)).",
            ),
            (
                "RUN_OCI_SECCOMP_RECEIVER",
                "The socket of the agent for seccomp profiles that notify and name none.",
            ),
            ("ORUN_TRACE", "As --trace."),
            (
                "DBUS_SYSTEM_BUS_ADDRESS, DBUS_SESSION_BUS_ADDRESS",
                "Where systemd's manager, or the user's, is asked for cgroups.",
            ),
            (
                "PATH, and all others",
                "Handed to hooks on the runtime's side that have no environment of their own.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            ("/run/orun", "States of containers, unless --root names another directory."),
            ("config.json", "The configuration in a bundle. validate checks it."),
        ],
    ),
];

const OK_OR_1: &[&str] = &["0 for success, 1 for an error."];

/// The exit status of a command.
pub fn status_of(command: &str) -> &'static [&'static str] {
    match command {
        "run" => &[
            "That of the program, or 128 and the number of the signal that ended it. 1 for an error, 255 if the program could not be executed. With --detach, 0 for success.",
        ],
        "exec" => &[
            "That of the program, or 128 and the number of the signal that ended it. 255 for an error. With --detach, 0 for success.",
        ],
        "wait" => &[
            "That of the container, as run has it. 125 if the container has ended and its status is not known; then nothing is printed. 1 for an error.",
        ],
        "validate" => &["0 if there is no error (with --strict, no warning either), 1 otherwise."],
        _ => OK_OR_1,
    }
}

/// What a command does, in paragraphs.
pub fn of(command: &str) -> &'static [&'static str] {
    match command {
        "checkpoint" => &[
            "Writes the state of a running container to files, with CRIU. This version has no CRIU client yet: the command understands its options, and fails.",
        ],
        "create" => &[
            "Makes the namespaces, cgroups and mounts of a container, and leaves its process waiting for orun-start(8). What can be found wrong is found here, also a program that is missing.",
            "Standard input, output and error become those of the program. Other descriptors do not reach it, but for those of LISTEN_FDS and --preserve-fds, which keep their numbers.",
        ],
        "delete" => &[
            "Removes what is left of a container that has ended, or was never started: its processes, cgroups and state. With --force, one that runs is killed, and one that is not there is no error.",
        ],
        "doctor" => &[
            "Prints what this host offers and lacks for containers: features of the kernel, cgroups, security modules, user namespaces, and how far the caller is confined; and what to do about each lack. It exits with 1 if a container of the default configuration can not run. With --json, one object.",
        ],
        "events" => &[
            "Prints JSON objects, one a line: statistics at each interval, and a line each time that the container ran out of memory. It ends when the container is deleted.",
        ],
        "exec" => &[
            "Runs another program in a container. Without --process it gets the environment, user and limits of the container's own program, changed by the other options.",
            "Users and groups are numbers: the names in a container's files are the image's words.",
        ],
        "features" => &[
            "Prints what this runtime can do, as the specification's features document. Nothing is written to standard error.",
        ],
        "kill" => &[
            "Sends a signal to the container's process: a name such as TERM or SIGTERM, or a number. A container without a pid namespace of its own gets KILL in all its processes.",
        ],
        "list" => &[
            "Lists the containers below the state root, with their status. The JSON has one object for each; null stands for none.",
        ],
        "mounts" => &[
            "FILE is a JSON array of mounts, as in config.json; - is standard input. add makes bind mounts, and new filesystems such as tmpfs, in a container that runs or is paused. A filesystem that shows a namespace, such as proc or sysfs, can't be added. remove needs the destinations only, and begins with the last.",
            "Places are looked up below the container's root, and made if they are missing.",
        ],
        "pause" => &[
            "Freezes all processes of a container, until orun-resume(8). It needs a cgroup with the freezer.",
        ],
        "plan" => &[
            "Shows the plan that create would carry out: namespaces, cgroups, mounts in their order, the process, the system call filter. Nothing is changed.",
        ],
        "ps" => &[
            "Prints the lines of ps(1) that are about the container's processes; options after the ID are for ps. With --format json, the process ids as an array.",
        ],
        "restore" => &[
            "Brings a container back from the files of orun-checkpoint(8). This version has no CRIU client yet: the command understands its options, and fails.",
        ],
        "resume" => &["Lets the processes of a paused container go on."],
        "run" => &[
            "Creates and starts a container. In the foreground it passes signals on to the program, serves its terminal, and when it has ended deletes the container.",
            "With --record-seccomp, the system calls of the run are written as the smallest profile that allows them.",
        ],
        "seccomp" => &[
            "check prints what a profile denies and which of its rules have no effect. explain tells which rule decides a system call with these arguments. PROFILE is a profile or a config.json; - is standard input.",
        ],
        "spec" => &[
            "Writes a config.json for a shell on a terminal, and never over a file that is there.",
        ],
        "start" => &[
            "Runs the program of a created container. It returns when the program runs; if it can't be executed, or a hook fails, that is the error. With NOTIFY_SOCKET, it returns when the container is ready.",
        ],
        "state" => &[
            "Prints the state of a container: its process id, status (creating, created, running, paused or stopped), bundle and annotations.",
        ],
        "stats" => &[
            "Prints a line for each container, or for those that are named: CPU, memory, tasks, I/O and pressure, as their cgroups tell. With --format json, one object for each.",
        ],
        "top" => &[
            "Prints what stats prints, again and again, sorted by what is asked for, until it is interrupted.",
        ],
        "update" => &[
            "Changes limits; those that are not named stay. With --resources, the file has all of them, as linux.resources in config.json, and other options are ignored. Rules for devices are not changed.",
            "Sizes have a suffix of b, k, m, g, t or p.",
        ],
        "validate" => &[
            "Prints all that is wrong with a config.json, each with its line, column and property, and properties that do not exist. It refuses what create would refuse.",
        ],
        "wait" => &[
            "Waits until the process of a container has ended, and prints its exit status. The process need not be a child of the caller: the status is read from the zombie, or, when its parent took it away already, from the kernel's record (Linux 6.15).",
        ],
        _ => &[],
    }
}

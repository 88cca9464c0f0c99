# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_orun_global_optspecs
    string join \n debug l/log= log-format= trace= log-level= r/root= s/systemd-cgroup cgroup-manager= rootless= h/help v/version criu=
end

function __fish_orun_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_orun_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_orun_using_subcommand
    set -l cmd (__fish_orun_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c orun -n "__fish_orun_needs_command" -s l -l log -d 'Write the log not to stderr but to FILE, file:FILE, journald:NAME or syslog:NAME' -r
complete -c orun -n "__fish_orun_needs_command" -l log-format -d 'Format of the log: text or json' -r -f -a "text\t''
json\t''"
complete -c orun -n "__fish_orun_needs_command" -l trace -d 'Write a timeline of what is done to FILE, for Perfetto (or ORUN_TRACE=FILE)' -r -F
complete -c orun -n "__fish_orun_needs_command" -l log-level -d 'What is logged: error, warning or debug' -r
complete -c orun -n "__fish_orun_needs_command" -s r -l root -d 'Where the states of containers are kept' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_needs_command" -l cgroup-manager -d 'cgroupfs, systemd or disabled' -r
complete -c orun -n "__fish_orun_needs_command" -l rootless -d 'Ignore missing permission for cgroups: true, false or auto' -r
complete -c orun -n "__fish_orun_needs_command" -l criu -d 'Ignored' -r -F
complete -c orun -n "__fish_orun_needs_command" -l debug -d 'Log what is done, step by step'
complete -c orun -n "__fish_orun_needs_command" -s s -l systemd-cgroup -d 'Make cgroups by asking systemd'
complete -c orun -n "__fish_orun_needs_command" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_needs_command" -s v -l version -d 'Show the version'
complete -c orun -n "__fish_orun_needs_command" -f -a "checkpoint" -d 'Not supported yet'
complete -c orun -n "__fish_orun_needs_command" -f -a "create" -d 'Create a container that waits to be started'
complete -c orun -n "__fish_orun_needs_command" -f -a "delete" -d 'Delete a container and all that it used'
complete -c orun -n "__fish_orun_needs_command" -f -a "doctor" -d 'Show what this host offers and lacks for containers'
complete -c orun -n "__fish_orun_needs_command" -f -a "events" -d 'Show what a container uses, and when it runs out of memory'
complete -c orun -n "__fish_orun_needs_command" -f -a "exec" -d 'Run another program in a container'
complete -c orun -n "__fish_orun_needs_command" -f -a "features" -d 'Show what this runtime can do, as JSON'
complete -c orun -n "__fish_orun_needs_command" -f -a "kill" -d 'Send a signal to a container [default: TERM]'
complete -c orun -n "__fish_orun_needs_command" -f -a "list" -d 'List containers'
complete -c orun -n "__fish_orun_needs_command" -f -a "mounts" -d 'Add mounts to a running container, or remove them'
complete -c orun -n "__fish_orun_needs_command" -f -a "pause" -d 'Freeze all processes of a container'
complete -c orun -n "__fish_orun_needs_command" -f -a "plan" -d 'Show what create would do, and do nothing'
complete -c orun -n "__fish_orun_needs_command" -f -a "ps" -d 'Show the processes of a container'
complete -c orun -n "__fish_orun_needs_command" -f -a "restore" -d 'Not supported yet'
complete -c orun -n "__fish_orun_needs_command" -f -a "resume" -d 'Let a paused container go on'
complete -c orun -n "__fish_orun_needs_command" -f -a "run" -d 'Create and start a container, and stay until it ends'
complete -c orun -n "__fish_orun_needs_command" -f -a "seccomp" -d 'Tell what a seccomp profile does, or which rule decides a system call'
complete -c orun -n "__fish_orun_needs_command" -f -a "spec" -d 'Write a config.json to start from'
complete -c orun -n "__fish_orun_needs_command" -f -a "start" -d 'Run the program of a created container'
complete -c orun -n "__fish_orun_needs_command" -f -a "state" -d 'Show the state of a container, as JSON'
complete -c orun -n "__fish_orun_needs_command" -f -a "stats" -d 'Show what containers use: CPU, memory, tasks, I/O, pressure'
complete -c orun -n "__fish_orun_needs_command" -f -a "top" -d 'Show what containers use, again and again'
complete -c orun -n "__fish_orun_needs_command" -f -a "update" -d 'Change the limits of a container'
complete -c orun -n "__fish_orun_needs_command" -f -a "validate" -d 'Show all that is wrong with a config.json'
complete -c orun -n "__fish_orun_needs_command" -f -a "wait" -d 'Wait until a container has ended, and print its exit status'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l image-path -d 'Where the image is [default: ./checkpoint]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l work-path -d 'Where logs go' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l parent-path -d 'An earlier image to build on' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l console-socket -d 'Unix socket that gets the terminal\'s master' -r -F
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l pid-file -d 'Write the process id to this file' -r -F
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l status-fd -d 'Descriptor that hears when the page server is ready' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l page-server -d 'Where memory is sent' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l manage-cgroups-mode -d 'soft, full, strict or ignore' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l empty-ns -d 'A namespace to leave empty' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l network-lock -d 'How the network is stopped' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l lsm-profile -d 'Label for the restored processes' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l lsm-mount-context -d 'Context for the restored mounts' -r
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -s d -l detach -d 'Return when the program runs'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l no-pivot -d 'Do not use pivot_root, for a root on a ramdisk'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l no-subreaper -d 'Do not take over orphans of the container\'s processes'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l leave-running -d 'Let the container go on'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l pre-dump -d 'Only memory, while it runs'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l tcp-established -d 'Also open TCP connections'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l tcp-skip-in-flight -d 'Leave out connections that are being made'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l tcp-close -d 'Close TCP connections'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l ext-unix-sk -d 'Also unix sockets that lead outside'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l shell-job -d 'Also a process on the caller\'s terminal'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l file-locks -d 'Also file locks'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l link-remap -d 'Also files that were removed'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l lazy-pages -d 'Memory when it is needed'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -l auto-dedup -d 'Free memory of the image as it is used'
complete -c orun -n "__fish_orun_using_subcommand checkpoint" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand create" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand create" -s f -l config -d 'Another file than the bundle\'s config.json; - for stdin' -r -F
complete -c orun -n "__fish_orun_using_subcommand create" -l console-socket -d 'Unix socket that gets the terminal\'s master' -r -F
complete -c orun -n "__fish_orun_using_subcommand create" -l pidfd-socket -d 'Unix socket that gets a pidfd' -r -F
complete -c orun -n "__fish_orun_using_subcommand create" -l pid-file -d 'Write the process id to this file' -r -F
complete -c orun -n "__fish_orun_using_subcommand create" -l preserve-fds -d 'Pass N more descriptors, from 3 on' -r
complete -c orun -n "__fish_orun_using_subcommand create" -l no-pivot -d 'Do not use pivot_root, for a root on a ramdisk'
complete -c orun -n "__fish_orun_using_subcommand create" -l no-new-keyring -d 'Do not create a session keyring'
complete -c orun -n "__fish_orun_using_subcommand create" -l no-subreaper -d 'Do not take over orphans of the container\'s processes'
complete -c orun -n "__fish_orun_using_subcommand create" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand delete" -s f -l force -d 'Kill it if it runs; no error if it is not there'
complete -c orun -n "__fish_orun_using_subcommand delete" -s r -l regex -d 'The ID is an extended regular expression for several containers'
complete -c orun -n "__fish_orun_using_subcommand delete" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand doctor" -l json -d 'As JSON'
complete -c orun -n "__fish_orun_using_subcommand doctor" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand events" -l interval -d 'Time between two lines [default: 5s]' -r
complete -c orun -n "__fish_orun_using_subcommand events" -l stats -d 'One line of statistics, and no more'
complete -c orun -n "__fish_orun_using_subcommand events" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand exec" -l console-socket -d 'Unix socket that gets the terminal\'s master' -r -F
complete -c orun -n "__fish_orun_using_subcommand exec" -l pidfd-socket -d 'Unix socket that gets a pidfd' -r -F
complete -c orun -n "__fish_orun_using_subcommand exec" -l cwd -d 'Working directory in the container' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand exec" -s e -l env -d 'Set a variable (may be repeated)' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -s u -l user -d 'User and group' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -s g -l additional-gids -d 'More groups (may be repeated)' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -s p -l process -d 'JSON file with the whole process' -r -F
complete -c orun -n "__fish_orun_using_subcommand exec" -l pid-file -d 'Write the process id to this file' -r -F
complete -c orun -n "__fish_orun_using_subcommand exec" -l process-label -d 'SELinux label' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -l apparmor -d 'AppArmor profile' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -s c -l cap -d 'Add a capability (may be repeated)' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -l preserve-fds -d 'Pass N more descriptors, from 3 on' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -l cgroup -d 'Join a cgroup below the container\'s (may be repeated)' -r
complete -c orun -n "__fish_orun_using_subcommand exec" -s t -l tty -d 'Give it a terminal'
complete -c orun -n "__fish_orun_using_subcommand exec" -s d -l detach -d 'Return when the program runs'
complete -c orun -n "__fish_orun_using_subcommand exec" -l no-new-privs -d 'Set no_new_privs'
complete -c orun -n "__fish_orun_using_subcommand exec" -l ignore-paused -d 'Also in a paused container'
complete -c orun -n "__fish_orun_using_subcommand exec" -l no-new-keyring -d 'Do not create a session keyring'
complete -c orun -n "__fish_orun_using_subcommand exec" -l no-subreaper -d 'Do not take over orphans of the container\'s processes'
complete -c orun -n "__fish_orun_using_subcommand exec" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand features" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand kill" -s a -l all -d 'To all processes, if it has no pid namespace'
complete -c orun -n "__fish_orun_using_subcommand kill" -s r -l regex -d 'The ID is an extended regular expression for several containers'
complete -c orun -n "__fish_orun_using_subcommand kill" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand list" -s f -l format -d 'table or json' -r
complete -c orun -n "__fish_orun_using_subcommand list" -s q -l quiet -d 'Only the names'
complete -c orun -n "__fish_orun_using_subcommand list" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand mounts" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand pause" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand plan" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand plan" -s f -l config -d 'Another file than the bundle\'s config.json; - for stdin' -r -F
complete -c orun -n "__fish_orun_using_subcommand plan" -l format -d 'text or json' -r
complete -c orun -n "__fish_orun_using_subcommand plan" -l no-pivot -d 'Do not use pivot_root, for a root on a ramdisk'
complete -c orun -n "__fish_orun_using_subcommand plan" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand ps" -s f -l format -d 'table or json' -r
complete -c orun -n "__fish_orun_using_subcommand ps" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand restore" -l image-path -d 'Where the image is [default: ./checkpoint]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand restore" -l work-path -d 'Where logs go' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand restore" -l parent-path -d 'An earlier image to build on' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand restore" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand restore" -l console-socket -d 'Unix socket that gets the terminal\'s master' -r -F
complete -c orun -n "__fish_orun_using_subcommand restore" -l pid-file -d 'Write the process id to this file' -r -F
complete -c orun -n "__fish_orun_using_subcommand restore" -l status-fd -d 'Descriptor that hears when the page server is ready' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l page-server -d 'Where memory is sent' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l manage-cgroups-mode -d 'soft, full, strict or ignore' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l empty-ns -d 'A namespace to leave empty' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l network-lock -d 'How the network is stopped' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l lsm-profile -d 'Label for the restored processes' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -l lsm-mount-context -d 'Context for the restored mounts' -r
complete -c orun -n "__fish_orun_using_subcommand restore" -s d -l detach -d 'Return when the program runs'
complete -c orun -n "__fish_orun_using_subcommand restore" -l no-pivot -d 'Do not use pivot_root, for a root on a ramdisk'
complete -c orun -n "__fish_orun_using_subcommand restore" -l no-subreaper -d 'Do not take over orphans of the container\'s processes'
complete -c orun -n "__fish_orun_using_subcommand restore" -l leave-running -d 'Let the container go on'
complete -c orun -n "__fish_orun_using_subcommand restore" -l pre-dump -d 'Only memory, while it runs'
complete -c orun -n "__fish_orun_using_subcommand restore" -l tcp-established -d 'Also open TCP connections'
complete -c orun -n "__fish_orun_using_subcommand restore" -l tcp-skip-in-flight -d 'Leave out connections that are being made'
complete -c orun -n "__fish_orun_using_subcommand restore" -l tcp-close -d 'Close TCP connections'
complete -c orun -n "__fish_orun_using_subcommand restore" -l ext-unix-sk -d 'Also unix sockets that lead outside'
complete -c orun -n "__fish_orun_using_subcommand restore" -l shell-job -d 'Also a process on the caller\'s terminal'
complete -c orun -n "__fish_orun_using_subcommand restore" -l file-locks -d 'Also file locks'
complete -c orun -n "__fish_orun_using_subcommand restore" -l link-remap -d 'Also files that were removed'
complete -c orun -n "__fish_orun_using_subcommand restore" -l lazy-pages -d 'Memory when it is needed'
complete -c orun -n "__fish_orun_using_subcommand restore" -l auto-dedup -d 'Free memory of the image as it is used'
complete -c orun -n "__fish_orun_using_subcommand restore" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand resume" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand run" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand run" -s f -l config -d 'Another file than the bundle\'s config.json; - for stdin' -r -F
complete -c orun -n "__fish_orun_using_subcommand run" -l console-socket -d 'Unix socket that gets the terminal\'s master' -r -F
complete -c orun -n "__fish_orun_using_subcommand run" -l pidfd-socket -d 'Unix socket that gets a pidfd' -r -F
complete -c orun -n "__fish_orun_using_subcommand run" -l pid-file -d 'Write the process id to this file' -r -F
complete -c orun -n "__fish_orun_using_subcommand run" -l record-seccomp -d 'Write the seccomp profile that the run needs' -r -F
complete -c orun -n "__fish_orun_using_subcommand run" -l preserve-fds -d 'Pass N more descriptors, from 3 on' -r
complete -c orun -n "__fish_orun_using_subcommand run" -s d -l detach -d 'Return when the program runs'
complete -c orun -n "__fish_orun_using_subcommand run" -l keep -d 'Do not delete the container when it has ended'
complete -c orun -n "__fish_orun_using_subcommand run" -l no-subreaper -d 'Do not take over orphans of the container\'s processes'
complete -c orun -n "__fish_orun_using_subcommand run" -l no-pivot -d 'Do not use pivot_root, for a root on a ramdisk'
complete -c orun -n "__fish_orun_using_subcommand run" -l no-new-keyring -d 'Do not create a session keyring'
complete -c orun -n "__fish_orun_using_subcommand run" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand seccomp" -l arch -d 'Architecture of the call, such as x32 [default: native]' -r
complete -c orun -n "__fish_orun_using_subcommand seccomp" -l format -d 'text or json' -r
complete -c orun -n "__fish_orun_using_subcommand seccomp" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand spec" -s b -l bundle -d 'Where to write it [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand spec" -s f -l file -d 'Another name than config.json' -r -F
complete -c orun -n "__fish_orun_using_subcommand spec" -l rootless -d 'For an ordinary user'
complete -c orun -n "__fish_orun_using_subcommand spec" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand start" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand state" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand stats" -s f -l format -d 'table or json' -r
complete -c orun -n "__fish_orun_using_subcommand stats" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand top" -s f -l format -d 'table or json' -r
complete -c orun -n "__fish_orun_using_subcommand top" -l interval -d 'Time between two looks (default 2s)' -r
complete -c orun -n "__fish_orun_using_subcommand top" -l sort -d 'cpu, memory, pids or id' -r
complete -c orun -n "__fish_orun_using_subcommand top" -s n -l count -d 'Show so many times, then end' -r
complete -c orun -n "__fish_orun_using_subcommand top" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand update" -s r -l resources -d 'JSON file with linux.resources; - for stdin' -r -F
complete -c orun -n "__fish_orun_using_subcommand update" -l blkio-weight -d 'Weight of block I/O, 10 to 1000' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-burst -d 'CPU time that may be saved up' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-idle -d 'Run only when nobody else wants to' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-period -d 'Period of the CPU quota' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-quota -d 'CPU time in each period; -1 for no limit' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-rt-period -d 'Period of realtime CPU time' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-rt-runtime -d 'Realtime CPU time in each period' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpu-share -d 'Weight of CPU time' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpuset-cpus -d 'CPUs, such as 0-3,7' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l cpuset-mems -d 'Memory nodes' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l memory -d 'Memory limit, such as 512m; -1 for none' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l memory-reservation -d 'Memory that is kept under pressure' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l memory-swap -d 'Limit of memory and swap together' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l pids-limit -d 'Most processes; -1 for no limit' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l l3-cache-schema -d 'Shares of the L3 cache (Intel RDT)' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l mem-bw-schema -d 'Shares of memory bandwidth (Intel RDT)' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l kernel-memory -d 'Ignored' -r
complete -c orun -n "__fish_orun_using_subcommand update" -l kernel-memory-tcp -d 'Limit of TCP buffers, cgroup v1' -r
complete -c orun -n "__fish_orun_using_subcommand update" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand validate" -s b -l bundle -d 'The bundle\'s directory [default: .]' -r -f -a "(__fish_complete_directories)"
complete -c orun -n "__fish_orun_using_subcommand validate" -s f -l config -d 'Another file than the bundle\'s config.json; - for stdin' -r -F
complete -c orun -n "__fish_orun_using_subcommand validate" -l format -d 'text or json' -r
complete -c orun -n "__fish_orun_using_subcommand validate" -l strict -d 'Fail for warnings too'
complete -c orun -n "__fish_orun_using_subcommand validate" -s h -l help -d 'Show help'
complete -c orun -n "__fish_orun_using_subcommand wait" -s h -l help -d 'Show help'

//! The runtime alone, as an ordinary user starts it after a login: a session is no part of the
//! user's own systemd, which has to bring processes into a scope.

use crate::case::chapter;
use crate::machine::Machine;

chapter!(
    "user_session",
    Session,
    false,
    [a_scope, exec_is_in_the_scope, exec_follows_an_init_that_moved, a_limit_of_two_tasks]
);

/// A container that sleeps in a scope of the user's systemd, with at most so many tasks.
fn sleeping(m: &mut Machine, tasks: u32) {
    running(m, "sleep 1000", tasks);
}

fn running(m: &mut Machine, script: &str, tasks: u32) {
    m.sh("in_session cat /proc/self/cgroup").shows(&["/session-"]);
    m.sh(&format!(
        "mkdir -p bundle/rootfs; small_root | tar -C bundle/rootfs -x; chown -R ordinary .
         in_session $RUNTIME spec --rootless --bundle $DIR/bundle
         jq '.process.terminal = false | .process.args = [\"sh\", \"-c\", \"{script}\"] |
             .mounts += [{{\"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\"}}] |
             .linux.resources.pids.limit = {tasks} | .linux.cgroupsPath = \"user.slice:session:'$box'\"' \
             bundle/config.json > config && mv config bundle/config.json
         in_session $RUNTIME --systemd-cgroup run --detach --bundle $DIR/bundle $box > output 2>&1 < /dev/null
         cat output"
    ))
    .prints("");
}

/// The number of processes in the scope, as the machine sees it.
const PROCESSES: &str =
    "wc -l < $(find /sys/fs/cgroup/user.slice -name session-$box.scope)/cgroup.procs";

fn a_scope(m: &mut Machine) {
    sleeping(m, 50);
    m.sh(PROCESSES).prints("1");
    m.sh("cat $(find /sys/fs/cgroup -name session-$box.scope)/pids.max").prints("50");
}

fn exec_is_in_the_scope(m: &mut Machine) {
    sleeping(m, 50);
    m.sh("in_session $RUNTIME exec --detach $box sleep 2000 > /dev/null 2>&1 < /dev/null").exits(0);
    m.sh(PROCESSES).prints("2");
    m.sh("in_session $RUNTIME exec $box sh -c 'exit 9'").exits(9);
}

/// As an init system does: the container's own cgroup hands controllers down then, and takes nobody.
fn exec_follows_an_init_that_moved(m: &mut Machine) {
    let script = "cd /sys/fs/cgroup && mkdir init && echo 0 > init/cgroup.procs &&
        echo +pids > cgroup.subtree_control && exec sleep 1000";
    running(m, &script.split_whitespace().collect::<Vec<_>>().join(" "), 50);
    let init = "$(find /sys/fs/cgroup/user.slice -path '*/session-'$box.scope/init)";
    m.sh(&format!(
        "timeout 30 sh -c 'until grep pids {init}/../cgroup.subtree_control; do sleep 0.1; done'"
    ));
    m.sh("in_session $RUNTIME exec $box cat /proc/self/cgroup").prints("0::/init");
    m.sh(&format!("wc -l < {init}/cgroup.procs")).prints("1");
}

/// There are more processes in it until the container's own is made.
fn a_limit_of_two_tasks(m: &mut Machine) {
    sleeping(m, 2);
    m.sh("cat $(find /sys/fs/cgroup -name session-$box.scope)/pids.max").prints("2");
}

//! podman as an ordinary user whose own systemd makes the cgroups.

use crate::case::chapter;
use crate::machine::Machine;

chapter!(
    "podman_rootless",
    User,
    false,
    [limits, exec, update, pause_and_stats, stop, pod, devices]
);

fn sleeps(m: &mut Machine, options: &str) {
    m.sh(&format!("podman run --detach --name $box {options} busybox sleep 1000")).exits(0);
}

/// `systemctl --user` shows this property of the container's scope.
fn property(name: &str) -> String {
    format!("unit=$(scope); as_user systemctl --user show --property {name} --value $unit")
}

fn limits(m: &mut Machine) {
    sleeps(m, "--memory 64m --memory-swap 96m --pids-limit 50");
    m.sh(&property("MemoryMax")).prints("67108864");
    m.sh(&property("TasksMax")).prints("50");
    m.sh(&property("ControlGroup")).shows(&["/user.slice/user-", "/user.slice/libpod-"]);
    m.sh("podman exec $box sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max; id -u'")
        .prints("67108864\n33554432\n50\n0");
    // Of another part of the machine's cgroups nothing is to be seen.
    m.sh("podman exec $box cat /proc/self/cgroup").prints("0::/");
}

fn exec(m: &mut Machine) {
    sleeps(m, "");
    m.sh("podman exec --user web $box id -u").prints("1000");
    m.sh("podman exec $box sh -c 'exit 9'").exits(9);
}

fn update(m: &mut Machine) {
    sleeps(m, "--memory 64m");
    m.sh("as_user $RUNTIME --systemd-cgroup update --memory 83886080 --memory-swap 83886080 --pids-limit 20 \
          $(podman inspect --format '{{.Id}}' $box)")
        .exits(0);
    m.sh(&property("MemoryMax")).prints("83886080");
    m.sh("as_user systemctl --user daemon-reload; podman exec $box cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max")
        .prints("83886080\n20");
}

fn pause_and_stats(m: &mut Machine) {
    // podman 4.3 looks for the link of a network that its slirp4netns has not made yet.
    sleeps(m, "--memory 64m --network none");
    m.sh("podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' $box")
        .shows(&["1 ", " / 67.11MB"]);
    m.sh("podman pause $box; cat $(find /sys/fs/cgroup -name $(scope))/cgroup.events")
        .shows(&["frozen 1"]);
    m.sh("podman unpause $box; podman exec $box echo alive").shows(&["alive"]);
}

fn stop(m: &mut Machine) {
    m.sh("podman run --detach --name $box busybox sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'")
        .exits(0);
    m.sh("sleep 1; unit=$(scope); as_user systemctl --user stop $unit; podman wait $box")
        .prints("7");
}

fn pod(m: &mut Machine) {
    m.sh("podman pod create --name $box-pod > /dev/null; \
          podman run --rm --pod $box-pod --name $box-one busybox hostname")
        .exits(0);
    m.sh("podman pod rm --force --time 1 $box-pod").exits(0);
}

/// The kernel lets no user filter devices in a cgroup; nodes do what their permissions say.
fn devices(m: &mut Machine) {
    m.sh(
        "podman run --rm --name $box busybox sh -c 'echo > /dev/null; head -c 3 /dev/zero | wc -c'",
    )
    .prints("3");
    m.sh("podman run --rm --name $box busybox mknod /tmp/disk b 259 0").exits(1);
}

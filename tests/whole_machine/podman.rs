//! podman as root with systemd's cgroup manager, its default: what systemd sees of a container.

use crate::case::chapter;
use crate::machine::Machine;

chapter!(
    "podman",
    Podman,
    false,
    [
        runs,
        limits,
        update,
        pause_and_stats,
        stopped_by_systemd,
        exec,
        pod,
        slices,
        healthcheck,
        unit_of_a_container,
        published_port,
        new_users,
    ]
);

fn sleeps(m: &mut Machine, options: &str) {
    m.sh(&format!("podman run --detach --name $box {options} busybox sleep 1000")).exits(0);
}

fn runs(m: &mut Machine) {
    m.sh("podman run --rm --name $box busybox echo hello").prints("hello");
    m.sh("podman run --rm --name $box busybox sh -c 'exit 3'").exits(3);
    m.sh("podman run --rm --name $box busybox cat /proc/self/cgroup").prints("0::/");
    m.sh("podman run --rm --name $box busybox cat /proc/self/attr/current")
        .shows(&["containers-default-", "(enforce)"]);
}

fn limits(m: &mut Machine) {
    sleeps(m, "--memory 64m --memory-swap 96m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50");
    m.sh("systemctl is-active $(scope)").prints("active");
    m.sh("for p in MemoryMax MemorySwapMax CPUQuotaPerSecUSec AllowedCPUs TasksMax DevicePolicy Delegate
          do property $(scope) $p; done")
        .prints("67108864\n33554432\n500ms\n0\n50\nstrict\nyes");
    m.sh("podman exec $box sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max cpuset.cpus'")
        .prints("67108864\n50000 100000\n50\n0");
}

fn update(m: &mut Machine) {
    sleeps(m, "--memory 64m --device /dev/nvme0n1:/dev/disk:r");
    // podman 4.3 has its own small `update`; the runtime is asked for the same after a reload.
    m.sh("podman update --cpus 0.25 $box; podman exec $box cat /sys/fs/cgroup/cpu.max")
        .shows(&["25000 100000"]);
    m.sh("systemctl daemon-reload; podman exec $box cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max")
        .prints("67108864\n25000 100000");
    m.sh(
        "podman exec $box sh -c 'head -c 1 /dev/disk | wc -c; echo > /dev/null; echo > /dev/disk'",
    )
    .exits(1)
    .complains("Operation not permitted");
}

fn pause_and_stats(m: &mut Machine) {
    sleeps(m, "--memory 64m");
    m.sh("podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' $box")
        .shows(&["1 ", " / 67.11MB"]);
    m.sh("podman pause $box; cat $(find /sys/fs/cgroup -name $(scope))/cgroup.events")
        .shows(&["frozen 1"]);
    m.sh("podman unpause $box; podman top $box args").shows(&["sleep 1000"]);
}

fn stopped_by_systemd(m: &mut Machine) {
    m.sh("podman run --detach --name $box busybox sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'")
        .exits(0);
    m.sh("sleep 1; systemctl stop $(scope); podman wait $box").prints("7");
}

fn exec(m: &mut Machine) {
    sleeps(m, "");
    m.sh("podman exec --user web $box id -u").prints("1000");
    m.sh("with_terminal 'podman exec --tty --interactive $box tty'").shows(&["/dev/pts/0"]);
    m.sh("podman exec --detach $box sleep 2000; until_ok sh -c 'systemctl status $(scope) | grep \"sleep 2000\"'; \
          cat $(find /sys/fs/cgroup -name $(scope))/cgroup.procs $(find /sys/fs/cgroup -name $(scope))/*/cgroup.procs | wc -l")
        .exits(0);
}

fn pod(m: &mut Machine) {
    // An image of pause is made from what is installed.
    m.sh("podman pod create --name $box-pod --memory 100m > /dev/null").exits(0);
    m.sh("podman run --detach --pod $box-pod --name $box-web busybox \
          sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'")
        .exits(0);
    m.sh(
        "podman run --rm --pod $box-pod --name $box-client busybox wget -q -O - http://127.0.0.1/",
    )
    .prints("page");
    m.sh("cgroup=$(podman pod inspect --format '{{.CgroupPath}}' $box-pod)
          property ${cgroup##*/} MemoryMax")
        .prints("104857600");
    m.sh("podman pod rm --force --time 1 $box-pod > /dev/null; systemctl list-units --plain --no-legend '*libpod_pod*'")
        .exits(0);
}

fn slices(m: &mut Machine) {
    sleeps(m, "--cgroup-parent orun-tests.slice");
    m.sh("property $(scope) Slice; property $(scope) ControlGroup")
        .shows(&["orun-tests.slice\n/orun.slice/orun-tests.slice/libpod-"]);
}

fn healthcheck(m: &mut Machine) {
    sleeps(m, "--health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1");
    m.sh("podman healthcheck run $box").exits(1);
    m.sh("podman exec $box touch /tmp/well; podman healthcheck run $box").exits(0);
    m.sh(
        "until_ok sh -c 'podman inspect --format {{.State.Health.Status}} $box | grep -x healthy'",
    )
    .exits(0);
}

/// `podman generate systemd`: the unit restarts a container that was killed.
fn unit_of_a_container(m: &mut Machine) {
    m.sh("podman create --name $box busybox sleep 1000 > /dev/null
          podman generate systemd --new --restart-policy always --restart-sec 0 --name $box \
              > /run/systemd/system/$box.service
          podman rm $box > /dev/null; systemctl daemon-reload; systemctl start $box")
        .exits(0);
    m.sh("podman inspect --format '{{.State.Pid}}' $box > $DIR/pid; podman exec $box echo alive")
        .prints("alive");
    m.sh("kill -9 $(cat $DIR/pid); until_ok sh -c 'systemctl show $box --property NRestarts | grep =1'; \
          until_ok podman exec $box echo alive; podman exec $box echo alive again")
        .shows(&["alive again"]);
    m.sh("systemctl stop $box; rm /run/systemd/system/$box.service; systemctl daemon-reload; \
          podman ps --all --quiet --filter name=$box")
        .prints("");
}

fn published_port(m: &mut Machine) {
    m.sh("podman run --detach --name $box --publish 127.0.0.1:8082:80 busybox \
          sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'")
        .exits(0);
    m.sh("until_ok busybox wget -q -O - http://127.0.0.1:8082/; busybox wget -q -O - http://127.0.0.1:8082/")
        .prints("page");
}

fn new_users(m: &mut Machine) {
    m.sh("podman run --rm --name $box --uidmap 0:200000:5000 --memory 64m busybox \
          sh -c 'cat /proc/self/uid_map /sys/fs/cgroup/memory.max' | tr -s ' '")
        .prints(" 0 200000 5000\n67108864");
}

//! containerd asks for cgroups of systemd: `ctr run --runc-systemd-cgroup`.

use crate::case::chapter;
use crate::machine::Machine;

chapter!("containerd", Containerd, false, [runs, limits, exec, pause_and_metrics, kill_and_delete]);

fn sleeps(m: &mut Machine, options: &str) {
    m.sh(&format!(
        "run --detach --runc-systemd-cgroup --cgroup system.slice:ctr:$box {options} $image $box sleep 1000"
    ))
    .exits(0);
}

fn runs(m: &mut Machine) {
    m.sh("run --rm --runc-systemd-cgroup --cgroup system.slice:ctr:$box $image $box echo hello")
        .prints("hello");
    m.sh(
        "run --rm --runc-systemd-cgroup --cgroup system.slice:ctr:$box $image $box sh -c 'exit 3'",
    )
    .exits(3);
}

fn limits(m: &mut Machine) {
    sleeps(m, "--memory-limit 67108864 --cpus 0.5");
    m.sh("property ctr-$box.scope MemoryMax; property ctr-$box.scope CPUQuotaPerSecUSec")
        .prints("67108864\n500ms");
    m.sh("systemctl daemon-reload; cat /sys/fs/cgroup/system.slice/ctr-$box.scope/memory.max")
        .prints("67108864");
}

fn exec(m: &mut Machine) {
    sleeps(m, "");
    m.sh("ctr task exec --exec-id one --user 1000 $box sh -c 'id -u; cat /dev/null'")
        .prints("1000");
    m.sh("ctr task exec --exec-id two $box sh -c 'exit 4'").exits(4);
}

fn pause_and_metrics(m: &mut Machine) {
    sleeps(m, "--memory-limit 67108864");
    m.sh("ctr task pause $box; cat /sys/fs/cgroup/system.slice/ctr-$box.scope/cgroup.events")
        .shows(&["frozen 1"]);
    m.sh("ctr task resume $box; ctr task metrics $box").shows(&["memory.usage_limit", "67108864"]);
}

fn kill_and_delete(m: &mut Machine) {
    sleeps(m, "");
    m.sh("ctr task kill --signal KILL $box; until_ok sh -c 'ctr task ls | grep $box.*STOPPED'; ctr task delete $box")
        .complains("exit code 137");
    m.sh("systemctl is-active ctr-$box.scope").exits(3);
}

//! What docker asks of the runtime to confine a container.

use crate::case::chapter;
use crate::machine::Machine;

chapter!(
    "docker_security",
    Docker,
    false,
    [
        defaults,
        capabilities,
        no_new_privileges,
        seccomp,
        apparmor,
        read_only,
        privileged,
        devices,
        namespaces_of_another,
        sysctls,
    ]
);

fn status(options: &str, words: &str) -> String {
    format!("docker run --rm --name $box {options} busybox grep -E '^({words}):' /proc/self/status")
}

fn defaults(m: &mut Machine) {
    m.sh(&status("", "CapEff|NoNewPrivs|Seccomp"))
        .prints("CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2");
    m.sh("docker run --rm --name $box busybox cat /proc/self/attr/current")
        .prints("docker-default (enforce)");
    m.sh("docker run --rm --name $box busybox sh -c 'cat /proc/kcore | wc -c; ls /proc/acpi /sys/firmware'")
        .shows(&["0\n"]);
    m.sh("docker run --rm --name $box busybox sh -c 'echo x > /proc/sysrq-trigger'")
        .exits(1)
        .complains("Read-only file system");
}

fn capabilities(m: &mut Machine) {
    m.sh(&status("--cap-drop ALL", "CapEff|CapBnd"))
        .prints("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000");
    m.sh(&status("--cap-drop ALL --cap-add NET_BIND_SERVICE", "CapEff"))
        .prints("CapEff:\t0000000000000400");
    m.sh("docker run --rm --name $box --cap-drop CHOWN busybox chown 1 /tmp").exits(1);
    m.sh(&status("--user web", "CapEff")).prints("CapEff:\t0000000000000000");
}

fn no_new_privileges(m: &mut Machine) {
    m.sh(&status("--security-opt no-new-privileges", "NoNewPrivs")).prints("NoNewPrivs:\t1");
}

fn seccomp(m: &mut Machine) {
    m.sh(&status("--security-opt seccomp=unconfined", "Seccomp")).prints("Seccomp:\t0");
    m.sh(r#"echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":5}]}' > $DIR/profile.json
          docker run --rm --name $box --security-opt seccomp=$DIR/profile.json busybox mkdir /tmp/x"#)
        .exits(1)
        .complains("Input/output error");
}

fn apparmor(m: &mut Machine) {
    m.sh("docker run --rm --name $box --security-opt apparmor=unconfined busybox cat /proc/self/attr/current")
        .prints("unconfined");
    m.sh("docker run --name $box --security-opt apparmor=not-loaded busybox true")
        .exits(127)
        .complains("not-loaded");
}

fn read_only(m: &mut Machine) {
    m.sh("docker run --rm --name $box --read-only --tmpfs /run busybox sh -c 'touch /run/x; touch /x'")
        .exits(1)
        .complains("touch: /x: Read-only file system");
}

fn privileged(m: &mut Machine) {
    m.sh("docker run --rm --name $box --privileged busybox sh -c \
          'mount -t tmpfs tmpfs /mnt 2> /dev/null || mkdir /mnt && mount -t tmpfs tmpfs /mnt && \
          test -b /dev/nvme0n1 && cat /proc/self/attr/current'")
        .prints("unconfined");
}

fn devices(m: &mut Machine) {
    m.sh("docker run --rm --name $box --device /dev/nvme0n1:/dev/disk:r busybox \
          sh -c 'head -c 1 /dev/disk | wc -c; echo > /dev/disk'")
        .exits(1)
        .complains("Operation not permitted");
    m.sh("docker run --rm --name $box --device-cgroup-rule 'b 259:* r' busybox \
          sh -c 'mknod /tmp/disk b 259 0; head -c 1 /tmp/disk | wc -c'")
        .prints("1");
}

fn namespaces_of_another(m: &mut Machine) {
    m.sh("docker run --detach --name $box --ipc shareable busybox sleep 1000").exits(0);
    m.sh("for kind in pid net ipc; do
          docker run --rm --name $box-2 --pid container:$box --network container:$box --ipc container:$box \
          busybox readlink /proc/self/ns/$kind; done > $DIR/theirs
          for kind in pid net ipc; do docker exec $box readlink /proc/self/ns/$kind; done | diff - $DIR/theirs")
        .prints("");
    m.sh("docker run --rm --name $box-2 --pid host busybox cat /proc/1/comm").prints("systemd");
}

fn sysctls(m: &mut Machine) {
    m.sh("docker run --rm --name $box --sysctl net.ipv4.ip_forward=0 --sysctl kernel.msgmax=4096 busybox \
          cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax")
        .prints("0\n4096");
}

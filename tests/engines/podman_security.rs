//! Capabilities, seccomp, masks, sysctls and user namespaces under podman.

use crate::run::podman;

/// The capability sets of the process, as a line each.
fn capabilities(options: &str) -> String {
    format!("podman run --rm {options} debian grep -E 'Cap(Eff|Bnd)' /proc/self/status")
}

#[test]
fn default_capabilities() {
    podman(|w| {
        w.sh(&capabilities("")).prints("CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb");
    });
}

#[test]
fn drop_all() {
    podman(|w| {
        w.sh(&capabilities("--cap-drop=all"))
            .prints("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000");
        w.sh("podman run --rm --cap-drop=all debian chown 1 /etc/issue")
            .exits(1)
            .complains("Operation not permitted");
    });
}

#[test]
fn add_one() {
    podman(|w| {
        w.sh(&capabilities("--cap-drop=all --cap-add=net_admin"))
            .prints("CapEff:\t0000000000001000\nCapBnd:\t0000000000001000");
    });
}

#[test]
fn add_one_for_a_user() {
    podman(|w| {
        w.sh("podman run --rm --user 1000 --cap-add=net_admin debian \
              grep -E 'Cap(Prm|Eff|Amb)' /proc/self/status")
            .prints(
                "CapPrm:\t0000000000001000\nCapEff:\t0000000000001000\nCapAmb:\t0000000000001000",
            );
    });
}

#[test]
fn privileged() {
    podman(|w| {
        // All that this process has itself.
        let mine = w.sh("grep CapBnd /proc/self/status").lines();
        w.sh("podman run --rm --privileged debian grep CapBnd /proc/self/status").prints(&mine);
        w.sh("podman run --rm --privileged debian grep Seccomp: /proc/self/status")
            .prints("Seccomp:\t0");
        w.sh("podman run --rm --privileged debian sh -c 'mount -t tmpfs x /mnt && echo x > /proc/sys/kernel/domainname'")
            .exits(0);
        w.sh("podman run --rm --privileged debian test -e /dev/kmsg").exits(0);
        w.sh("podman run --rm --privileged debian test -w /sys/kernel").exits(0);
    });
}

#[test]
fn no_new_privileges() {
    podman(|w| {
        let status = "debian grep NoNewPrivs /proc/self/status";
        w.sh(&format!("podman run --rm {status}")).prints("NoNewPrivs:\t0");
        w.sh(&format!("podman run --rm --security-opt no-new-privileges {status}"))
            .prints("NoNewPrivs:\t1");
    });
}

#[test]
fn default_seccomp() {
    podman(|w| {
        w.sh("podman run --rm debian grep Seccomp: /proc/self/status").prints("Seccomp:\t2");
        // nfsservctl: refused by the profile, unknown to the kernel.
        let call = "debian perl -e 'syscall(180, 0, 0, 0); print $! + 0'";
        w.sh(&format!("podman run --rm {call}")).prints("1");
        w.sh(&format!("podman run --rm --security-opt seccomp=unconfined {call}")).prints("38");
    });
}

#[test]
fn own_seccomp_profile() {
    podman(|w| {
        let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}"#;
        w.sh(&format!("echo '{profile}' > $DIR/profile.json")).exits(0);
        w.sh("podman run --rm --security-opt seccomp=$DIR/profile.json debian mkdir /x")
            .exits(1)
            .complains("No space left on device");
        w.sh("podman run --rm --security-opt seccomp=$DIR/profile.json debian touch /x").exits(0);
    });
}

#[test]
fn masked_paths() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'wc -c < /proc/timer_list; ls /sys/firmware | wc -l'")
            .prints("0\n0");
        w.sh("podman run --rm --security-opt unmask=ALL debian sh -c 'ls /sys/firmware | wc -l'")
            .prints(&w.sh("ls /sys/firmware | wc -l").lines());
        w.sh("podman run --rm --security-opt mask=/etc/passwd debian wc -c /etc/passwd")
            .prints("0 /etc/passwd");
    });
}

#[test]
fn read_only_paths() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'echo 1 > /proc/sys/kernel/domainname'")
            .complains("Read-only file system");
        w.sh("podman run --rm debian findmnt -no OPTIONS /proc/irq").shows(&["ro,"]);
    });
}

#[test]
fn sysctl() {
    podman(|w| {
        w.sh("podman run --rm --sysctl kernel.msgmax=4321 debian cat /proc/sys/kernel/msgmax")
            .prints("4321");
        w.sh("podman run --rm --sysctl net.ipv4.ip_forward=1 debian cat /proc/sys/net/ipv4/ip_forward")
            .prints("1");
    });
}

#[test]
fn user_namespace() {
    podman(|w| {
        let maps = "--uidmap 0:100000:65536 --gidmap 0:200000:65536";
        w.sh(&format!("podman run --rm {maps} debian cat /proc/self/uid_map /proc/self/gid_map"))
            .shows(&["100000      65536", "200000      65536"]);
        w.sh(&format!("podman run --rm {maps} debian stat -c '%u:%g' /etc/issue")).prints("0:0");
        w.sh(&format!("podman run --detach --name box {maps} debian sleep 1000")).exits(0);
        w.sh("podman exec box sh -c 'id -u; touch /new; stat -c %u /new'").prints("0\n0");
        w.sh("stat -c %u /proc/$(podman inspect --format '{{.State.Pid}}' box)").prints("100000");
    });
}

#[test]
fn user_namespace_and_user() {
    podman(|w| {
        w.sh("podman run --rm --user 1000:1000 --uidmap 0:100000:65536 debian id -u")
            .prints("1000");
    });
}

#[test]
fn user_namespace_of_another() {
    podman(|w| {
        w.sh("podman run --detach --name box --uidmap 0:100000:65536 debian sleep 1000").exits(0);
        w.sh("podman run --rm --userns container:box debian cat /proc/self/uid_map")
            .shows(&["100000      65536"]);
    });
}

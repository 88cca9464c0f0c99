//! Namespaces that podman shares: with the host, with another container, in a pod.

use crate::run::{podman, podman_and};

/// Prints the link of a namespace from inside of a container.
fn namespace(options: &str, kind: &str) -> String {
    format!("podman run --rm {options} debian readlink /proc/self/ns/{kind}")
}

#[test]
fn own_namespaces() {
    podman(|w| {
        for kind in ["mnt", "pid", "uts", "ipc", "net"] {
            let host = w.sh(&format!("readlink /proc/self/ns/{kind}")).lines();
            let inside = w.sh(&namespace("", kind)).exits(0).lines();
            assert_ne!(host, inside, "{kind}");
        }
    });
}

#[test]
fn of_the_host() {
    podman(|w| {
        for kind in ["pid", "uts", "ipc"] {
            let host = w.sh(&format!("readlink /proc/self/ns/{kind}")).lines();
            w.sh(&namespace(&format!("--{kind}=host"), kind)).prints(&host);
        }
        let host = w.sh("readlink /proc/self/ns/net").lines();
        w.sh(&namespace("--network=host", "net")).prints(&host);
    });
}

#[test]
fn host_pids_are_seen_and_killed() {
    podman(|w| {
        w.sh("podman run --rm --pid=host debian cat /proc/1/comm").prints("sh");
        w.sh("podman run --detach --name box --pid=host debian sh -c 'sleep 1000 & sleep 1001'")
            .exits(0);
        w.sh("until_ok pgrep -xf 'sleep 1000'; podman rm --force --time 0 box").exits(0);
        w.sh("pgrep -xf 'sleep 100.'").exits(1);
    });
}

#[test]
fn loopback_only() {
    podman(|w| {
        w.sh("podman run --rm --network none debian ls /sys/class/net").prints("lo");
    });
}

#[test]
fn of_another_container() {
    podman(|w| {
        w.sh("podman run --detach --name box --ipc shareable --hostname first debian sleep 1000")
            .exits(0);
        for kind in ["pid", "uts", "ipc"] {
            let other = w.sh(&format!("podman exec box readlink /proc/self/ns/{kind}")).lines();
            w.sh(&namespace(&format!("--{kind}=container:box"), kind)).prints(&other);
        }
        let other = w.sh("podman exec box readlink /proc/self/ns/net").lines();
        w.sh(&namespace("--network=container:box", "net")).prints(&other);
        w.sh("podman run --rm --pid=container:box debian cat /proc/1/comm").prints("sleep");
    });
}

#[test]
fn by_path() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        let other = w.sh("podman exec box readlink /proc/self/ns/net").lines();
        w.sh("pid=$(podman inspect --format '{{.State.Pid}}' box)
              podman run --rm --network=ns:/proc/$pid/ns/net debian readlink /proc/self/ns/net")
            .prints(&other);
    });
}

#[test]
fn shared_memory_of_another() {
    podman(|w| {
        w.sh("podman run --detach --name box --ipc shareable debian sleep 1000").exits(0);
        w.sh("podman exec box sh -c 'echo shared > /dev/shm/x'").exits(0);
        w.sh("podman run --rm --ipc container:box debian cat /dev/shm/x").prints("shared");
    });
}

#[test]
fn pod() {
    podman_and(&["catatonit"], |w| {
        w.sh(
            "podman pod create --name pod --hostname podded --network none --share ipc,uts,net,pid",
        )
        .exits(0);
        w.sh("podman run --detach --pod pod --name a debian sleep 1000").exits(0);
        w.sh("podman run --rm --pod pod debian hostname").prints("podded");
        let other = w.sh("podman exec a readlink /proc/self/ns/ipc").lines();
        w.sh("podman run --rm --pod pod debian readlink /proc/self/ns/ipc").prints(&other);
        w.sh("podman run --rm --pod pod debian cat /proc/1/comm").prints("catatonit");
        w.sh("podman pod stop --time 0 pod; podman pod start pod; podman pod rm --force --time 0 pod")
            .exits(0);
    });
}

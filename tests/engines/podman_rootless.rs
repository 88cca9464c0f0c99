//! podman as an ordinary user: user namespaces with the ids that it was granted, no cgroups.

use crate::run::podman_rootless;
use crate::world::World;
use std::path::Path;

fn rootless<F: FnOnce(&mut World)>(body: F) {
    podman_rootless("vfs", &[], body);
}

#[test]
fn root_inside_is_the_user() {
    rootless(|w| {
        w.sh("podman run --rm busybox id -u").prints("0");
        w.sh("podman run --rm busybox cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '")
            .prints(" 0 64123 1\n 1 300000 65536\n 0 64123 1\n 1 300000 65536");
        w.sh("podman run --rm busybox sh -c 'exit 7'").exits(7);
    });
}

#[test]
fn other_users() {
    rootless(|w| {
        w.sh("podman run --rm --user 1000:2000 busybox sh -c 'id -u; id -g'").prints("1000\n2000");
        w.sh("podman run --rm --group-add 5 --group-add 6 busybox id -G").prints("0 5 6");
    });
}

#[test]
fn detached_exec_stop_remove() {
    rootless(|w| {
        let polite = "sh -c 'trap \"exit 7\" TERM; echo ready; while :; do sleep 0.1; done'";
        w.sh(&format!("podman run --detach --name box busybox {polite}")).exits(0);
        w.sh("until_ok sh -c \"grep ready $home/.local/share/containers/storage/*/*/userdata/ctr.log\"")
            .exits(0);
        w.sh("ls $session/*/ | grep -c '^[0-9a-f]\\{64\\}$'").prints("1");
        w.sh("podman exec box id -u").prints("0");
        w.sh("podman exec --user 1000 box id -u").prints("1000");
        w.sh("podman exec box sh -c 'exit 9'").exits(9);
        w.sh("podman stop --time 10 box; podman wait box").prints("box\n7");
        w.sh("podman logs box").prints("ready");
        w.sh("podman rm box; podman ps --all --quiet").shows(&[]);
    });
}

#[test]
fn remove_by_force() {
    rootless(|w| {
        w.sh("podman run --detach --name box busybox sleep 1000").exits(0);
        w.sh("podman rm --force --time 0 box > $DIR/removed; podman ps --all --quiet").prints("");
    });
}

#[test]
fn kill_and_restart() {
    rootless(|w| {
        w.sh("podman run --detach --name box busybox sleep 1000").exits(0);
        w.sh("podman restart --time 0 box").exits(0);
        w.sh("podman exec box id -u").prints("0");
        w.sh("podman kill box; podman wait box").prints("box\n137");
    });
}

#[test]
fn volume() {
    rootless(|w| {
        w.sh("as_user sh -c 'mkdir files; echo in > files/in'").exits(0);
        let copy = "sh -c 'cat /files/in; echo out > /files/out'";
        w.sh(&format!("podman run --rm --volume $home/files:/files busybox {copy}")).prints("in");
        w.sh("cat $home/files/out; stat --format %u $home/files/out").prints("out\n64123");
        let write = "sh -c 'echo no > /files/no'";
        w.sh(&format!("podman run --rm --volume $home/files:/files:ro busybox {write}"))
            .exits(1)
            .complains("Read-only file system");
    });
}

#[test]
fn named_volume() {
    rootless(|w| {
        w.sh("podman run --rm --volume data:/data busybox sh -c 'echo kept > /data/file'").exits(0);
        w.sh("podman run --rm --volume data:/data busybox cat /data/file").prints("kept");
    });
}

#[test]
fn keep_id() {
    rootless(|w| {
        w.sh("podman run --rm --userns keep-id busybox sh -c 'id -u; id -g'")
            .prints("64123\n64123");
        w.sh("podman run --rm --userns keep-id --user 0 busybox id -u").prints("0");
    });
}

#[test]
fn read_only() {
    rootless(|w| {
        w.sh("podman run --rm --read-only busybox sh -c 'echo x > /x'")
            .exits(1)
            .complains("Read-only file system");
        w.sh("podman run --rm --read-only busybox sh -c 'echo x > /tmp/x; cat /tmp/x'").prints("x");
    });
}

#[test]
fn privileged() {
    rootless(|w| {
        w.sh("podman run --rm --privileged busybox sh -c 'busybox mount -t tmpfs none /tmp; echo $?'")
            .prints("0");
    });
}

#[test]
fn namespaces_of_the_host() {
    rootless(|w| {
        let link = "busybox busybox readlink /proc/self/ns";
        w.sh(&format!(
            "test \"$(podman run --rm --network host {link}/net)\" = \"$(readlink /proc/self/ns/net)\""
        ))
        .exits(0);
        w.sh(&format!(
            "test \"$(podman run --rm --uts host {link}/uts)\" = \"$(readlink /proc/self/ns/uts)\""
        ))
        .exits(0);
        w.sh("podman run --rm --pid host busybox sh -c 'test $$ != 1'").exits(0);
    });
}

#[test]
fn pod_of_two() {
    podman_rootless("vfs", &["catatonit"], |w| {
        w.sh("podman pod create --name pod --network none --hostname shared").exits(0);
        w.sh("podman run --detach --pod pod --name first busybox sleep 1000").exits(0);
        w.sh("podman run --detach --pod pod --name second busybox sleep 1000").exits(0);
        w.sh("podman exec second hostname").prints("shared");
        for kind in ["net", "ipc", "uts", "user"] {
            let link = format!("busybox readlink /proc/1/ns/{kind}");
            w.sh(&format!(
                "test \"$(podman exec first {link})\" = \"$(podman exec second {link})\""
            ))
            .exits(0);
        }
        w.sh("podman pod rm --force --time 0 pod > $DIR/removed; podman ps --all --quiet")
            .prints("");
    });
}

#[test]
fn many_at_once() {
    rootless(|w| {
        w.sh("for n in 1 2 3 4; do podman run --rm busybox echo number $n & done; wait")
            .shows(&["number 1", "number 2", "number 3", "number 4"]);
    });
}

#[test]
fn overlay() {
    podman_rootless("overlay", &[], |w| {
        w.sh("podman run --rm busybox sh -c 'echo x > /x; busybox grep \" / \" /proc/mounts'")
            .shows(&["overlay / overlay "]);
        w.sh("podman run --detach --name box busybox sleep 1000").exits(0);
        w.sh("podman exec --user 1000 box id -u").prints("1000");
    });
}

#[test]
fn fuse_overlayfs() {
    // A kernel without FUSE has none.
    if !Path::new("/dev/fuse").exists() {
        return;
    }
    let storage = "overlay 'mount_program = \"/usr/bin/fuse-overlayfs\"'";
    podman_rootless(storage, &["fuse-overlayfs"], |w| {
        w.sh("podman run --rm busybox sh -c 'echo x > /x; busybox grep \" / \" /proc/mounts'")
            .shows(&["fuse-overlayfs / fuse.fuse-overlayfs "]);
        w.sh("podman run --detach --name box busybox sleep 1000").exits(0);
        w.sh("podman exec --user 1000 box id -u").prints("1000");
    });
}

#[test]
fn slirp4netns() {
    // A kernel without TUN has none.
    if !Path::new("/dev/net/tun").exists() {
        return;
    }
    podman_rootless("vfs", &["slirp4netns"], |w| {
        w.sh("podman run --detach --network slirp4netns --name box busybox sleep 1000").exits(0);
        w.sh("podman exec box busybox ip -4 addr show tap0").shows(&["inet 10.0.2.100/24"]);
        w.sh("podman exec box busybox ip route").shows(&["default via 10.0.2.2 dev tap0"]);
    });
}

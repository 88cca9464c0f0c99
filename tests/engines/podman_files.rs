//! Volumes, tmpfs, devices and the root file system under podman.

use crate::run::podman;

#[test]
fn volume() {
    podman(|w| {
        w.sh("mkdir $DIR/data; podman run --rm -v $DIR/data:/data debian sh -c 'echo new > /data/file'")
            .exits(0);
        w.sh("cat $DIR/data/file").prints("new");
    });
}

#[test]
fn volume_read_only() {
    podman(|w| {
        w.sh("mkdir $DIR/data; echo old > $DIR/data/file").exits(0);
        w.sh("podman run --rm -v $DIR/data:/data:ro debian cat /data/file").prints("old");
        w.sh("podman run --rm -v $DIR/data:/data:ro debian touch /data/file")
            .exits(1)
            .complains("Read-only file system");
    });
}

#[test]
fn volume_of_one_file() {
    podman(|w| {
        w.sh(
            "echo mine > $DIR/file; podman run --rm -v $DIR/file:/etc/issue debian cat /etc/issue",
        )
        .prints("mine");
        w.sh("podman run --rm -v $DIR/file:/new/place/file:ro debian cat /new/place/file")
            .prints("mine");
    });
}

#[test]
fn volume_options() {
    podman(|w| {
        w.sh("mkdir $DIR/data; podman run --rm -v $DIR/data:/data:noexec,nosuid,nodev debian \
              findmnt -no OPTIONS /data")
            .shows(&["nosuid,nodev,noexec"]);
    });
}

#[test]
fn volume_propagation() {
    podman(|w| {
        w.sh("mkdir $DIR/data; mount -t tmpfs tmpfs $DIR/data; mount --make-shared $DIR/data")
            .exits(0);
        let find = "debian findmnt -no PROPAGATION /data";
        w.sh(&format!("podman run --rm -v $DIR/data:/data {find}")).prints("private");
        w.sh(&format!("podman run --rm -v $DIR/data:/data:rshared {find}")).prints("shared");
        w.sh(&format!("podman run --rm -v $DIR/data:/data:rslave {find}")).prints("private,slave");
    });
}

#[test]
fn named_volume() {
    podman(|w| {
        w.sh("podman volume create data; podman run --rm -v data:/data debian sh -c 'echo v > /data/f'")
            .exits(0);
        w.sh("podman run --rm -v data:/data debian cat /data/f").prints("v");
    });
}

#[test]
fn volumes_from() {
    podman(|w| {
        w.sh(
            "mkdir $DIR/data; podman run --detach --name box -v $DIR/data:/data debian sleep 1000",
        )
        .exits(0);
        w.sh("podman run --rm --volumes-from box debian touch /data/x; ls $DIR/data").prints("x");
    });
}

#[test]
fn overlay_volume() {
    podman(|w| {
        w.sh("mkdir $DIR/data; podman run --rm -v $DIR/data:/data:O debian sh -c 'touch /data/x; ls /data'")
            .prints("x");
        w.sh("ls $DIR/data").prints("");
    });
}

#[test]
fn mount_option() {
    podman(|w| {
        w.sh("mkdir $DIR/data; podman run --rm --mount type=bind,source=$DIR/data,target=/data,readonly \
              debian touch /data/x")
            .exits(1)
            .complains("Read-only file system");
        w.sh("podman run --rm --mount type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=0711 debian \
              sh -c 'stat -c %a /t; findmnt -no SIZE /t'")
            .prints("711\n  1M");
    });
}

#[test]
fn tmpfs() {
    podman(|w| {
        w.sh("podman run --rm --tmpfs /t:size=2m,mode=1770,noexec debian \
              sh -c 'stat -f -c %T /t; stat -c %a /t; findmnt -no OPTIONS /t'")
            .shows(&["tmpfs\n1770\n", "noexec", "size=2048k"]);
        w.sh("podman run --rm --tmpfs /t:size=1m debian dd if=/dev/zero of=/t/f bs=1M count=2 status=none")
            .exits(1)
            .complains("No space left");
    });
}

#[test]
fn tmpfs_with_the_files_of_the_image() {
    podman(|w| {
        w.sh("podman run --rm --tmpfs /etc/apt:tmpcopyup debian sh -c 'stat -f -c %T /etc/apt; ls /etc/apt'")
            .shows(&["tmpfs\n", "sources.list"]);
    });
}

#[test]
fn read_only_root() {
    podman(|w| {
        w.sh("podman run --rm --read-only debian touch /x")
            .exits(1)
            .complains("Read-only file system");
        w.sh("podman run --rm --read-only debian sh -c 'touch /tmp/x /run/x /dev/shm/x'").exits(0);
        w.sh("podman run --rm --read-only --tmpfs /opt debian touch /opt/x").exits(0);
    });
}

#[test]
fn shm_size() {
    podman(|w| {
        w.sh("podman run --rm --shm-size 2m debian findmnt -no SIZE /dev/shm").prints("  2M");
    });
}

#[test]
fn default_devices() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'stat -c \"%n %a %t:%T\" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty'")
            .prints("/dev/null 666 1:3\n/dev/zero 666 1:5\n/dev/full 666 1:7\n/dev/random 666 1:8\n/dev/urandom 666 1:9\n/dev/tty 666 5:0");
        w.sh(
            "podman run --rm debian readlink /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/ptmx",
        )
        .prints("/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx");
    });
}

#[test]
fn device() {
    podman(|w| {
        // A number for experiments: no device has it, and none is allowed it by default.
        w.sh("mknod $DIR/dev c 240 77").exits(0);
        w.sh("podman run --rm --device $DIR/dev:/dev/mine:r debian stat -c '%F %t:%T' /dev/mine")
            .prints("character special file f0:4d");
        // Allowed to read (there is no such device), not allowed to write.
        let open = "podman run --rm --device $DIR/dev:/dev/mine:r debian dd count=1 status=none";
        w.sh(&format!("{open} if=/dev/mine")).exits(1).complains("No such device or address");
        w.sh(&format!("{open} of=/dev/mine")).exits(1).complains("Operation not permitted");
    });
}

#[test]
fn device_rule() {
    podman(|w| {
        let make = "sh -c 'mknod /dev/mine c 240 77 && dd if=/dev/mine count=1 status=none'";
        w.sh(&format!("podman run --rm --cap-add mknod debian {make}"))
            .exits(1)
            .complains("Operation not permitted");
        w.sh(&format!(
            "podman run --rm --cap-add mknod --device-cgroup-rule 'c 240:77 rm' debian {make}"
        ))
        .exits(1)
        .complains("No such device or address");
    });
}

#[test]
fn root_from_a_directory() {
    podman(|w| {
        w.sh("mkdir -p $DIR/root/bin; cp $(command -v busybox) $DIR/root/bin").exits(0);
        w.sh("podman run --rm --rootfs $DIR/root /bin/busybox ls /").shows(&["bin", "proc"]);
    });
}

#[test]
fn for_systemd() {
    podman(|w| {
        w.sh("podman run --rm --systemd always debian stat -f -c %T /run /tmp")
            .prints("tmpfs\ntmpfs");
        w.sh("podman run --rm --systemd always debian \
              sh -c 'test ! -d /sys/fs/cgroup/systemd || mkdir /sys/fs/cgroup/systemd/x'")
            .exits(0);
    });
}

#[test]
fn secret() {
    podman(|w| {
        w.sh("printf hidden | podman secret create key -; podman run --rm --secret key debian cat /run/secrets/key")
            .shows(&["hidden"]);
    });
}

//! A container whose first process is systemd: it gets cgroups of its own, and moves itself there.

use crate::case::chapter;
use crate::machine::Machine;

chapter!("podman_init", Podman, false, [systemd_inside]);

/// The machine's own programs, read-only, below a root that is the container's.
const ROOT: &str = "
mkdir -p root/usr root/etc/systemd/system root/var root/tmp root/run root/proc root/sys root/dev
ln -s usr/bin usr/sbin usr/lib usr/lib64 root/
printf 'root:x:0:0:root:/root:/bin/sh\\nmessagebus:x:100:100::/:/bin/false\\n' > root/etc/passwd
printf 'root:x:0:\\nmessagebus:x:100:\\n' > root/etc/group
echo ID=small > root/etc/os-release
cat > root/etc/systemd/system/small.target <<END
[Unit]
Wants=waits.service
END
cat > root/etc/systemd/system/waits.service <<END
[Service]
ExecStart=/usr/bin/sleep 3000
MemoryMax=30M
END
";

fn systemd_inside(m: &mut Machine) {
    m.sh(ROOT).exits(0);
    m.sh("podman run --detach --name $box --systemd always --volume /usr:/usr:ro --network none \
          --env container=podman --rootfs $DIR/root /usr/lib/systemd/systemd --unit=small.target")
        .exits(0);
    m.sh("until_ok podman exec $box sh -c 'systemctl is-active waits.service'").exits(0);
    // Its init is in init.scope by now; a process joins it there.
    m.sh("podman exec $box sh -c 'cat /proc/1/cgroup /proc/self/cgroup'")
        .shows(&["0::/init.scope\n"]);
    m.sh("podman exec $box cat /sys/fs/cgroup/system.slice/waits.service/memory.max")
        .prints("31457280");
    m.sh("podman exec $box systemctl stop waits.service; podman exec $box systemctl is-active waits.service")
        .exits(3);
    m.sh("podman pause $box; podman unpause $box; podman exec $box cat /proc/1/comm")
        .shows(&["systemd"]);
    // Told by its own signal, it shuts down in order.
    m.sh("podman stop --time 60 $box > /dev/null; podman wait $box").prints("0");
}

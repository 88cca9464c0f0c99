//! docker's daemon ends and comes back, or is told to be otherwise.

use crate::case::chapter;
use crate::machine::Machine;

chapter!("docker_daemon", Docker, true, [live_restore, remapped_users]);

fn live_restore(m: &mut Machine) {
    m.sh("docker run --detach --name $box --memory 64m busybox sleep 1000; pid > $DIR/pid")
        .exits(0);
    m.sh("systemctl stop docker.socket docker; kill -0 $(cat $DIR/pid)").exits(0);
    m.sh("systemctl start docker; until_ok docker info; pid | diff - $DIR/pid").prints("");
    m.sh("docker exec $box echo alive").prints("alive");
    m.sh("docker update --memory 80m --memory-swap 80m $box; docker exec $box cat /sys/fs/cgroup/memory.max")
        .shows(&["83886080"]);
    m.sh("systemctl restart docker; until_ok docker info; docker stop --time 1 $box; docker wait $box")
        .shows(&["137"]);
}

/// A daemon of its own, as its images are apart when users are remapped.
fn remapped_users(m: &mut Machine) {
    m.sh("echo {} > $DIR/none.json
          dockerd --userns-remap=default --data-root $DIR/data --exec-root $DIR/exec --pidfile $DIR/pid \
          --bridge none --host unix://$DIR/sock --config-file $DIR/none.json \
          --containerd /run/containerd/containerd.sock --add-runtime tested=$RUNTIME --default-runtime tested \
          > $DIR/log 2>&1 &
          export DOCKER_HOST=unix://$DIR/sock
          until_ok docker info || { cat $DIR/log >&2; exit 1; }
          small_root | docker import - busybox > /dev/null
          docker run --rm --network none busybox sh -c 'id -u; awk \"{ print \\$1, \\$3 }\" /proc/self/uid_map'
          docker run --detach --name box --network none busybox sleep 1000 > /dev/null
          test $(stat --format %u /proc/$(docker inspect --format '{{.State.Pid}}' box)) = $(sed -n 's/^dockremap:\\([0-9]*\\):.*/\\1/p' /etc/subuid) && echo granted
          docker exec box sh -c 'touch /tmp/x; stat -c %u /tmp/x'
          docker rm --force box > /dev/null
          kill $(cat $DIR/pid); wait; umount $DIR/data/*/overlay2 2> /dev/null || :")
        .prints("0\n0 65536\ngranted\n0");
}

//! containerd by its `ctr`: its shim drives the runtime and reads its JSON log.

use crate::run::containerd;
use crate::world::by_version;

/// Starts a container `box` that waits.
const BOX: &str = "run --detach $image box sleep 1000";

#[test]
fn runs() {
    containerd(|w| {
        w.sh("run --rm $image box echo hello").prints("hello");
        w.sh("run --rm $image box sh -c 'exit 3'").exits(3);
        w.sh("run --rm --env A=1 --cwd /etc $image box sh -c 'echo $A; pwd'").prints("1\n/etc");
    });
}

#[test]
fn terminal() {
    containerd(|w| {
        w.sh("with_terminal 'run --rm --tty $image box sh -c \"test -t 0 && echo a terminal\"'")
            .shows(&["a terminal"]);
    });
}

#[test]
fn tasks() {
    containerd(|w| {
        w.sh(BOX).exits(0);
        w.sh("ctr task ls").shows(&["box", "RUNNING"]);
        w.sh("ctr task ps box").shows(&["PID"]);
    });
}

#[test]
fn exec() {
    containerd(|w| {
        w.sh(BOX).exits(0);
        w.sh("ctr task exec --exec-id one box sh -c 'echo inside; cat /proc/1/cmdline | tr \"\\0\" \" \"'")
            .prints("inside\nsleep 1000 ");
        w.sh("ctr task exec --exec-id two box sh -c 'exit 4'").exits(4);
        w.sh("ctr task exec --exec-id three --cwd /etc --user 1000 box sh -c 'pwd; id -u'")
            .prints("/etc\n1000");
        w.sh("with_terminal 'ctr task exec --tty --exec-id four box sh -c \"test -t 0 && echo tty\"'")
            .shows(&["tty"]);
    });
}

#[test]
fn detached_exec() {
    containerd(|w| {
        w.sh(BOX).exits(0);
        w.sh("ctr task exec --detach --exec-id one box sleep 2000").exits(0);
        w.sh("until_ok pgrep -xf 'sleep 2000'; ctr task ps box | grep -c one").prints("1");
        w.sh("ctr task kill --exec-id one --signal KILL box").exits(0);
        w.sh("until_ok sh -c '! pgrep -xf \"sleep 2000\"'").exits(0);
        w.sh("ctr task ls").shows(&["RUNNING"]);
    });
}

#[test]
fn kill_and_delete() {
    containerd(|w| {
        w.sh("run --detach $image box sh -c 'trap \"exit 6\" TERM; while :; do sleep 0.1; done'")
            .exits(0);
        w.sh("sleep 0.5; ctr task kill box; until_ok sh -c 'ctr task ls | grep STOPPED'").exits(0);
        w.sh("ctr task delete box").complains("exit code 6");
        w.sh("ctr container delete box; ctr container ls --quiet").prints("");
    });
}

#[test]
fn kill_all() {
    containerd(|w| {
        w.sh("run --detach $image box sh -c 'sleep 2000 & sleep 1000'").exits(0);
        w.sh("until_ok pgrep -xf 'sleep 2000'; ctr task kill --all --signal KILL box").exits(0);
        w.sh("until_ok sh -c '! pgrep -xf \"sleep [12]000\"'").exits(0);
    });
}

#[test]
fn pause_and_resume() {
    containerd(|w| {
        w.sh(BOX).exits(0);
        w.sh("ctr task pause box; ctr task ls").shows(&["PAUSED"]);
        w.sh("ctr task resume box; ctr task ls").shows(&["RUNNING"]);
    });
}

#[test]
fn limits() {
    containerd(|w| {
        w.sh("run --detach --memory-limit 67108864 --cpus 0.5 $image box sleep 1000").exits(0);
        let memory =
            by_version("memory/default/box/memory.limit_in_bytes", "default/box/memory.max");
        w.sh(&format!("cat /sys/fs/cgroup/{memory}")).prints("67108864");
        let cpu = by_version("cpu/default/box/cpu.cfs_quota_us", "default/box/cpu.max");
        w.sh(&format!("cat /sys/fs/cgroup/{cpu}")).prints(by_version("50000", "50000 100000"));
    });
}

#[test]
fn options() {
    containerd(|w| {
        w.sh("run --rm --read-only $image box sh -c 'echo > /x'").exits(1).complains("Read-only");
        w.sh("echo file > $DIR/file; run --rm --mount type=bind,src=$DIR/file,dst=/mnt/f,options=rbind:ro $image box cat /mnt/f")
            .prints("file");
        w.sh("run --rm --seccomp $image box cat /proc/self/status").shows(&["Seccomp:\t2"]);
        w.sh("run --rm --privileged $image box cat /proc/self/status").shows(&["Seccomp:\t0"]);
        w.sh("run --rm --net-host $image box cat /proc/self/status").exits(0);
    });
}

#[test]
fn error_of_create_in_one_line() {
    containerd(|w| {
        let finished = w.sh("run --rm $image box nonsense").exits(1).complains("nonsense");
        let finished = finished.complains("OCI runtime create failed");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        assert!(!finished.stderr.contains("unable to retrieve"), "{finished}");
        w.sh("ctr container ls --quiet").prints("");
    });
}

#[test]
fn error_of_exec() {
    containerd(|w| {
        w.sh(BOX).exits(0);
        let finished = w.sh("ctr task exec --exec-id one box nonsense").exits(1);
        let finished = finished.complains("nonsense");
        assert!(!finished.stderr.contains("unable to retrieve"), "{finished}");
        w.sh("ctr task exec --exec-id two box echo alive").prints("alive");
    });
}

//! docker's daemon: the life of a container with the runtime as the default one.

use crate::case::chapter;
use crate::machine::Machine;

chapter!(
    "docker",
    Docker,
    false,
    [
        runs,
        terminal,
        input,
        exec,
        logs_and_copy,
        limits,
        update,
        out_of_memory,
        pause,
        stats_and_top,
        stop_and_kill,
        restart_policy,
        init,
        healthcheck,
        volumes,
        error_of_a_missing_program,
    ]
);

fn sleeps(m: &mut Machine, options: &str) {
    m.sh(&format!("docker run --detach --name $box {options} busybox sleep 1000")).exits(0);
}

fn runs(m: &mut Machine) {
    m.sh("docker run --rm --name $box busybox echo hello").prints("hello");
    m.sh("docker run --rm --name $box busybox sh -c 'exit 3'").exits(3);
    m.sh(
        "docker run --rm --name $box --env A=1 --workdir /etc --user web --hostname host busybox \
          sh -c 'echo $A; pwd; id -u; hostname'",
    )
    .prints("1\n/etc\n1000\nhost");
}

fn terminal(m: &mut Machine) {
    m.sh("with_terminal 'docker run --rm --tty --interactive --name $box busybox \
          sh -c \"test -t 0 && tty\"'")
        .shows(&["/dev/pts/0\r\n"]);
    sleeps(m, "");
    m.sh("with_terminal 'docker exec --tty --interactive $box sh -c \"stty -g; tty\"'")
        .shows(&[":", "/dev/pts/0\r\n"]);
}

fn input(m: &mut Machine) {
    m.sh("echo hello | docker run --rm --interactive --name $box busybox cat").prints("hello");
    sleeps(m, "");
    m.sh("echo hello | docker exec --interactive $box cat").prints("hello");
}

fn exec(m: &mut Machine) {
    sleeps(m, "--env A=1");
    m.sh("docker exec $box sh -c 'exit 4'").exits(4);
    m.sh("docker exec --user web --workdir /etc --env B=2 $box sh -c 'id -u; pwd; echo $A$B'")
        .prints("1000\n/etc\n12");
    m.sh("docker exec --privileged $box grep CapEff /proc/self/status").shows(&["ffffffff"]);
    m.sh("docker exec --detach $box sleep 2000; until_ok sh -c 'docker top $box | grep 2000'")
        .exits(0);
    m.sh("docker exec $box nonsense").exits(126);
    m.sh("docker exec $box cat /proc/self/cgroup").prints("0::/");
}

fn logs_and_copy(m: &mut Machine) {
    m.sh("docker run --name $box busybox sh -c 'echo out; echo err >&2; echo kept > /file'")
        .exits(0);
    m.sh("docker logs $box 2> $DIR/err; cat $DIR/err").prints("out\nerr");
    m.sh("docker cp $box:/file $DIR/; cat $DIR/file").prints("kept");
    m.sh("echo new > $DIR/new; docker cp $DIR/new $box:/file; docker cp $box:/file -")
        .shows(&["new"]);
    m.sh("docker start --attach $box 2> $DIR/err").prints("out");
}

fn limits(m: &mut Machine) {
    sleeps(
        m,
        "--memory 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 \
         --cpuset-cpus 0 --pids-limit 50 --ulimit nofile=100:200 --shm-size 1m --oom-score-adj 300",
    );
    m.sh(
        "for property in MemoryMax MemorySwapMax MemoryLow CPUQuotaPerSecUSec AllowedCPUs TasksMax
          do property $(unit) $property; done",
    )
    .prints("67108864\n33554432\n33554432\n500ms\n0\n50");
    m.sh("docker exec $box sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max cpuset.cpus pids.max'")
        .prints("67108864\n50000 100000\n0\n50");
    m.sh("docker exec $box sh -c 'ulimit -Sn; ulimit -Hn; cat /proc/1/oom_score_adj'")
        .prints("100\n200\n300");
    m.sh("docker exec $box df -k /dev/shm").shows(&[" 1024 "]);
}

fn update(m: &mut Machine) {
    sleeps(m, "--memory 64m --memory-swap 64m");
    m.sh("docker update --memory 128m --memory-swap 128m --cpus 0.25 --pids-limit 30 $box")
        .exits(0);
    m.sh("docker exec $box sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max pids.max'")
        .prints("134217728\n0\n25000 100000\n30");
    m.sh("systemctl daemon-reload; for p in MemoryMax TasksMax; do property $(unit) $p; done")
        .prints("134217728\n30");
    m.sh("docker exec $box cat /sys/fs/cgroup/memory.max").prints("134217728");
    // systemd has not taken the devices back.
    m.sh("docker exec $box sh -c 'echo x > /dev/null; head -c 2 /dev/zero | wc -c'").prints("2");
    m.sh("docker exec $box sh -c 'mknod /tmp/disk b 259 0 && head -c 1 /tmp/disk'")
        .exits(1)
        .complains("Operation not permitted");
}

fn out_of_memory(m: &mut Machine) {
    m.sh("docker run --name $box --memory 32m --memory-swap 32m busybox \
          dd if=/dev/zero of=/dev/null bs=100M count=1")
        .exits(137);
    m.sh("docker inspect --format '{{.State.OOMKilled}}' $box").prints("true");
}

fn pause(m: &mut Machine) {
    sleeps(m, "");
    m.sh("docker pause $box; docker inspect --format '{{.State.Status}}' $box").shows(&["paused"]);
    m.sh("cat /sys/fs/cgroup/system.slice/$(unit)/cgroup.events").shows(&["frozen 1"]);
    m.sh("docker unpause $box; docker exec $box echo alive").shows(&["alive"]);
}

fn stats_and_top(m: &mut Machine) {
    sleeps(m, "--memory 64m");
    m.sh("docker stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' $box")
        .shows(&["-stats_and_top 1 ", " / 64MiB"]);
    m.sh("docker top $box").shows(&["UID", "sleep 1000"]);
}

fn stop_and_kill(m: &mut Machine) {
    let polite = "sh -c 'trap \"exit 7\" TERM; trap \"echo hup\" HUP; echo ready; \
                  while :; do sleep 0.1; done'";
    m.sh(&format!("docker run --detach --name $box busybox {polite}")).exits(0);
    m.sh("until_ok sh -c 'docker logs $box | grep ready'; docker kill --signal HUP $box").exits(0);
    m.sh("until_ok sh -c 'docker logs $box | grep hup'").exits(0);
    m.sh("docker stop --time 60 $box; docker wait $box").shows(&["\n7"]);
    m.sh("docker start $box; docker kill $box; docker wait $box").shows(&["\n137"]);
    // The unit went with the container.
    m.sh("systemctl is-active $(unit)").exits(3);
}

fn restart_policy(m: &mut Machine) {
    m.sh("docker run --detach --name $box --restart on-failure:2 busybox sh -c 'echo ran; exit 1'")
        .exits(0);
    m.sh("until_ok sh -c 'docker logs $box | tr \"\\n\" . | grep ran.ran.ran.'").exits(0);
    m.sh("until_ok sh -c 'docker inspect --format {{.State.Status}} $box | grep exited'").exits(0);
    m.sh("docker inspect --format '{{.RestartCount}} {{.State.ExitCode}}' $box").prints("2 1");
}

fn init(m: &mut Machine) {
    sleeps(m, "--init");
    m.sh("docker exec $box sh -c 'cat /proc/1/comm; sleep 0 & exit'").shows(&["init"]);
    m.sh("docker stop --time 60 $box; docker wait $box").shows(&["\n143"]);
}

fn healthcheck(m: &mut Machine) {
    sleeps(m, "--health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1");
    let is = |state| {
        format!(
            "until_ok sh -c 'docker inspect --format {{{{.State.Health.Status}}}} $box | grep -x {state}'"
        )
    };
    m.sh(&is("unhealthy")).exits(0);
    m.sh("docker exec $box touch /tmp/well").exits(0);
    m.sh(&is("healthy")).exits(0);
}

fn volumes(m: &mut Machine) {
    m.sh("echo in > $DIR/in; docker run --rm --name $box --volume $DIR:/mine busybox \
          sh -c 'cat /mine/in; echo out > /mine/out'")
        .prints("in");
    m.sh("cat $DIR/out").prints("out");
    m.sh("docker run --rm --name $box --volume $DIR:/mine:ro busybox touch /mine/no")
        .exits(1)
        .complains("Read-only file system");
    m.sh("docker run --rm --name $box --volume $box:/data busybox sh -c 'echo kept > /data/file'")
        .exits(0);
    m.sh("docker run --rm --name $box --mount type=volume,src=$box,dst=/data busybox cat /data/file; \
          docker volume rm $box > /dev/null")
        .prints("kept");
    m.sh("docker run --rm --name $box --tmpfs /fast:size=64k,mode=700 busybox \
          sh -c 'df -k /fast; stat -c %a /fast'")
        .shows(&[" 64 ", "700"]);
}

fn error_of_a_missing_program(m: &mut Machine) {
    m.sh("docker run --name $box busybox nonsense")
        .exits(127)
        .complains("OCI runtime create failed")
        .complains("nonsense");
    m.sh("docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' $box")
        .prints("created 127");
}

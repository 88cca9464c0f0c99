//! podman's commands on a container that runs: stop, kill, pause, logs, ps and their like.

use crate::run::podman;
use crate::world::by_version;

/// A container that says what it gets and ends with 7 when it is asked to.
const POLITE: &str = "podman run --detach --name box debian sh -c \
    'trap \"echo got USR1\" USR1; trap \"echo bye; exit 7\" TERM; echo ready; while :; do sleep 0.1; done'; \
    until_ok sh -c 'podman logs box | grep ready'";

#[test]
fn detached_and_logs() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sh -c 'echo out; echo err >&2; exit 4'")
            .exits(0);
        w.sh("podman wait box").prints("4");
        w.sh("podman logs box").prints("out").complains("err");
        w.sh("podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' box")
            .prints("exited 4");
    });
}

#[test]
fn created_then_started() {
    podman(|w| {
        w.sh("podman create --name box debian sh -c 'echo started; exit 6'").exits(0);
        w.sh("podman inspect --format '{{.State.Status}}' box").prints("created");
        w.sh("podman start --attach box").exits(6);
        w.sh("podman start --attach box; podman logs box").prints("started\nstarted\nstarted");
    });
}

#[test]
fn initialized_is_created_by_the_runtime() {
    podman(|w| {
        w.sh("podman create --name box debian cat /etc/marker").exits(0);
        w.sh("podman container init box").exits(0);
        w.sh("podman inspect --format '{{.State.Status}}' box").prints("initialized");
        // The program only starts now.
        w.sh("echo late > $DIR/marker; podman cp $DIR/marker box:/etc/marker").exits(0);
        w.sh("podman start --attach box").prints("late");
    });
}

#[test]
fn stop_asks() {
    podman(|w| {
        w.sh(POLITE).exits(0);
        w.sh("podman stop --time 10 box").exits(0);
        w.sh("podman wait box").prints("7");
        w.sh("podman logs box").prints("ready\nbye");
    });
}

#[test]
fn stop_kills_in_the_end() {
    podman(|w| {
        // Process 1 without a handler does not even get the signal.
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        w.sh("podman stop --time 1 box").exits(0);
        w.sh("podman wait box").prints("137");
    });
}

#[test]
fn kill_sends_signals() {
    podman(|w| {
        w.sh(POLITE).exits(0);
        w.sh("podman kill --signal USR1 box; until_ok sh -c 'podman logs box | grep USR1'")
            .exits(0);
        w.sh("podman kill box; podman wait box").shows(&["137"]);
        w.sh("podman kill box").exits(125).complains("exited");
    });
}

#[test]
fn remove_by_force() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        w.sh("podman rm box").complains("running");
        w.sh("podman rm --force --time 0 box; podman ps --all --quiet").shows(&[]);
        w.sh("podman ps --all --quiet").prints("");
    });
}

#[test]
fn pause() {
    podman(|w| {
        let ticking = "sh -c 'while :; do echo tick; sleep 0.05; done'";
        w.sh(&format!("podman run --detach --name box debian {ticking}")).exits(0);
        w.sh("podman pause box; podman inspect --format '{{.State.Status}}' box")
            .shows(&["paused"]);
        w.sh("podman logs box > $DIR/a; sleep 0.4; podman logs box | cmp - $DIR/a").exits(0);
        w.sh("podman unpause box; podman inspect --format '{{.State.Status}}' box")
            .shows(&["running"]);
        w.sh("until_ok sh -c '! podman logs box | cmp - $DIR/a'").exits(0);
    });
}

#[test]
fn remove_paused() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sleep 1000; podman pause box").exits(0);
        w.sh("podman rm --force --time 0 box").exits(0);
        w.sh("podman ps --all --quiet").prints("");
    });
}

#[test]
fn restart() {
    podman(|w| {
        let counting = "sh -c 'echo . >> /count; sleep 1000'";
        w.sh(&format!("podman run --detach --name box debian {counting}")).exits(0);
        w.sh("until_ok podman exec box test -e /count; podman restart --time 0 box").exits(0);
        w.sh("until_ok sh -c 'podman exec box cat /count | grep -c . | grep 2'").exits(0);
    });
}

#[test]
fn restart_policy() {
    podman(|w| {
        w.sh(
            "podman run --name box --restart on-failure:2 --detach debian sh -c 'echo try; exit 1'",
        )
        .exits(0);
        w.sh("until_ok sh -c 'podman logs box | grep -c try | grep 3'").exits(0);
    });
}

#[test]
fn attach() {
    podman(|w| {
        w.sh("podman run --detach --interactive --name box debian sh").exits(0);
        w.sh("echo 'echo $((2 + 3)); exit 8' | podman attach box").prints("5");
        w.sh("podman wait box").prints("8");
    });
}

#[test]
fn inspect() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        w.sh("podman inspect --format '{{.State.Status}} {{.OCIRuntime}}' box")
            .shows(&["running ", &crate::world::runtime().display().to_string()]);
        w.sh("tr '\\0' ' ' < /proc/$(podman inspect --format '{{.State.Pid}}' box)/cmdline")
            .prints("sleep 1000 ");
    });
}

#[test]
fn top() {
    podman(|w| {
        w.sh("podman run --detach --name box debian sleep 1000").exits(0);
        w.sh("podman top box pid comm").shows(&["1 ", "sleep"]);
    });
}

#[test]
fn stats() {
    podman(|w| {
        w.sh("podman run --detach --name box --memory 64m debian sleep 1000").exits(0);
        w.sh("podman stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' box")
            .shows(&["box 1 ", "67.11MB"]);
    });
}

#[test]
fn healthcheck() {
    podman(|w| {
        let health = "--health-cmd 'test -e /healthy' --health-interval disable";
        w.sh(&format!("podman run --detach --name box {health} debian sleep 1000")).exits(0);
        w.sh("podman healthcheck run box").exits(1);
        w.sh("podman exec box touch /healthy; podman healthcheck run box").exits(0);
    });
}

#[test]
fn many_at_once() {
    podman(|w| {
        w.sh("for n in 1 2 3 4 5 6; do podman run --rm debian echo number $n & done; wait")
            .shows(&["number 1", "number 2", "number 3", "number 4", "number 5", "number 6"]);
    });
}

#[test]
fn copy() {
    podman(|w| {
        w.sh("podman run --detach --name box --tmpfs /scratch debian sleep 1000").exits(0);
        w.sh("echo in > $DIR/in; podman cp $DIR/in box:/scratch/in").exits(0);
        w.sh("podman exec box cat /scratch/in").prints("in");
        w.sh("podman exec box sh -c 'echo out > /scratch/out'").exits(0);
        w.sh("podman cp box:/scratch/out - | tar -xO").prints("out");
    });
}

#[test]
fn update() {
    podman(|w| {
        // Newer than podman 4.3 in parts.
        if w.sh("podman update --help").status != 0 {
            return;
        }
        w.sh("podman run --detach --name box --memory 64m debian sleep 1000").exits(0);
        w.sh("podman update --memory 80m --cpus 0.5 box").exits(0);
        let memory = by_version("memory/memory.limit_in_bytes", "memory.max");
        w.sh(&format!("podman exec box cat /sys/fs/cgroup/{memory}")).prints("83886080");
        let cpu = by_version("cpu/cpu.cfs_quota_us", "cpu.max");
        w.sh(&format!("podman exec box cat /sys/fs/cgroup/{cpu}"))
            .prints(by_version("50000", "50000 100000"));
    });
}

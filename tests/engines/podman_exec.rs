//! `podman exec`.

use crate::run::podman;

const BOX: &str = "podman run --detach --name box debian sleep 1000 > /dev/null";

#[test]
fn joins_the_container() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec box cat /proc/1/comm").prints("sleep");
        let links = "readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/net";
        let of_init = links.replace("self", "1");
        w.sh(&format!("podman exec box sh -c '{links} > /a; {of_init} > /b; cmp /a /b'")).exits(0);
        w.sh("podman exec box cmp /proc/self/cgroup /proc/1/cgroup").exits(0);
    });
}

#[test]
fn input() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("echo hello | podman exec -i box cat").prints("hello");
    });
}

#[test]
fn exit_status() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec box sh -c 'exit 3'").exits(3);
        w.sh("podman exec box sh -c 'kill -9 $$'").exits(137);
    });
}

#[test]
fn environment_and_workdir() {
    podman(|w| {
        w.sh("podman run --detach --name box --env A=1 --workdir /usr debian sleep 1000").exits(0);
        w.sh("podman exec --env B=2 box sh -c 'echo $A$B; pwd'").prints("12\n/usr");
        w.sh("podman exec --workdir /etc box pwd").prints("/etc");
    });
}

#[test]
fn user() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh(
            "podman exec --user 1000:2000 box sh -c 'id -u; id -g; grep CapEff /proc/self/status'",
        )
        .prints("1000\n2000\nCapEff:\t0000000000000000");
        w.sh("podman exec --user www-data box id -un").prints("www-data");
    });
}

#[test]
fn capabilities_are_those_of_the_container() {
    podman(|w| {
        w.sh("podman run --detach --name box --cap-drop all --cap-add chown debian sleep 1000")
            .exits(0);
        w.sh("podman exec box grep CapEff /proc/self/status").prints("CapEff:\t0000000000000001");
        w.sh("podman exec box grep Seccomp: /proc/self/status").prints("Seccomp:\t2");
    });
}

#[test]
fn privileged() {
    podman(|w| {
        w.sh(BOX).exits(0);
        // 21: CAP_SYS_ADMIN
        w.sh("caps=$(podman exec --privileged box sed -n 's/CapEff:.//p' /proc/self/status)
              test $((0x$caps >> 21 & 1)) = 1")
            .exits(0);
    });
}

#[test]
fn terminal() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec -t box tty").prints("/dev/pts/0");
        w.sh("with_terminal 'podman exec -it box sh -c \"test -t 0 && tty\"'").prints("/dev/pts/0");
        w.sh("with_terminal 'podman exec -it box sh -c \"exit 5\"'").exits(5);
    });
}

#[test]
fn terminal_input() {
    podman(|w| {
        w.sh(BOX).exits(0);
        let typed = r"printf 'echo $((6 * 7))\nexit 4\n' | typed";
        w.sh(&format!("{typed}; with_terminal 'podman exec -it box sh'; echo status $?"))
            .shows(&["\n42", "status 4"]);
    });
}

#[test]
fn detached() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec --detach box sh -c 'echo done > /done'").exits(0);
        w.sh("until_ok podman exec box cat /done").exits(0);
    });
}

#[test]
fn many() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("for n in 1 2 3 4 5 6 7 8; do podman exec box echo $n & done; wait")
            .shows(&["1", "2", "3", "4", "5", "6", "7", "8"]);
    });
}

#[test]
fn missing_program() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec box nonsense").exits(127).complains("nonsense");
        w.sh("podman exec box /etc/passwd").exits(126).complains("/etc/passwd");
    });
}

#[test]
fn missing_workdir() {
    podman(|w| {
        w.sh(BOX).exits(0);
        let finished = w.sh("podman exec --workdir /nowhere box pwd");
        assert_ne!(finished.status, 0, "{finished}");
        finished.complains("/nowhere");
    });
}

#[test]
fn not_into_a_paused_container() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman pause box; podman exec box true").exits(255).complains("running");
    });
}

#[test]
fn ends_with_the_container() {
    podman(|w| {
        w.sh(BOX).exits(0);
        w.sh("podman exec box sleep 1000 & until_ok podman exec box sh -c 'test -e /proc/2/exe'
              podman kill box; wait $!")
            .exits(137);
    });
}

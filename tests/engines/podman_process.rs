//! `podman run`: the process, its environment, user, limits and terminal.

use crate::run::{podman, podman_and};

#[test]
fn input_and_output() {
    podman(|w| {
        w.sh("podman run --rm -i debian uname -s").prints("Linux");
        w.sh("echo hello | podman run --rm -i debian cat").prints("hello");
        w.sh("podman run --rm debian sh -c 'echo out; echo err >&2'")
            .prints("out")
            .complains("err");
    });
}

#[test]
fn is_process_one() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'echo $$'").prints("1");
    });
}

#[test]
fn environment() {
    podman(|w| {
        let run = "podman run --rm --env ONE=1 --env 'TWO=a b' --env EMPTY= --hostname box debian";
        w.sh(&format!("{run} sh -c 'echo \"$ONE,$TWO,$EMPTY,$HOME,$HOSTNAME\"'"))
            .prints("1,a b,,/root,box");
    });
}

#[test]
fn workdir() {
    podman(|w| {
        w.sh("podman run --rm --workdir /usr/lib debian pwd").prints("/usr/lib");
    });
}

#[test]
fn hostname() {
    podman(|w| {
        w.sh("podman run --rm --hostname box debian hostname").prints("box");
    });
}

#[test]
fn add_host() {
    podman(|w| {
        w.sh("podman run --rm --add-host db:10.1.2.3 debian getent hosts db").shows(&["10.1.2.3"]);
    });
}

#[test]
fn user_by_number() {
    podman(|w| {
        w.sh("podman run --rm --user 1000:1000 debian sh -c 'id -u; id -g; id -G'")
            .prints("1000\n1000\n1000");
        w.sh("podman run --rm --user 1000:1000 debian grep CapEff /proc/self/status")
            .prints("CapEff:\t0000000000000000");
    });
}

#[test]
fn user_by_name() {
    podman(|w| {
        w.sh("podman run --rm --user www-data debian sh -c 'id -un; echo $HOME'")
            .prints("www-data\n/var/www");
    });
}

#[test]
fn additional_groups() {
    podman(|w| {
        w.sh("podman run --rm --user 1000:1000 --group-add 4242 --group-add staff debian id -G")
            .prints("1000 50 4242");
    });
}

#[test]
fn umask() {
    podman(|w| {
        w.sh("podman run --rm --umask 0027 debian sh -c umask").prints("0027");
    });
}

#[test]
fn ulimit() {
    podman(|w| {
        let run = "podman run --rm --ulimit nofile=300:400 --ulimit nproc=900:900 debian";
        w.sh(&format!("{run} bash -c 'ulimit -Sn; ulimit -Hn; ulimit -Su'"))
            .prints("300\n400\n900");
    });
}

#[test]
fn oom_score() {
    podman(|w| {
        w.sh("podman run --rm --oom-score-adj 500 debian cat /proc/self/oom_score_adj")
            .prints("500");
    });
}

#[test]
fn exit_status() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'exit 3'").exits(3);
        w.sh("podman run --rm debian bash -c 'bash -c \"kill -9 \\$\\$\"; exit $?'").exits(137);
        w.sh("podman run --rm debian true; podman ps --all --quiet").prints("");
    });
}

#[test]
fn terminal() {
    podman(|w| {
        w.sh("with_terminal 'podman run --rm -it debian tty'").prints("/dev/pts/0");
        w.sh("with_terminal 'podman run --rm -it debian sh -c \"test -t 0 -a -t 1 -a -t 2\"'")
            .exits(0);
        w.sh("with_terminal 'podman run --rm -it debian sh -c \"exit 5\"'").exits(5);
    });
}

#[test]
fn terminal_input() {
    podman(|w| {
        let typed = r"printf 'echo $((6 * 7))\nexit 4\n' | typed";
        w.sh(&format!("{typed}; with_terminal 'podman run --rm -it debian sh'; echo status $?"))
            .shows(&["\n42", "status 4"]);
    });
}

#[test]
fn terminal_size() {
    podman(|w| {
        let run = "podman run --rm -it debian sh -c \"sleep 0.5; stty size\"";
        w.sh(&format!("with_terminal 'stty rows 31 cols 97; {run}'")).prints("31 97");
    });
}

#[test]
fn detached_terminal() {
    podman(|w| {
        w.sh("podman run --detach --tty --name box debian sh -c 'tty; ls -l /proc/self/fd/0'")
            .exits(0);
        w.sh("podman wait box").prints("0");
        w.sh("podman logs box").shows(&["/dev/pts/0"]);
    });
}

#[test]
fn init() {
    podman_and(&["catatonit"], |w| {
        w.sh("podman run --rm --init debian cat /proc/1/comm").prints("podman-init");
        w.sh("podman run --rm --init debian sh -c 'exit 9'").exits(9);
    });
}

#[test]
fn preserved_descriptors() {
    podman(|w| {
        w.sh("echo kept > $DIR/file; podman run --rm --preserve-fds 1 debian cat /dev/fd/3 3< $DIR/file")
            .prints("kept");
    });
}

#[test]
fn no_stray_descriptors() {
    podman(|w| {
        w.sh("podman run --rm debian sh -c 'ls /proc/$$/fd' 7< /dev/null").prints("0\n1\n2");
    });
}

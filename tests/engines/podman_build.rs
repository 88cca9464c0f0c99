//! Images built with the runtime: `podman build` and buildah.

use crate::run::podman_and;

const CONTAINERFILE: &str = "\
FROM localhost/debian
ENV NAME=value
RUN echo built by $(cat /proc/1/comm) with $NAME > /built && test $(id -u) = 0
USER 1000
RUN test $(id -u) = 1000
";

#[test]
fn podman_build() {
    podman_and(&["buildah"], |w| {
        std::fs::write(w.dir().join("Containerfile"), CONTAINERFILE).expect("Containerfile");
        w.sh("podman build --network none --tag built -f $DIR/Containerfile $DIR").exits(0);
        w.sh("podman run --rm built cat /built").prints("built by sh with value");
    });
}

#[test]
fn failing_build() {
    podman_and(&["buildah"], |w| {
        let text = "FROM localhost/debian\nRUN exit 42\n";
        std::fs::write(w.dir().join("Containerfile"), text).expect("Containerfile");
        let finished = w.sh("podman build --network none -f $DIR/Containerfile $DIR");
        assert_ne!(finished.status, 0, "{finished}");
        finished.complains("exit status 42");
    });
}

#[test]
fn buildah_run() {
    podman_and(&["buildah"], |w| {
        w.sh("buildah from --name work localhost/debian").prints("work");
        let run = "buildah run --runtime $RUNTIME --isolation oci --network none work --";
        w.sh(&format!("{run} sh -c 'echo hello; hostname > /name'")).prints("hello");
        w.sh(&format!("{run} sh -c 'exit 3'")).exits(3);
        w.sh(&format!("{run} nonsense")).complains("nonsense");
        w.sh("buildah rm work").exits(0);
    });
}

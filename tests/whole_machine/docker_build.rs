//! docker builds images, from a base that is there.

use crate::case::chapter;
use crate::machine::Machine;

chapter!("docker_build", Docker, false, [dockerfile, failing_step]);

fn dockerfile(m: &mut Machine) {
    let file = "
FROM busybox
RUN mkdir -p /home/web && chown web /home/web && echo built > /built
COPY file /copied
USER web
WORKDIR /home/web
RUN id -u > id
CMD cat /built /copied id
";
    m.sh(&format!("echo copy > file; cat > Dockerfile <<'END'{file}END")).exits(0);
    m.sh("DOCKER_BUILDKIT=0 docker build --tag $box .").exits(0);
    m.sh("docker run --rm --name $box $box; docker rmi $box > /dev/null")
        .prints("built\ncopy\n1000");
}

fn failing_step(m: &mut Machine) {
    m.sh("printf 'FROM busybox\\nRUN exit 9\\n' > Dockerfile; DOCKER_BUILDKIT=0 docker build --force-rm .")
        .exits(9)
        .complains("returned a non-zero code: 9");
}

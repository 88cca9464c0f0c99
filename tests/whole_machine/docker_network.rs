//! docker's networks: the runtime's namespaces and hooks are what docker connects.

use crate::case::chapter;
use crate::machine::Machine;

chapter!("docker_network", Docker, false, [published_port, names_of_a_network, compose]);

fn published_port(m: &mut Machine) {
    m.sh("docker run --detach --name $box --publish 127.0.0.1:8081:80 busybox \
          sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'")
        .exits(0);
    m.sh("until_ok busybox wget -q -O - http://127.0.0.1:8081/; busybox wget -q -O - http://127.0.0.1:8081/")
        .prints("page");
}

fn names_of_a_network(m: &mut Machine) {
    m.sh("docker network create $box").exits(0);
    m.sh("docker run --detach --name $box --network $box --network-alias web busybox \
          sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'")
        .exits(0);
    m.sh("docker run --rm --name $box-2 --network $box busybox \
          sh -c 'for i in 1 2 3 4 5; do wget -q -O - http://web/ && exit; sleep 1; done'")
        .prints("page");
    m.sh("docker rm --force $box; docker network rm $box").exits(0);
}

fn compose(m: &mut Machine) {
    let file = "
services:
  web:
    image: busybox
    command: sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'
    init: true
    mem_limit: 32m
  client:
    image: busybox
    depends_on: [web]
    command: sh -c 'until wget -q -O - http://web/; do sleep 1; done'
";
    m.sh(&format!("cat > docker-compose.yml <<'END'{file}END")).exits(0);
    m.sh("docker-compose --project-name $box up --detach").exits(0);
    m.sh("until_ok sh -c 'docker-compose --project-name $box logs client | grep page'").exits(0);
    m.sh("docker-compose --project-name $box exec -T web cat /sys/fs/cgroup/memory.max")
        .prints("33554432");
    m.sh("docker-compose --project-name $box down --timeout 1").exits(0);
}

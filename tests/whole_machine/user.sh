# Once for all tests of an ordinary user's podman: the image.
podman info --format '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}} {{.Host.Security.Rootless}}' |
	grep -x 'systemd v2 true'
small_root > "$DIR/small.tar"
podman import --quiet --change CMD=sh "$DIR/small.tar" localhost/busybox

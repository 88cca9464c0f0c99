# Once for all tests of podman as root: systemd's manager, which is its default, and the image busybox.
podman info --format '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}' | grep -x 'systemd v2'
small_root | podman import --quiet --change CMD=sh - localhost/busybox

# Once for all tests of containerd: the daemon, and the image of the tests.
systemctl restart containerd
until_ok ctr version
command -v podman > /dev/null
small_root | command podman import --quiet --change CMD=sh - localhost/busybox
command podman save --quiet --format oci-archive --output "$DIR/busybox.tar" localhost/busybox
ctr image import --no-unpack "$DIR/busybox.tar"

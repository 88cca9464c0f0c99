# Read by every script of a test of rootless podman: the engine runs as an ordinary user of its own,
# in a home that goes away with the world.

user=64123
home=/var/tmp/ordinary
session=/run/user/$user

# Once for a world: the user with 65,536 more ids, its home, and a copy of the runtime that it can
# read. The machine's files stay as they are.
make_user() {
	with_line /etc/passwd "ordinary:x:$user:$user::$home:/bin/sh"
	with_line /etc/group "ordinary:x:$user:"
	with_line /etc/subuid ordinary:300000:65536
	with_line /etc/subgid ordinary:300000:65536
	mkdir -p /run/user
	install --directory --owner "$user" --group "$user" --mode 700 "$session"
	install --directory --owner "$user" --group "$user" "$home" "$home/tmp"
	install --mode 755 "$RUNTIME" "$home/${RUNTIME##*/}"
	install --mode 644 "$DIR/containers.conf" "$home/containers.conf"
	install --mode 644 "$IMAGE" "$home/image.tar"
	open_device /dev/fuse 10 229
	open_device /dev/net/tun 10 200
}

# Puts a copy with one more line over a file of the machine.
with_line() {
	copy=/run/with-line-${1##*/}
	{ cat "$1"; echo "$2"; } > "$copy"
	mount --bind "$copy" "$1"
}

# Puts a device node that every user may open over one of the machine, which may be of root only.
open_device() {
	[ -e "$1" ] || return 0
	mknod --mode 666 "/run/${1##*/}" c "$2" "$3"
	mount --bind "/run/${1##*/}" "$1"
}

# Takes a storage driver, and a line of its options; loads the image.
storage() {
	{
		echo "[storage]"
		echo "driver = \"$1\""
		echo "[storage.options.$1]"
		echo "${2-}"
	} > "$home/storage.conf"
	chmod 644 "$home/storage.conf"
	podman load --quiet --input "$home/image.tar" > /dev/null
}

as_user() (
	cd "$home"
	exec env --ignore-environment PATH="$PATH" HOME="$home" TMPDIR="$home/tmp" \
		XDG_RUNTIME_DIR="$session" \
		CONTAINERS_CONF="$home/containers.conf" CONTAINERS_STORAGE_CONF="$home/storage.conf" \
		setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
)

podman() {
	as_user podman --runtime "$home/${RUNTIME##*/}" "$@"
}

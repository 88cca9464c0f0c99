# Read by every script of a test: the engines, driving the runtime under test.

if [ -e "$DIR/containers.conf" ]; then
	export CONTAINERS_CONF="$DIR/containers.conf" CONTAINERS_STORAGE_CONF="$DIR/storage.conf"
fi

podman() {
	command podman --runtime="$RUNTIME" "$@"
}

if [ -e "$DIR/rootless.sh" ]; then
	. "$DIR/rootless.sh"
fi

# The image that the tests of containerd have.
image=localhost/busybox:latest

run() {
	ctr run --runc-binary "$RUNTIME" "$@"
}

# Waits until a command succeeds, 15 seconds at most.
until_ok() {
	tries=150
	until "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		if [ "$tries" = 0 ]; then
			echo "never succeeded: $*" >&2
			return 1
		fi
		sleep 0.1
	done
}

# Runs a command line, with these words, with a terminal on which nothing is typed but what `typed` took before.
with_terminal() {
	[ -p "$DIR/keys" ] || mkfifo "$DIR/keys"
	script --quiet --return --log-out /dev/null --command ". '$DIR/words.sh'; $1" 0<> "$DIR/keys"
}

# Types its input, when the program has had a second to start.
typed() {
	mkfifo "$DIR/keys"
	text=$(cat)
	(sleep 1; printf '%s\n' "$text" > "$DIR/keys") &
}

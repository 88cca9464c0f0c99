
# Read by every script of a test, after the words of the engines' tests.

# An image without a base, on standard output as a tar archive: busybox with all its applets.
small_root() (
	root=$(mktemp -d)
	mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh web:x:1000:1000:web:/:/bin/sh > "$root/etc/passwd"
	printf '%s\n' root:x:0: web:x:1000: > "$root/etc/group"
	chmod 1777 "$root/tmp"
	tar -C "$root" -c .
	rm -rf "$root"
)

# Whatever the test has named after itself.
ids_of() {
	case $1 in
	containerd) ctr container ls --quiet | grep "^$box" || : ;;
	*) "$1" ps --all --quiet --no-trunc --filter "name=$box" ;;
	esac
}

# Removes the test's containers, and prints what is still there of them: states, units, cgroups.
rest_of() {
	ids=$(ids_of "$1")
	for id in $ids; do
		case $1 in
		docker) docker rm --force --volumes "$id" > /dev/null ;;
		podman) podman rm --force --time 0 "$id" > /dev/null ;;
		containerd)
			ctr task delete --force "$id" > /dev/null 2>&1
			ctr container delete "$id"
			;;
		esac
	done
	until_ok nothing_of "$ids" || left_of "$ids"
}

nothing_of() {
	[ -z "$(left_of "$1")" ]
}

left_of() {
	for id in $1; do
		find /run/docker/runtime-* /run/orun /run/runc /run/crun /run/containerd/runc \
			-mindepth 1 -maxdepth 2 -name "$id" 2> /dev/null
		systemctl list-units --all --plain --no-legend "*$id.scope"
		find /sys/fs/cgroup -ignore_readdir_race -type d -name "*$id.scope"
	done
}

# A property of a unit of systemd, as systemd tells it.
property() {
	systemctl show --property "$2" --value "$1"
}

# The unit of docker's container.
unit() {
	docker inspect --format 'docker-{{.Id}}.scope' "${1-$box}"
}

# The process on the machine that is docker's container's first.
pid() {
	docker inspect --format '{{.State.Pid}}' "${1-$box}"
}

# The unit of podman's container.
scope() {
	echo "libpod-$(podman inspect --format '{{.Id}}' "${1-$box}").scope"
}

if [ "$ENGINE" = User ]; then
	# As after a login: in the user's own part of the cgroups, and told where their systemd is. podman is
	# not to know that it is in a service, where it would leave its conmon to be stopped with it.
	as_user() {
		systemd-run --quiet --user --machine=ordinary@.host --pipe --wait --collect --service-type=exec \
			--setenv=RUNTIME="$RUNTIME" --setenv=DIR="$DIR" --setenv=box="$box" --setenv=ENGINE= \
			--working-directory=/home/ordinary -- env --unset INVOCATION_ID "$@"
	}

	podman() {
		as_user podman --runtime "$RUNTIME" "$@"
	}
fi

# As by ssh: in a session, beside the user's own part of the cgroups.
in_session() {
	systemd-run --quiet --pipe --wait --collect --uid=ordinary --property=PAMName=login \
		--working-directory="$DIR" -- "$@"
}

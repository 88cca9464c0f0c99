#!/bin/sh
# A world for one test: container engines run in it with their default paths, and all that they
# leave behind goes away with it. Started by world.rs as `world.sh DIR RUNTIME`.
#
# It reads names of scripts in DIR from its input, runs each and answers with the exit status. At
# the end of the input everything ends: the processes by the end of the pid namespace, the mounts
# with the mount namespace, the cgroups below one directory that is removed. The names in DIR that
# are part of the protocol: N (a script), N.out, N.err.
set -eu
dir=$1 runtime=$2 stage=${3-begin}
name=${dir##*/}
cgroups=/sys/fs/cgroup

is_v1() {
	[ ! -e "$cgroups/cgroup.controllers" ]
}

# Every mounted hierarchy. crun 1.8 does not run without hugetlb, so it gets that one too.
hierarchies() {
	if is_v1 && [ "${runtime##*/}" = crun ] && [ ! -e "$cgroups/hugetlb/tasks" ]; then
		[ -e "$dir/hugetlb" ] || mkdir "$dir/hugetlb"
		mountpoint -q "$dir/hugetlb" || mount -t cgroup -o hugetlb cgroup "$dir/hugetlb"
	fi
	sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*\) .* - cgroup2\{0,1\} .*/\1/p' /proc/self/mountinfo
}

# A cgroup namespace needs a cgroup of its own in every hierarchy.
enter_cgroups() {
	for path in $(hierarchies); do
		mkdir "$path/$name"
		if [ -e "$path/cpuset.cpus" ]; then
			cat "$path/cpuset.cpus" > "$path/$name/cpuset.cpus"
			cat "$path/cpuset.mems" > "$path/$name/cpuset.mems"
		fi
		echo 0 > "$path/$name/cgroup.procs"
	done
}

leave_cgroups() {
	for path in $(hierarchies); do
		echo 0 > "$path/cgroup.procs"
		find "$path/$name" -depth -type d -exec rmdir {} +
	done
}

# Version 2, from where it begins for a namespace on: processes only in a leaf, limits everywhere.
mount_unified() {
	umount -l "$cgroups"
	mount -t cgroup2 cgroup2 "$cgroups"
	mkdir "$cgroups/world"
	echo 0 > "$cgroups/world/cgroup.procs"
	delegate "$cgroups"
}

# Gives the groups below every controller.
delegate() {
	for controller in $(cat "$1/cgroup.controllers"); do
		echo "+$controller" > "$1/cgroup.subtree_control"
	done
}

# Mounts the hierarchies again as they look from inside of the namespace.
mount_cgroups() {
	names=$(sed 's/^[^:]*:\([^:]*\):.*/\1/' /proc/self/cgroup)
	mounted=$(hierarchies)
	umount -l "$cgroups"
	mount -t tmpfs -o mode=755 cgroup "$cgroups"
	for controllers in $names; do
		directory=${controllers#name=}
		case $mounted in *"/$directory"*) ;; *) continue ;; esac
		mkdir "$cgroups/$directory"
		mount -t cgroup -o "$controllers" cgroup "$cgroups/$directory"
	done
	case $mounted in *"$cgroups/unified"*)
		mkdir "$cgroups/unified"
		mount -t cgroup2 cgroup2 "$cgroups/unified"
	esac
}

# A frozen process would not notice that it is killed.
thaw() {
	find "$cgroups" -name freezer.state -exec sh -c 'echo THAWED > "$1"' - {} \; 2> /dev/null || :
}

case $stage in
begin)
	exec unshare --mount --propagation private sh "$0" "$dir" "$runtime" outside
	;;
outside)
	new="--mount --pid --fork --mount-proc --propagation private"
	status=0
	if is_v1; then
		enter_cgroups
		# shellcheck disable=SC2086 # words
		unshare $new --cgroup sh "$0" "$dir" "$runtime" inside || status=$?
	else
		delegate "$cgroups"
		(
			enter_cgroups
			exec unshare --mount --propagation private --cgroup sh "$0" "$dir" "$runtime" unified
		) || status=$?
	fi
	leave_cgroups
	# The test removes its directory too, unless it was killed.
	if [ -e "$dir/hugetlb" ]; then
		umount "$dir/hugetlb"
	fi
	rm -rf "$dir"
	exit "$status"
	;;
unified)
	mount_unified
	exec unshare --mount --pid --fork --mount-proc --propagation private sh "$0" "$dir" "$runtime" inside
	;;
inside)
	if is_v1; then
		mount_cgroups
	fi
	# What the engines share over the whole machine by default.
	mkdir -p /var/lib/containers /var/lib/containerd
	for path in /run /dev/shm /var/tmp /var/lib/containers /var/lib/containerd; do
		mount -t tmpfs -o mode=1777 tmpfs "$path"
	done
	trap thaw EXIT
	echo ready
	# As process 1 this shell reaps what the engines leave to it while it waits for a script.
	while read -r script; do
		status=0
		timeout --kill-after=5 "${TIMEOUT:-90}" sh "$dir/$script" \
			> "$dir/$script.out" 2> "$dir/$script.err" < /dev/null || status=$?
		echo "$status"
	done
	;;
esac

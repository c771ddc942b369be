#!/bin/sh
# A private Docker engine for the integration tests.
#
# Why namespaces: the engine runs in its own mount, network and process
# namespaces. Its bridges, firewall rules, published ports and overlay mounts
# do not exist on the host at all, so they cannot clash with a system Docker or
# with a second test, and the kernel removes every one of them when the first
# process of the namespace ends, even after a crash.
set -eu

usage() {
	cat <<'TEXT'
usage: engine.sh check
       engine.sh start DIR [--owner PID] [--] [DOCKERD_FLAG...]
       engine.sh exec DIR COMMAND [ARG...]
       engine.sh outside DIR COMMAND [ARG...]
       engine.sh stop DIR

check    exits 0 if this machine can run the engine; otherwise names what is
         missing and exits 77 (the usual "skipped" code).
start    starts containerd and dockerd with all their state below DIR and
         prints one line, DOCKER_HOST=unix://DIR/docker.sock, once the engine
         answers. With --owner the engine ends by itself when process PID ends
         (give the test's own PID, so an aborted test leaves nothing behind).
         It ends in any case after RG_ENGINE_LIFETIME seconds (default 3600).
exec     runs COMMAND inside the engine's namespaces, with DOCKER_HOST set and
         in the current folder. Ports published on 127.0.0.1 answer here, and
         here are the engine's bridges, nft/iptables rules and process ids
         ("docker inspect" reports process ids of this namespace).
outside  runs COMMAND on "another machine": a second network namespace joined
         to the engine's by a cable. Tests use it to see what a neighbour on
         the network can reach.
stop     ends the engine, its containers and networks, and deletes its data.
         The log stays in DIR/dockerd.log. Does nothing if DIR has no engine.

The network:
  engine side   198.51.100.1/24  2001:db8:7267::1/64  interface rg-up
  outside       198.51.100.2/24  2001:db8:7267::2/64  and 203.0.113.1/32
  The engine's default route leads to "outside"; nothing leads further.

DIR must be short enough for a socket path and must not be below /run, /proc
or /sys, which are private to the engine. Bind mounts take ordinary absolute
paths outside these three; the engine sees the same files as the caller.
Engines in different DIRs may run at the same time.
TEXT
}

say() { printf 'engine.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

missing() {
	[ "$(id -u)" = 0 ] || { echo 'not running as root'; return 0; }
	for tool in dockerd docker containerd runc ip iptables unshare nsenter mount; do
		command -v "$tool" >/dev/null 2>&1 || echo "no $tool in PATH"
	done
}

# Field 22 of /proc/PID/stat: with the start time a recycled PID is not
# mistaken for ours. The name field may hold blanks, so cut up to its ")".
start_time() {
	stat_line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# shellcheck disable=SC2086 # splitting is the point
	set -- ${stat_line##*) }
	# A zombie has ended; only its parent has not looked yet.
	[ "$1" != Z ] || return 1
	echo "${20}"
}

# Sets $pid; true while the engine recorded in $state is the one running.
running() {
	[ -s "$state/pid" ] || return 1
	read -r pid born <"$state/pid"
	[ "$(start_time "$pid" || true)" = "$born" ]
}

place() {
	[ -n "${1-}" ] || { usage >&2; exit 2; }
	dir=$(readlink -f -- "$1") || die "no such folder: $1"
	state=$dir/engine
}

start() {
	[ $# -ge 1 ] || { usage >&2; exit 2; }
	mkdir -p -- "$1"
	place "$1"
	shift
	owner=
	if [ "${1-}" = --owner ]; then
		owner=${2:?--owner needs a PID}
		[ -d "/proc/$owner" ] || die "no process $owner"
		shift 2
	fi
	[ "${1-}" != -- ] || shift

	lack=$(missing)
	[ -z "$lack" ] || die "cannot run here: $lack"
	case $dir/ in
	/run/* | /var/run/* | /proc/* | /sys/*) die "DIR may not be below /run, /proc or /sys: $dir" ;;
	esac
	# The kernel takes 107 bytes for a socket path.
	[ "$(printf %s "$dir/docker.sock" | wc -c)" -le 107 ] || die "DIR is too long for a socket: $dir"
	# mkdir is the lock: of two starts in one DIR one fails.
	mkdir -m 700 -- "$state" || die "DIR already has an engine (stop it first): $dir"
	: >"$state/created-by-engine.sh"
	echo "rg-tests-$(date +%s)-$$" >"$state/cgroup"
	: >"$dir/dockerd.log"

	# setsid: Ctrl-C in the terminal of the test goes to the test, which then
	# stops the engine in order. All descriptors are redirected so that a
	# caller reading our output sees its end.
	setsid unshare --mount --net --pid --fork --kill-child \
		-- "$self" _init "$dir" "$owner" "$@" \
		</dev/null >>"$dir/dockerd.log" 2>&1 &
	launcher=$!

	tries=0
	while :; do
		if running && timeout 5 docker -H "unix://$dir/docker.sock" version >/dev/null 2>&1; then
			break
		fi
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ] || ! start_time "$launcher" >/dev/null; then
			say "the engine did not start; the end of $dir/dockerd.log:"
			tail -n 20 "$dir/dockerd.log" >&2
			kill -KILL "$launcher" 2>/dev/null || true
			stop "$dir"
			exit 1
		fi
		sleep 0.1
	done
	echo "DOCKER_HOST=unix://$dir/docker.sock"
}

# The first process of the namespaces. When it ends the kernel ends all others.
init() {
	dir=$1 owner=$2
	shift 2
	state=$dir/engine

	# /proc is still the host's: this is our PID as the host sees it.
	read -r hostpid _ </proc/self/stat
	echo "$hostpid $(start_time "$hostpid")" >"$state/pid.new"
	mv "$state/pid.new" "$state/pid"
	# An open /proc/PID folder goes dead with its process and never comes to
	# mean another one; it also survives the change of /proc below.
	[ -z "$owner" ] || exec 9<"/proc/$owner"

	mount -t proc -o nosuid,nodev,noexec proc /proc
	# Shim sockets, locks and network namespaces have fixed places in /run.
	mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
	mkdir -p /run/lock

	ip link set lo up
	unshare --net sleep 2147483647 9<&- &
	outside=$!
	# The child needs a moment to be in its own namespace.
	while [ "$(readlink "/proc/$outside/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do
		sleep 0.01
	done
	ip link add rg-up type veth peer name rg-up netns "$outside"
	ip addr add 198.51.100.1/24 dev rg-up
	ip -6 addr add 2001:db8:7267::1/64 dev rg-up nodad 2>/dev/null || true
	ip link set rg-up up
	ip route add default via 198.51.100.2
	nsenter -t "$outside" -n -- sh -eu -c '
		ip link set lo up
		ip addr add 203.0.113.1/32 dev lo
		ip addr add 198.51.100.2/24 dev rg-up
		ip -6 addr add 2001:db8:7267::2/64 dev rg-up nodad 2>/dev/null || true
		ip link set rg-up up
	'
	ip -6 route add default via 2001:db8:7267::2 2>/dev/null || true
	echo "$outside" >"$state/outside"

	# overlay2 where the file system allows it, else vfs (slow, works always).
	driver=vfs
	mkdir -p "$state/data" "$state/probe/l" "$state/probe/u" "$state/probe/w" "$state/probe/m"
	if mount -t overlay overlay -o "lowerdir=$state/probe/l,upperdir=$state/probe/u,workdir=$state/probe/w" "$state/probe/m"; then
		driver=overlay2
		umount "$state/probe/m"
	fi
	rm -rf "$state/probe"

	# An empty configuration: the host's daemon.json must not change results.
	echo '{}' >"$state/daemon.json"
	read -r cgroup <"$state/cgroup"
	# No --containerd flag: dockerd starts and guards its own containerd, with
	# its socket below the exec root. cgroupfs: there is no systemd in here.
	dockerd --config-file "$state/daemon.json" \
		--host "unix://$dir/docker.sock" --group "$(id -g)" \
		--data-root "$state/data" --exec-root /run/docker --pidfile /run/docker.pid \
		--storage-driver "$driver" --exec-opt native.cgroupdriver=cgroupfs \
		--cgroup-parent "/$cgroup" --shutdown-timeout 10 "$@" 9<&- &
	daemon=$!

	stopping=
	trap 'stopping=1' TERM INT
	left=${RG_ENGINE_LIFETIME:-3600}
	while [ -z "$stopping" ] && kill -0 "$daemon" 2>/dev/null && [ "$left" -gt 0 ]; do
		[ -z "$owner" ] || [ -e /proc/self/fd/9/stat ] || break
		left=$((left - 1))
		sleep 1 9<&- &
		# wait, unlike sleep, returns at once on TERM.
		wait $! || true
	done
	kill -TERM "$daemon" 2>/dev/null || true
	while kill -0 "$daemon" 2>/dev/null; do
		wait "$daemon" || true
	done
	exit 0
}

stop() {
	[ $# -ge 1 ] || { usage >&2; exit 2; }
	[ -e "$1/engine" ] || { say "no engine in $1"; return 0; }
	place "$1"
	[ -e "$state/created-by-engine.sh" ] || die "not made by this script: $state"

	if running; then
		kill -TERM "$pid"
		tries=0
		while running; do
			tries=$((tries + 1))
			# dockerd gives containers 10 s; after 20 s something hangs.
			[ "$tries" -ne 400 ] || kill -KILL "$pid"
			[ "$tries" -lt 600 ] || die "process $pid does not end"
			sleep 0.05
		done
	fi

	# Control groups outlive their processes and are not in any namespace.
	cgroup=$(cat "$state/cgroup" 2>/dev/null) || cgroup=
	if [ -n "$cgroup" ]; then
		for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
			[ -d "$tree/$cgroup" ] || continue
			tries=0
			until find "$tree/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; do
				tries=$((tries + 1))
				[ "$tries" -lt 40 ] || { say "control group stays: $tree/$cgroup"; break; }
				sleep 0.05
			done
		done
	fi
	# The mounts are gone with their namespace; should one be left, stay off it.
	rm -rf --one-file-system -- "$state"
	rm -f -- "$dir/docker.sock"
}

enter() {
	where=$1
	shift
	place "$@"
	shift
	[ $# -ge 1 ] || { usage >&2; exit 2; }
	running || die "no engine is running in $dir"
	if [ "$where" = outside ]; then
		read -r outside <"$state/outside"
		set -- nsenter -t "$outside" -n -- "$@"
	fi
	# nsenter starts in "/", so go back to the caller's folder by name.
	# shellcheck disable=SC2016 # the inner shell expands these
	DOCKER_HOST=unix://$dir/docker.sock \
		exec nsenter -t "$pid" -m -n -p -- \
		sh -c 'cd -- "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

self=$(readlink -f -- "$0")
command=${1-}
[ $# -eq 0 ] || shift
case $command in
check)
	lack=$(missing)
	[ -z "$lack" ] || { say "cannot run here: $lack"; exit 77; }
	;;
start) start "$@" ;;
stop) stop "$@" ;;
exec) enter inside "$@" ;;
outside) enter outside "$@" ;;
_init) init "$@" ;;
-h | --help | help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac

#!/bin/sh
# Boots the machine's own systemd in namespaces: network and files are those of the caller, processes are not.
#   boot.sh FOLDER    FOLDER is /mnt inside
# Ends with its caller.
set -eu

# Control groups outlive their processes: these stand in a folder of their own, which FOLDER/group names.
mkdir -p "$1/groups"
mount -t cgroup2 cgroup2 "$1/groups"
mktemp -d "$1/groups/redisgen-tests-XXXXXX" >"$1/group"
echo $$ >"$(cat "$1/group")/cgroup.procs"
# shellcheck disable=SC2016 # the inner shell expands it
exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child sh -euc '
	mount --bind "$1" /mnt
	mount -t proc proc /proc
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	for folder in run tmp var; do mount -t tmpfs -o mode=755 tmpfs "/$folder"; done
	mkdir /tmp/dev
	for device in null zero full random urandom; do
		: >"/tmp/dev/$device"
		mount --bind "/dev/$device" "/tmp/dev/$device"
	done
	mount --rbind /tmp/dev /dev
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec env -i container=redisgen PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
' sh "$1"

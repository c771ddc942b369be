#!/bin/sh
# Makes an image of the exporter for the test engine, as the official one is: the program alone on an empty disk, user
# 59000. The program is what tests/servers.sh found.
set -eu

die() { printf 'exporter.sh: %s\n' "$*" >&2; exit 1; }

case ${1-} in -h | --help) echo 'usage: exporter.sh DIR PROGRAM NAME:TAG'; exit 0 ;; esac
[ $# -eq 3 ] || { echo 'usage: exporter.sh DIR PROGRAM NAME:TAG' >&2; exit 2; }
dir=$(readlink -f -- "$1") || die "no such folder: $1"
[ -S "$dir/docker.sock" ] || die "no engine in $dir"

root=$(mktemp -d)
trap 'rm -rf -- "$root"' EXIT
trap 'exit 1' INT TERM
chmod 755 "$root"
umask 022
cp -L -- "$2" "$root/redis_exporter"
chmod 755 "$root/redis_exporter"
# Debian links it to the C library, which the official build does without.
ldd "$2" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | while read -r lib; do
	mkdir -p "$root${lib%/*}"
	cp -L -- "$lib" "$root$lib"
done
mkdir -p "$root/run" "$root/etc" "$root/dev" "$root/proc" "$root/sys"
tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name -cf - . |
	docker -H "unix://$dir/docker.sock" import \
		--change 'USER 59000:59000' \
		--change 'EXPOSE 9121' \
		--change 'ENTRYPOINT ["/redis_exporter"]' \
		- "$3"

#!/bin/sh
# Boots User-Mode Linux, a kernel that is a program, with three empty disks and runs a script as its first
# process. The host's own kernel is not touched: device-mapper, mounts and /etc are those of the guest,
# whose root is the host's, read-only.
set -eu

usage() {
	cat <<'TEXT'
usage: uml.sh DIR SCRIPT [NAME=VALUE...]

Runs SCRIPT with the variables; what it prints comes out. In it:
  /dev/ubda, /dev/ubdb, /dev/ubdc   empty disks of 64, 96 and 48 MiB: a.img, b.img, c.img in DIR
SCRIPT ends the machine itself; after RG_UML_LIFETIME seconds (default 240) it is ended.
TEXT
}

[ $# -ge 2 ] || { usage >&2; exit 2; }
dir=$(readlink -f -- "$1")
script=$(readlink -f -- "$2")
shift 2
command -v linux.uml >/dev/null || { echo 'uml.sh: linux.uml is missing: install the Debian package user-mode-linux' >&2; exit 1; }

truncate -s 64M "$dir/a.img"
truncate -s 96M "$dir/b.img"
truncate -s 48M "$dir/c.img"
# A file holds the guest's memory: on tmpfs if one is large enough, which the kernel takes by itself.
[ "$(df --output=avail --block-size=1M /dev/shm 2>/dev/null | tail -n 1)" -gt 512 ] 2>/dev/null || export TMPDIR="$dir"
cc -shared -fPIC -O2 -Wall -Werror -o "$dir/whole_xstate.so" "$(dirname -- "$0")/whole_xstate.c"
timeout --kill-after=5 "${RG_UML_LIFETIME:-240}" env LD_PRELOAD="$dir/whole_xstate.so" linux.uml mem=384M quiet \
	rootfstype=hostfs rootflags=/ ro "init=$script" \
	"ubda=$dir/a.img" "ubdb=$dir/b.img" "ubdc=$dir/c.img" \
	"uml_dir=$dir/" umid=uml con=null con0=null,fd:1 "$@" </dev/null

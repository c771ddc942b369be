# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the first process of the guest (uml.sh): makes a host of it and brings the words of which the
# scenarios are made. Each prints `ok NAME` or `FAIL NAME: why`; main.rs knows which must be there.
# The kernel's command line sets SCRIPT, the emitted storage/luks.sh for /dev/ubdb, and OTHER, that of a
# second deployment for /dev/ubdc.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
# There is no udev here that would answer.
export DM_DISABLE_UDEV=1
trap 'sync; echo o >/proc/sysrq-trigger; sleep 60' EXIT

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
ln -s /proc/self/fd /dev/fd
mkdir -p /run/modules/lib /run/host
ln -s /usr/lib/uml/modules /run/modules/lib/modules
for module in cbc xts aes sha256 hmac dm-mod dm-crypt; do
	modprobe -d /run/modules "$module" || echo "FAIL boot: no kernel module $module"
done
# The guest's own disk: real ext4 under /etc, /root and /mnt, with only what programs need.
mkfs.ext4 -q /dev/ubda && mount /dev/ubda /run/host || echo 'FAIL boot: no disk'
mkdir /run/host/etc /run/host/root /run/host/mnt
cp -a /etc/alternatives /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/mke2fs.conf /run/host/etc/
# They may lie in a folder that is about to be covered.
cp "$SCRIPT" /run/one.sh && cp "$OTHER" /run/other.sh || echo 'FAIL boot: no script'
mount -t tmpfs tmp /tmp
for folder in etc root mnt; do mount --bind "/run/host/$folder" "/$folder"; done
# As systemd does.
mount --make-rshared /

disk=/dev/ubdb mount=/mnt/encrypted_redis name=redis_api_forge
key=/etc/cryptsetup-keys.d/$name.key
marker=REDISGEN-PLAINTEXT-MARKER
# Argon2id at its full cost is tried once, for $OTHER.
quick() { LUKS_PBKDF_MEMORY=32768 "$@"; }
luks() { quick /run/one.sh "$@"; }

ok() { echo "ok $*"; }
fail() {
	echo "FAIL $1: ${*:2}"
	sed 's/^/     | /' /run/said
}
# is NAME COMMAND...: it succeeds. isnt NAME COMMAND...: it does not.
is() { if "${@:2}" >/run/said 2>&1; then ok "$1"; else fail "$1" "rc $?: ${*:2}"; fi; }
isnt() { if "${@:2}" >/run/said 2>&1; then fail "$1" "succeeded: ${*:2}"; else ok "$1"; fi; }
# same NAME WANTED GOT
same() { if [ "$2" = "$3" ]; then ok "$1"; else echo "FAIL $1: wanted '$2', got '$3'"; fi; }
# What a refusal must not change: the disk where tables and headers lie, and all of the host's files.
state() {
	head -c 1M $disk | sha256sum
	find /run/host -xdev -printf '%p %m %U %G %l\n' -type f -exec sha256sum {} +
}
# refuses NAME RC TEXT COMMAND...: ends with RC, says TEXT, changes nothing.
refuses() {
	state >/run/before
	"${@:4}" >/run/said 2>&1
	rc=$?
	state >/run/after
	if [ $rc != "$2" ]; then fail "$1" "rc $rc"
	elif ! grep -qF -- "$3" /run/said; then fail "$1" "does not say: $3"
	elif ! diff /run/before /run/after >>/run/said; then fail "$1" 'something changed'
	else ok "$1"; fi
}
erase() {
	wipefs --all --quiet $disk
	dd if=/dev/zero of=$disk bs=1M count=16 conv=fsync status=none
	blockdev --rereadpt $disk
}

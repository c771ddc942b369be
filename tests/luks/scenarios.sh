#!/bin/bash
# The first process of the guest (uml.sh): runs the emitted storage/luks.sh through its scenarios. Prints
# `ok NAME` or `FAIL NAME: why` for each; tests/luks/main.rs knows which must be there.
# $SCRIPT is the script for /dev/ubdb, $OTHER that of a second deployment for /dev/ubdc.
# shellcheck disable=SC2154 # the kernel's command line sets SCRIPT and OTHER
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
for folder in etc root mnt; do mount --bind "/run/host/$folder" "/$folder"; done
# As systemd does.
mount --make-rshared /

disk=/dev/ubdb mount=/mnt/encrypted_redis name=redis_api_forge
key=/etc/cryptsetup-keys.d/$name.key
marker=REDISGEN-PLAINTEXT-MARKER
# Argon2id at its full cost is tried once, for $OTHER.
quick() { LUKS_PBKDF_MEMORY=32768 LUKS_PBKDF_TIME=100 "$@"; }
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
# What a refusal must not change: the disk where headers lie, and all of the host's files.
state() {
	head -c 20M $disk | sha256sum
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

# --- Devices that are not empty, arguments, the mount point.

mkfs.ext4 -q $disk
refuses refuses-ext4 1 'already holds: ext4' luks setup
mkdir /run/old && mount $disk /run/old
refuses refuses-mounted 1 'in use: it is mounted' luks setup
umount /run/old
erase
mkswap -q $disk
refuses refuses-swap 1 'already holds: swap' luks setup
erase
# A DOS table with one partition, from sector 2048.
printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\020\0\0' | dd of=$disk bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of=$disk bs=1 seek=510 conv=notrunc,fsync status=none
blockdev --rereadpt $disk
refuses refuses-partitions 1 'in use: it has partitions' luks setup
erase
echo pw >/run/pw
cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $disk /run/pw
refuses refuses-luks1 1 'already holds: crypto_LUKS' luks setup
erase
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $disk /run/pw
refuses refuses-foreign-luks2 1 'not made by this script' luks setup
erase
printf %s "$marker" | dd of=$disk bs=1M seek=8 conv=notrunc,fsync status=none
refuses refuses-data-without-signature 1 'is not empty' luks setup
erase

refuses refuses-file 1 'no block device' luks setup /etc/passwd
refuses refuses-missing-device 1 'there is no /dev/nope' luks setup /dev/nope
refuses refuses-no-command 2 'usage: luks.sh' luks
refuses refuses-unknown-option 2 'usage: luks.sh' luks setup --force
refuses refuses-too-many-words 2 'usage: luks.sh' luks setup $disk more
refuses refuses-without-root 1 'only root' setpriv --reuid 65534 /run/one.sh setup
exec 8>/run/$name.lock && flock 8
refuses refuses-at-the-same-time 1 'another luks.sh is at work' luks setup 8>&-
exec 8>&-
refuses status-without-volume 1 "$name is not open" luks status
is help-is-help grep -q '^usage: luks.sh setup' <(luks help)

mkdir $mount && touch $mount/dump.rdb
refuses refuses-full-mount-point 1 'holds files' luks setup
rm -r $mount
ln -s /root $mount
refuses refuses-linked-mount-point 1 'symbolic link' luks setup
rm $mount
mkdir $mount && mount -t tmpfs other $mount
refuses refuses-taken-mount-point 1 "other is mounted on $mount" luks setup
umount $mount && rmdir $mount
echo "/dev/sdz1 $mount ext4 defaults 0 2" >/etc/fstab
refuses refuses-foreign-fstab 1 "/etc/fstab has /dev/sdz1 on $mount" luks setup
# No newline at the end: ours must not be glued to it.
printf '# a comment\n/dev/sda1 / ext4 defaults 0 1' >/etc/fstab
echo "$name UUID=00000000-0000-4000-8000-000000000000 none luks" >/etc/crypttab
refuses refuses-foreign-crypttab 1 'has the device another name now?' luks setup
rm /etc/crypttab

# --- Setup, first interrupted between LUKS2 and ext4.

mkdir /run/broken && printf '#!/bin/sh\nexit 1\n' >/run/broken/mkfs.ext4 && chmod +x /run/broken/mkfs.ext4
isnt setup-is-interrupted quick env PATH="/run/broken:$PATH" /run/one.sh setup
same interrupted-before-crypttab no "$([ -e /etc/crypttab ] && echo yes || echo no)"
is setup-completes luks setup
uuid=$(cryptsetup luksUUID $disk)
header=/root/luks-headers/$name-$uuid.header
dump=$(cryptsetup luksDump $disk)
same luks-version 2 "$(sed -n 's/^Version:[[:space:]]*//p' <<<"$dump")"
same luks-pbkdf argon2id "$(sed -n 's/^[[:space:]]*PBKDF:[[:space:]]*//p' <<<"$dump")"
same luks-cipher 'aes-xts-plain64 512' "$(sed -n 's/^[[:space:]]*cipher: //p' <<<"$dump") $(sed -n 's/^[[:space:]]*Key:[[:space:]]*\([0-9]*\) bits/\1/p' <<<"$dump")"
same luks-label $name "$(sed -n 's/^Label:[[:space:]]*//p' <<<"$dump")"
same key-file '0 0 400 64' "$(stat -c '%u %g %a %s' "$key")"
same key-folder '0 700' "$(stat -c '%u %a' "${key%/*}")"
same header-file '0 400' "$(stat -c '%u %a' "$header")"
same header-folder '0 700' "$(stat -c '%u %a' "${header%/*}")"
same nothing-left-over "$name.key" "$(ls "${key%/*}")"
same data-folder '999 999 700' "$(stat -c '%u %g %a' $mount/data)"
same mount-closed '0 700' "$(stat -c '%u %a' $mount)"
same mount-options 'ext4 rw,nosuid,nodev,noexec,noatime' "$(findmnt -no FSTYPE,OPTIONS $mount | tr -s ' ' | sed 's/,relatime//')"
same crypttab "$name UUID=$uuid $key luks,nofail" "$(cat /etc/crypttab)"
same fstab "$(printf '%s\n' '# a comment' '/dev/sda1 / ext4 defaults 0 1' "/dev/mapper/$name $mount ext4 noatime,nodev,nosuid,noexec,nofail,x-systemd.device-timeout=90s 0 2")" "$(cat /etc/fstab)"
same table-modes '644 644' "$(stat -c %a /etc/crypttab /etc/fstab | paste -sd ' ')"
is status-of-open-volume luks status
refuses second-run-changes-nothing 0 "ready: $mount/data" luks setup
sed -i 's/luks,nofail/luks,nofail,tpm2-device=auto/' /etc/crypttab
sed -i 's/device-timeout=90s/device-timeout=30s/' /etc/fstab
refuses edited-lines-are-kept 0 "ready: $mount/data" luks setup
sed -i 's/,tpm2-device=auto//' /etc/crypttab
sed -i 's/device-timeout=30s/device-timeout=90s/' /etc/fstab

# --- Nothing in the clear.

yes $marker | head -c 4M >$mount/data/dump.rdb
chown 999:999 $mount/data/dump.rdb
sync
same marker-is-in-the-volume 1 "$(grep -c -m1 -a $marker /dev/mapper/$name)"
same marker-is-not-on-the-disk 0 "$(grep -c -a $marker $disk)"
mkfs.ext4 -q /dev/ubdc && mount /dev/ubdc /run/old && cp $mount/data/dump.rdb /run/old/ && umount /run/old
same control-without-luks-it-is 1 "$(grep -c -m1 -a $marker /dev/ubdc)"
dd if=/dev/zero of=/dev/ubdc bs=1M conv=fsync status=none 2>/dev/null

# --- Close.

tail -f $mount/data/dump.rdb >/dev/null &
holder=$!
sleep 0.5
isnt close-refuses-a-busy-file luks close
same busy-stays-mounted "/dev/mapper/$name" "$(findmnt -no SOURCE $mount)"
kill $holder
wait $holder 2>/dev/null
# As a container has it: the folder in a private namespace.
unshare --mount --propagation private sh -c "mkdir /run/data; mount --bind $mount/data /run/data; touch /run/bound; exec sleep 600" &
holder=$!
until [ -e /run/bound ]; do sleep 0.1; done
refuses close-refuses-a-container 1 'in use by sleep(' luks close
same container-stays-mounted "/dev/mapper/$name" "$(findmnt -no SOURCE $mount)"
# The control: umount alone would not notice, and the container would write on, to a volume that is not there.
is control-umount-does-not-notice umount $mount
is control-the-container-writes-on nsenter -t $holder -m touch /run/data/unseen
isnt control-cryptsetup-is-late cryptsetup close $name
kill $holder
wait $holder 2>/dev/null
is mounts-again luks setup
# A service with mounts of its own that follow the host's does not hinder.
unshare --mount --propagation slave sleep 600 &
holder=$!
sleep 0.5
is close-with-a-follower luks close
kill $holder
same closed-is-closed 'control' "$(ls /dev/mapper)"
isnt status-of-closed-volume luks status
is close-twice luks close

# --- The bare folder, on real ext4.

same bare-folder-is-empty '' "$(ls -A $mount)"
isnt bare-folder-takes-no-file touch $mount/dump.rdb
same bare-folder-says-why 'Operation not permitted' "$(mkdir $mount/data 2>&1 | sed 's/.*: //')"
chattr -i $mount
is control-without-the-flag-it-does mkdir $mount/data
rmdir $mount/data
is opens-again luks setup
same data-is-still-there $marker "$(head -n 1 $mount/data/dump.rdb)"
luks close 2>/dev/null
isnt bare-folder-is-closed-again touch $mount/dump.rdb

# --- Keys.

cp -a "$key" /root/saved
rm "$key"
refuses lost-key 1 'put it back' luks setup
head -c 64 /dev/urandom >"$key" && chmod 400 "$key"
refuses wrong-key 2 'No key available with this passphrase' luks setup
cp -a /root/saved "$key"
chmod 440 "$key"
refuses key-for-others 1 'must belong to root and have mode 0400, not root:440' luks setup
chmod 400 "$key" && chown 999 "$key"
refuses key-of-another 1 'must belong to root' luks setup
chown 0 "$key"
head -c 31 /root/saved >"$key"
refuses short-key 1 'shorter than 32 bytes' luks setup
cp -a /root/saved "$key"
is right-key luks setup

# --- Damage.

luks close 2>/dev/null
dd if=/dev/zero of=$disk bs=1M count=16 conv=notrunc,fsync status=none
refuses damaged-header-is-not-formatted 1 'has the device another name now?' luks setup
is header-comes-back cryptsetup luksHeaderRestore -q $disk --header-backup-file "$header"
is restored-header-opens luks setup
same restored-data $marker "$(head -n 1 $mount/data/dump.rdb)"
head -c 64 /dev/urandom >/root/second.key
cryptsetup luksAddKey -q --pbkdf-memory 32768 --iter-time 100 --key-file "$key" $disk /root/second.key
cp "$header" /root/old.header
is header-backup-again luks backup-header
isnt old-header-is-replaced cmp -s "$header" /root/old.header
same new-header-file '0 400' "$(stat -c '%u %a' "$header")"
is new-header-has-the-new-key cryptsetup open --test-passphrase --header "$header" --key-file /root/second.key $disk
umount $mount
dd if=/dev/mapper/$name of=/root/super bs=64K count=1 status=none
dd if=/dev/zero of=/dev/mapper/$name bs=64K count=1 conv=notrunc,fsync status=none
refuses damaged-file-system-is-not-made-again 1 'holds no ext4' luks setup
dd if=/root/super of=/dev/mapper/$name bs=64K conv=notrunc,fsync status=none
is repaired-file-system-mounts luks setup
mv $mount/data $mount/away
isnt status-without-data luks status
mv $mount/away $mount/data

# --- Boot: what systemd makes of the lines, and that its own opener takes them.

luks close 2>/dev/null
mkdir /run/units
is systemd-reads-crypttab /lib/systemd/system-generators/systemd-cryptsetup-generator /run/units /run/units /run/units
is systemd-reads-fstab /lib/systemd/system-generators/systemd-fstab-generator /run/units /run/units /run/units
unit=/run/units/systemd-cryptsetup@$name.service
mountunit=/run/units/mnt-encrypted_redis.mount
is boot-opens-it test -L "/run/units/cryptsetup.target.wants/systemd-cryptsetup@$name.service"
isnt boot-goes-on-without-it test -e "/run/units/cryptsetup.target.requires/systemd-cryptsetup@$name.service"
is boot-mounts-it test -L /run/units/local-fs.target.wants/mnt-encrypted_redis.mount
isnt boot-goes-on-unmounted test -e /run/units/local-fs.target.requires/mnt-encrypted_redis.mount
same boot-mounts-there "/dev/mapper/$name $mount ext4" "$(sed -n 's/^What=//p;s/^Where=//p;s/^Type=//p' $mountunit | paste -sd ' ')"
# udev makes this link.
mkdir -p /dev/disk/by-uuid && ln -s $disk "/dev/disk/by-uuid/$uuid"
open=$(sed -n 's/^ExecStart=//p' "$unit")
is systemd-opens sh -c "$open"
is mount-takes-the-line mount $mount
same mounted-at-boot "$marker rw,nosuid,nodev,noexec,noatime" "$(head -n 1 $mount/data/dump.rdb) $(findmnt -no OPTIONS $mount | sed 's/,relatime//')"
is status-after-boot luks status
/run/one.sh docker-unit >/run/units/docker.conf
is docker-waits grep -qx "RequiresMountsFor=$mount" /run/units/docker.conf
is docker-may-go-on grep -qx '#After=mnt-encrypted_redis.mount' /run/units/docker.conf

# --- A second deployment, with a passphrase and argon2id at its full cost.

dash() { printf '%s\n%s\n' "$1" "$1" | /run/other.sh "${@:2}"; }
is passphrase-setup dash 'correct horse' setup --passphrase
same passphrase-pbkdf argon2id "$(cryptsetup luksDump /dev/ubdc | sed -n 's/^[[:space:]]*PBKDF:[[:space:]]*//p')"
same passphrase-crypttab 'none luks,nofail' "$(awk '$1 == "redis_second_dev" { print $3, $4 }' /etc/crypttab)"
same passphrase-no-key-file "$name.key" "$(ls "${key%/*}")"
same both-are-mounted 2 "$(findmnt -rno TARGET | grep -c -e "^$mount\$" -e '^/mnt/second$')"
is passphrase-close /run/other.sh close
refuses passphrase-without-saying 1 'or say --passphrase' /run/other.sh setup
refuses passphrase-wrong 2 'No key available' dash wrong setup --passphrase
isnt wrong-passphrase-opens-nothing test -e /dev/mapper/redis_second_dev
# The mapping's name, taken by another disk.
luks close 2>/dev/null
printf 'correct horse' | cryptsetup open --key-file - /dev/ubdc $name
refuses refuses-open-elsewhere 1 'is open on /dev/ubdc' luks setup
cryptsetup close $name

# --- The control: what cryptsetup itself does to a volume.

cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $disk /run/pw
same control-luksFormat-does-not-ask 0 $?
isnt control-luksFormat-destroys cryptsetup open --test-passphrase --key-file "$key" $disk
echo 'ok end'

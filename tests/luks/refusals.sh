#!/bin/bash
# What setup refuses, and a deployment with a passphrase.
# shellcheck source=tests/luks/guest.sh
. "${0%/*}/guest.sh"

# --- Devices that are not empty, arguments, the mount point.

mkfs.ext4 -q $disk
refuses refuses-ext4 1 'already holds: ext4' luks setup
mkdir /run/old && mount -o ro $disk /run/old
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
rm /etc/fstab
echo "$name UUID=00000000-0000-4000-8000-000000000000 none luks" >/etc/crypttab
refuses refuses-foreign-crypttab 1 'has the device another name now?' luks setup
rm /etc/crypttab

# --- A second deployment, with a passphrase and argon2id at its full cost.

dash() { printf '%s\n%s\n' "$1" "$1" | /run/other.sh "${@:2}"; }
is passphrase-setup dash 'correct horse' setup --passphrase
same passphrase-pbkdf argon2id "$(cryptsetup luksDump /dev/ubdc | sed -n 's/^[[:space:]]*PBKDF:[[:space:]]*//p')"
same passphrase-crypttab 'none luks,nofail' "$(awk '$1 == "redis_second_dev" { print $3, $4 }' /etc/crypttab)"
same passphrase-no-key-file no "$([ -e "${key%/*}" ] && echo yes || echo no)"
same passphrase-mounts /dev/mapper/redis_second_dev "$(findmnt -no SOURCE /mnt/second)"
is passphrase-close /run/other.sh close
refuses passphrase-without-saying 1 'or say --passphrase' /run/other.sh setup
refuses passphrase-wrong 2 'No key available' dash wrong setup --passphrase
isnt wrong-passphrase-opens-nothing test -e /dev/mapper/redis_second_dev
# The mapping's name, taken by another disk.
luks setup 2>/dev/null
luks close 2>/dev/null
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/ubdc /run/pw
cryptsetup open --key-file /run/pw /dev/ubdc $name
refuses refuses-open-elsewhere 1 'is open on /dev/ubdc' luks setup
cryptsetup close $name

echo 'ok end-of-refusals'

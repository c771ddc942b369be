#!/bin/bash
# The life of a volume: made, used, closed, damaged, opened at boot.
# shellcheck source=tests/luks/guest.sh
. "${0%/*}/guest.sh"

# --- Setup, first interrupted between LUKS2 and ext4.

# No newline at the end: ours must not be glued to it.
printf '# a comment\n/dev/sda1 / ext4 defaults 0 1' >/etc/fstab
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
mkdir /run/old && mkfs.ext4 -q /dev/ubdc && mount /dev/ubdc /run/old && cp $mount/data/dump.rdb /run/old/ && umount /run/old
same control-without-luks-it-is 1 "$(grep -c -m1 -a $marker /dev/ubdc)"

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
cryptsetup luksAddKey -q --pbkdf-memory 32768 --pbkdf-force-iterations 4 --key-file "$key" $disk /root/second.key
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
mkdir -p /run/docker/docker.service.d
printf '[Service]\nExecStart=/bin/true\n' >/run/docker/docker.service
verify() { SYSTEMD_UNIT_PATH=/run/docker: systemd-analyze verify /run/docker/docker.service; }
cp /run/units/docker.conf /run/docker/docker.service.d/volume.conf
same docker-unit-is-understood '' "$(verify 2>&1)"
sed 's/^#\([WA]\)/\1/; s/^Requires/#&/' /run/units/docker.conf >/run/docker/docker.service.d/volume.conf
same docker-other-lines-too '' "$(verify 2>&1)"
sed 's/^Requires/Requiress/' /run/units/docker.conf >/run/docker/docker.service.d/volume.conf
is control-a-misspelt-one-is-not grep -q Requiress <(verify 2>&1)
is docker-may-go-on grep -qx '#After=mnt-encrypted_redis.mount' /run/units/docker.conf

# --- The control: what cryptsetup itself does to a volume.

umount $mount
cryptsetup close $name
echo pw >/run/pw
cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $disk /run/pw
same control-luksFormat-does-not-ask 0 $?
isnt control-luksFormat-destroys cryptsetup open --test-passphrase --key-file "$key" $disk
echo 'ok end-of-volume'

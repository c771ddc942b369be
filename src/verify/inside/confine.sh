# A root of its own for a proof: sh -euc THIS confine LAB KEPT…
# The host's programs are there and read-only; its files, sockets and devices are not. The old root goes.
set -eu
lab=$1
new=$1/root.inside
shift
mount --make-rprivate /
mkdir -p "$new"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$new"
for part in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$part" ]; then cp -P "/$part" "$new/"; fi
done
for part in /bin /sbin /lib /lib32 /lib64 /libx32 /usr /opt /nix /gnu "$@"; do
  if [ -d "$part" ] && [ ! -L "$part" ] && [ ! -e "$new$part" ]; then
    mkdir -p "$new$part"
    mount --rbind "$part" "$new$part"
  fi
done
# Each mount by itself, with what restricts it already: a recursive bind keeps those of the host.
while read -r _ _ _ _ target options _; do
  case $target in
    "$new"/*) mount -o "remount,bind,$options,ro,nosuid,nodev" "$target" ;;
  esac
done </proc/self/mountinfo
# What programs read of the host's settings, as copies; keys and digests are not among them.
mkdir -p "$new/etc" "$new/etc/default" "$new/etc/ssl"
for part in alternatives ld.so.cache ld.so.conf ld.so.conf.d passwd group nsswitch.conf protocols services hosts localtime \
  iproute2 ufw default/ufw ssl/openssl.cnf; do
  if [ -e "/etc/$part" ]; then cp -RPp "/etc/$part" "$new/etc/$part" 2>/dev/null || :; fi
done
for library in /etc/ld-musl-*; do
  if [ -f "$library" ]; then cp "$library" "$new/etc/"; fi
done
mkdir -p "$new/dev" "$new/proc" "$new/sys" "$new/run" "$new/old" "$new/root"
mkdir -p "$new/var/lib" "$new/var/tmp" "$new/dev/shm"
mkdir -p "$new/tmp"
chmod 1777 "$new/tmp"
ln -s /run "$new/var/run"
for device in null zero full random urandom; do
  : >"$new/dev/$device"
  mount --bind "/dev/$device" "$new/dev/$device"
done
ln -s /proc/self/fd "$new/dev/fd"
for stream in 0:stdin 1:stdout 2:stderr; do
  ln -s "/proc/self/fd/${stream%:*}" "$new/dev/${stream#*:}"
done
# The kernel's settings are the host's, but those of the network.
mount --rbind /proc "$new/proc"
mount --bind "$new/proc/sys" "$new/proc/sys"
mount --bind "$new/proc/sys/net" "$new/proc/sys/net"
mount -o remount,bind,ro,nosuid,nodev,noexec "$new/proc/sys"
if [ -e /proc/sysrq-trigger ]; then
  mount --bind /dev/null "$new/proc/sysrq-trigger"
fi
# Twice: `ip netns exec` takes one away, and no other may be mounted by who sees none.
mkdir -p "$new/.sys"
for place in sys .sys; do
  mount --rbind /sys "$new/$place"
done
while read -r _ _ _ _ target options _; do
  case $target in
    "$new"/sys | "$new"/sys/* | "$new"/.sys | "$new"/.sys/*) mount -o "remount,bind,$options,ro,nosuid,nodev,noexec" "$target" ;;
  esac
done </proc/self/mountinfo
mkdir -p "$new$lab"
mount --bind "$lab" "$new$lab"
cd "$new"
pivot_root . old
umount -l old
rmdir old

#!/bin/sh
# Makes a Redis image for the test engine out of this machine's own programs.
#
# Why: the tests must not need an image registry. The image copies what
# generated deployments rely on in the official Debian-based image: the paths,
# user and group 999, /data, the entry point's behaviour, and a shell with the
# core utilities. It holds no other tools, so a deployment that quietly needs
# one fails here too.
set -eu

usage() {
	cat <<'TEXT'
usage: image.sh DIR NAME:TAG

Builds NAME:TAG in the engine that "engine.sh start DIR" started, and prints
the image id. The Redis version is that of the installed redis-server; NAME:TAG
does not change it.
TEXT
}

die() { printf 'image.sh: %s\n' "$*" >&2; exit 1; }

case ${1-} in -h | --help) usage; exit 0 ;; esac
[ $# -eq 2 ] || { usage >&2; exit 2; }
dir=$(readlink -f -- "$1") || die "no such folder: $1"
[ -S "$dir/docker.sock" ] || die "no engine in $dir"
name=$2
[ "$(id -u)" = 0 ] || die 'needs root, to give files to user 999'

root=$(mktemp -d)
trap 'rm -rf -- "$root"' EXIT
trap 'exit 1' INT TERM
# The image's root folder takes its mode from this one; mktemp gives 700.
chmod 755 "$root"
umask 022

mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" \
	"$root/usr/local/bin" "$root/etc" "$root/root" "$root/run" "$root/var/log" \
	"$root/dev" "$root/proc" "$root/sys" "$root/home" "$root/mnt"
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
ln -s /run "$root/var/run"
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
install -d -o 999 -g 999 -m 755 "$root/data"

# Copies the libraries of a program to the same paths in the image.
libraries() {
	ldd "$1" 2>/dev/null | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | while read -r lib; do
		[ ! -e "$root$lib" ] || continue
		mkdir -p "$root${lib%/*}"
		cp -L "$lib" "$root$lib"
	done
}

program() {
	from=$(command -v "$1") || die "not installed: $1"
	case $from in /*) ;; *) from=/usr/bin/$1 ;; esac # a shell builtin's name
	[ -x "$from" ] || die "not installed: $1"
	cp -L "$from" "$root$2/$1"
	libraries "$from"
}

program redis-server /usr/local/bin
program redis-cli /usr/local/bin
program redis-benchmark /usr/local/bin
# One program under several names; it chooses its role by name.
for alias in redis-sentinel redis-check-rdb redis-check-aof; do
	ln -s redis-server "$root/usr/local/bin/$alias"
done

program dash /usr/bin
ln -s dash "$root/usr/bin/sh"
for tool in bash cat sleep test '[' id mkdir ls stat kill timeout env chown chmod \
	cp mv rm rmdir ln echo printf true false head tail wc cut tr sort uniq date dd \
	touch sync sed grep find mktemp readlink basename dirname uname hostname sha256sum \
	base64 od tee nproc setpriv; do
	program "$tool" /usr/bin
done

cat >"$root/etc/passwd" <<'TEXT'
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
redis:x:999:999::/home/redis:/bin/sh
TEXT
cat >"$root/etc/group" <<'TEXT'
root:x:0:
nogroup:x:65534:
redis:x:999:
TEXT

# The same decisions as the official entry point; setpriv in place of gosu.
cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'TEXT'
#!/bin/sh
set -e

# Options or a configuration file alone mean redis-server.
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi

# Root gives /data to redis and steps down; any other user stays as it is.
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . ! -user redis -exec chown redis {} +
	exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi

# Data files are private unless the caller chose an umask.
if [ "$(umask)" = 0022 ]; then
	umask 0077
fi

exec "$@"
TEXT
chmod 755 "$root/usr/local/bin/docker-entrypoint.sh"

version=$("$root/usr/local/bin/redis-server" --version | sed 's/.* v=\([^ ]*\) .*/\1/')

# One layer, no builder, no base image. /data alone is not root's.
tar -C "$root" --numeric-owner --sort=name -cf - . |
	docker -H "unix://$dir/docker.sock" import \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change "ENV REDIS_VERSION=$version" \
		--change 'VOLUME /data' \
		--change 'WORKDIR /data' \
		--change 'EXPOSE 6379' \
		--change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
		--change 'CMD ["redis-server"]' \
		- "$name"

#!/bin/sh
# Runs Docker Compose v2 against the test engine.
#
# Why it fetches: not every distribution that packages the engine packages
# Compose v2. Debian 13 does, as a Go program that runs on older releases too,
# so it is taken from the Debian mirror this machine already uses, with apt's
# usual signature checks, and kept in a cache. The system's own apt state is not
# touched: sources, lists, cache and hooks are all private.
set -eu

usage() {
	cat <<'TEXT'
usage: compose.sh DIR ARGS...
       compose.sh --fetch

Runs "docker compose ARGS..." against the engine that "engine.sh start DIR"
started. The program is, in this order: $RG_COMPOSE, the copy in the cache, an
installed Compose v2, a copy fetched from this machine's Debian mirror.
--fetch only makes sure there is one, and prints its path.
The cache is ${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests.
TEXT
}

die() { printf 'compose.sh: %s\n' "$*" >&2; exit 1; }

suite=trixie
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/redisgen-tests
kept=$cache/compose-$suite/docker-compose

fetch() {
	for tool in apt-get apt-config dpkg-deb flock; do
		command -v "$tool" >/dev/null || die "cannot fetch Compose v2: no $tool here; set RG_COMPOSE to a docker-compose v2 program"
	done
	mkdir -p "$cache"
	# Tests start several of us at once; one fetches, the others wait for it.
	exec 8>"$cache/lock"
	flock 8
	[ ! -x "$kept" ] || return 0

	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf -- "$work"' EXIT
	trap 'exit 1' INT TERM
	mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial" "$work/got"
	: >"$work/status"

	# The mirror: where this machine's main Debian archive comes from, not the
	# security or updates suites, which have release names with a suffix.
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016 # apt expands these
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		while read -r uri release component; do
			if [ "$release $component" = "$codename main" ] || [ "$release $component" = 'stable main' ]; then
				echo "$uri"
				break
			fi
		done)
	[ -n "$mirror" ] || die 'cannot fetch Compose v2: no Debian main archive in the apt sources of this machine'

	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	signed=
	[ ! -r "$keys" ] || signed="[signed-by=$keys]"
	echo "deb $signed $mirror $suite main" >"$work/sources.list"

	# Proxies and the like are kept from the system's settings; hooks are not:
	# some clean the system's cache after every update.
	{
		apt-config dump | grep '^Acquire::' | grep -v -e '^Acquire::IndexTargets' -e '^Acquire::Languages' || true
		cat <<-TEXT
			Acquire::Languages "none";
			Dir::Etc::main "/dev/null";
			Dir::Etc::parts "$work/parts";
			Dir::Etc::sourcelist "$work/sources.list";
			Dir::Etc::sourceparts "$work/parts";
			Dir::Etc::preferences "/dev/null";
			Dir::Etc::preferencesparts "$work/parts";
			Dir::State::lists "$work/lists";
			Dir::State::status "$work/status";
			Dir::Cache "$work/cache";
		TEXT
		# apt would drop to a user that cannot enter a private home folder.
		[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";'
	} >"$work/apt.conf"

	if ! {
		APT_CONFIG=$work/apt.conf apt-get -q update -o APT::Update::Error-Mode=any &&
			cd "$work/got" &&
			APT_CONFIG=$work/apt.conf apt-get -q download "docker-compose/$suite"
	} >"$work/log" 2>&1; then
		cat "$work/log" >&2
		die "cannot fetch Compose v2 from this machine's Debian mirror; the output of apt is above"
	fi
	cd /
	dpkg-deb -x "$work"/got/docker-compose_*.deb "$work/deb"
	mkdir "$work/out"
	mv "$work/deb/usr/libexec/docker/cli-plugins/docker-compose" "$work/out/docker-compose" ||
		die 'the docker-compose package has no CLI plugin where it is expected'
	# A private empty configuration: the check must not read the user's.
	DOCKER_CONFIG=$work/parts "$work/out/docker-compose" version >/dev/null ||
		die 'the fetched docker-compose does not run on this machine'
	# Whole or not at all.
	mv "$work/out" "${kept%/*}"
	rm -rf -- "$work"
	trap - EXIT INT TERM
	flock -u 8
	exec 8>&-
}

find_compose() {
	if [ -n "${RG_COMPOSE-}" ]; then
		[ -x "$RG_COMPOSE" ] || die "RG_COMPOSE is no program: $RG_COMPOSE"
		return 0
	fi
	RG_COMPOSE=$kept
	[ ! -x "$kept" ] || return 0
	for folder in /usr/local/lib /usr/local/libexec /usr/lib /usr/libexec; do
		RG_COMPOSE=$folder/docker/cli-plugins/docker-compose
		[ ! -x "$RG_COMPOSE" ] || return 0
	done
	fetch
	RG_COMPOSE=$kept
}

case ${1-} in
-h | --help) usage; exit 0 ;;
--fetch)
	[ $# -eq 1 ] || { usage >&2; exit 2; }
	find_compose
	echo "$RG_COMPOSE"
	exit 0
	;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
dir=$(readlink -f -- "$1") || die "no such folder: $1"
[ -S "$dir/docker.sock" ] || die "no engine in $dir"
shift
find_compose
# Settings from the caller's surroundings must not change what is tested.
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES DOCKER_CONTEXT
DOCKER_HOST=unix://$dir/docker.sock exec "$RG_COMPOSE" "$@"

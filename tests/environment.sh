#!/bin/sh
# Makes an environment of Python with packages from PyPI, in a cache of our own, and prints its folder. NAME keeps apart what is
# brought for different work. May run twice at once and again later; whatever goes wrong ends it with a message.
#   tests/environment.sh NAME PACKAGE==VERSION...
set -eu

fail() {
  echo "tests/environment.sh: $1" >&2
  exit 1
}

[ $# -ge 2 ] || fail "usage: tests/environment.sh NAME PACKAGE==VERSION..."
command -v flock >/dev/null || fail "flock is missing: install the package util-linux"
python3 -m venv -h >/dev/null 2>&1 || fail "python3 with venv is missing: install the packages python3 and python3-venv"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/$1"
shift
mkdir -p "$cache"
# Test processes start this at the same time; the second one waits and finds the work done.
exec 9>"$cache/lock"
flock 9

folder="$cache/$(echo "$*" | tr -d ' []')"
if [ ! -f "$folder/complete" ]; then
  rm -rf "$folder"
  python3 -m venv "$folder" >&2 || fail "python3 cannot make a virtual environment: install the package python3-venv"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$@" >&2 || fail "pip cannot install $*"
  touch "$folder/complete"
fi
echo "$folder"

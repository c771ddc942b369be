#!/bin/sh
# Brings what the Python alternative is made of into a cache of our own: jinja2, PyYAML, jsonschema, with what they need.
# Prints the folder of the interpreter. May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another version may be faster or slower.
TOOLS='jinja2==3.1.6 pyyaml==6.0.3 jsonschema==4.25.1'

fail() {
  echo "benches/alternatives/tools.sh: $1" >&2
  exit 1
}

command -v flock >/dev/null || fail "flock is missing: install the package util-linux"
python3 -m venv -h >/dev/null 2>&1 || fail "python3 with venv is missing: install the packages python3 and python3-venv"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/alternatives"
mkdir -p "$cache"
# The second of two that start at the same time waits and finds the work done.
exec 9>"$cache/lock"
flock 9

folder="$cache/$(echo "$TOOLS" | tr -d ' ')"
if [ ! -f "$folder/complete" ]; then
  rm -rf "$folder"
  python3 -m venv "$folder" >&2 || fail "python3 cannot make a virtual environment: install the package python3-venv"
  # shellcheck disable=SC2086 # a list of names
  "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: $TOOLS >&2 || fail "pip cannot install $TOOLS"
  touch "$folder/complete"
fi
echo "$folder/bin"

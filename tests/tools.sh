#!/bin/sh
# Brings the readers of our hooks, action and CI files into a cache of our own: pre-commit, zizmor, check-jsonschema.
# Prints the folder of their programs. May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another version may judge otherwise.
TOOLS='pre-commit==4.7.0 zizmor==1.32.0 check-jsonschema==0.39.0'

fail() {
  echo "tests/tools.sh: $1" >&2
  exit 1
}

command -v flock >/dev/null || fail "flock is missing: install the package util-linux"
python3 -m venv -h >/dev/null 2>&1 || fail "python3 with venv is missing: install the packages python3 and python3-venv"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/tools"
mkdir -p "$cache"
# Test processes start this at the same time; the second one waits and finds the work done.
exec 9>"$cache/lock"
flock 9

folder="$cache/$(echo "$TOOLS" | tr -d ' ')"
if [ ! -f "$folder/complete" ]; then
  rm -rf "$folder"
  python3 -m venv "$folder" >&2 || fail "python3 cannot make a virtual environment: install the package python3-venv"
  # shellcheck disable=SC2086 # a list of names
  "$folder/bin/pip" install --quiet --disable-pip-version-check $TOOLS >&2 || fail "pip cannot install $TOOLS"
  touch "$folder/complete"
fi
echo "$folder/bin"

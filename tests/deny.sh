#!/bin/sh
# Brings cargo-deny into a cache of our own and prints the folder of its program. May run twice at once and again later.
set -eu

# Pinned: another version may know other settings.
VERSION=0.20.2

fail() {
	echo "tests/deny.sh: $1" >&2
	exit 1
}

command -v flock >/dev/null || fail 'flock is missing: install the package util-linux'
cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/cargo-deny"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$cache/$VERSION/bin/cargo-deny" ]; then
	# It reads a few files: compiling it well would take longer than all its runs.
	env -u RUSTFLAGS -u CARGO_BUILD_TARGET CARGO_TARGET_DIR="$cache/target" CARGO_INCREMENTAL=0 \
		CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 \
		cargo install --quiet --locked --profile dev --version "$VERSION" --root "$cache/$VERSION" cargo-deny >&2 9>&- ||
		fail "cargo cannot install cargo-deny $VERSION"
	rm -rf "$cache/target"
fi
echo "$cache/$VERSION/bin"

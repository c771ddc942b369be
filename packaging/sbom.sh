#!/bin/sh
# Prints what the release binary is made of, as a CycloneDX 1.6 document in JSON: every crate with its licence, its checksum
# in Cargo.lock and what it depends on. Crates that only the tests need are not in it. The same sources give the same bytes;
# SOURCE_DATE_EPOCH dates it. Needs cargo and python3 with venv; CycloneDX's own library comes into a cache.
set -eu

# Pinned: another version may write the same in another order.
LIBRARY='cyclonedx-python-lib[json-validation]==11.12.0'

fail() {
	echo "packaging/sbom.sh: $1" >&2
	exit 2
}

[ $# -le 1 ] || fail 'usage: packaging/sbom.sh [TARGET]'
case ${1-} in -*) fail 'usage: packaging/sbom.sh [TARGET]' ;; esac
target=${1:-$(uname -m)-unknown-linux-musl}
cd "$(dirname -- "$(readlink -f -- "$0")")/.."
environment=$(tests/environment.sh sbom "$LIBRARY") || fail 'no environment of Python'

# As cargo resolves it for this target: `normal` is what may be linked, `build` what only runs while building.
tree() {
	cargo tree --locked --target "$target" --edges "$1" --prefix depth --charset ascii --format ' {p}|{l}|{r}'
}
all=$(tree normal,build) || fail 'cargo tree failed'
linked=$(tree normal) || fail 'cargo tree failed'
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" packaging/sbom.py Cargo.lock <<END
$all

$linked
END

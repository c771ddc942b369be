#!/bin/sh
# Makes the release archive: a static binary, completions, manual pages, licence, README and the list of what the binary is
# made of, with its checksum. Needs the Rust target of musl, musl-gcc, python3 with venv, and git or SOURCE_DATE_EPOCH. The same sources and tools give the same bytes.
set -eu
umask 022

fail() {
	echo "packaging/package.sh: $1" >&2
	exit 2
}

[ $# -le 1 ] || fail 'usage: packaging/package.sh [FOLDER]'
case ${1-} in -*) fail 'usage: packaging/package.sh [FOLDER]' ;; esac
mkdir -p "${1:-dist}"
out=$(readlink -f -- "${1:-dist}")
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

# musl links whole into the binary; its C compiler is for `ring` and `mimalloc`.
target=$(uname -m)-unknown-linux-musl
command -v musl-gcc >/dev/null || fail 'musl-gcc is missing: install the package musl-tools'
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || fail "run: rustup target add $target"
# Messages of a panic hold the paths of sources; where this machine keeps them is nobody's business. Addresses that depend on
# where the program is loaded take 200 kB less in the packed form, which musl reads since 1.2.4.
RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=registry -C link-arg=-Wl,-z,pack-relative-relocs"
export RUSTFLAGS
# It would be taken in place of that one.
unset CARGO_ENCODED_RUSTFLAGS
compiler=CC_$(echo "$target" | tr - _)
env "$compiler=musl-gcc" cargo build --quiet --release --locked --bin redisgen --target "$target" >&2
binary=${CARGO_TARGET_DIR:-target}/$target/release/redisgen

if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) || fail 'no commit here: set SOURCE_DATE_EPOCH'
fi
version=$("$binary" --version | sed 's/^redisgen //')
name=redisgen-$version-$target
folder=$out/$name
rm -rf -- "$folder"
mkdir -p "$folder/completions" "$folder/man"
cp "$binary" LICENSE README.md packaging/Dockerfile "$folder"
"$binary" completions bash >"$folder/completions/redisgen.bash"
"$binary" completions zsh >"$folder/completions/_redisgen"
"$binary" completions fish >"$folder/completions/redisgen.fish"
"$binary" man >"$folder/man/redisgen.1"
commands=$("$binary" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  *.*/\1/p')
for command in $commands; do
	[ "$command" = help ] || "$binary" man "$command" >"$folder/man/redisgen-$command.1"
done
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH packaging/sbom.sh "$target" >"$folder/redisgen.cdx.json"

tar -C "$out" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	--mode=u=rwX,go=rX -cf "$out/$name.tar" "$name"
gzip -n -9 -f "$out/$name.tar"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$out/$name.tar.gz"

#!/bin/sh
# Shows that the release archive depends on nothing but sources and tools: makes it in two fresh folders, whose paths
# differ in length, from copies of the sources, and compares. With ARCHIVE, made elsewhere, it makes one and compares.
# Ends with 1 if they differ.
set -eu
umask 022

fail() {
	echo "packaging/reproducible.sh: $1" >&2
	exit 2
}

[ $# -le 1 ] || fail 'usage: packaging/reproducible.sh [ARCHIVE]'
case ${1-} in -*) fail 'usage: packaging/reproducible.sh [ARCHIVE]' ;; esac
archive=
if [ $# -eq 1 ]; then
	[ -f "$1" ] || fail "$1: no such file"
	archive=$(readlink -f -- "$1")
fi
cd "$(dirname -- "$(readlink -f -- "$0")")/.."
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || fail 'no commit here: set SOURCE_DATE_EPOCH'
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# A tool chain of this machine, and nothing else of it: not its folders, not its clock, not its locale.
build() {
	mkdir -p "$work/$1"
	# A file that was deleted and not yet committed so is left out.
	git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - | tar -xf - -C "$work/$1"
	env CARGO_TARGET_DIR="$work/$1-target" SOURCE_DATE_EPOCH="$epoch" LC_ALL=C TZ="$2" "$work/$1/packaging/package.sh" "$work/$1-dist"
}

[ -n "$archive" ] || archive=$(build first UTC)
again=$(build in/a/folder/with/a/longer/name Asia/Tokyo)
sha256sum "$archive" "$again"
if ! cmp -s "$archive" "$again"; then
	echo 'The archives differ:' >&2
	mkdir "$work/a" "$work/b"
	tar -xzf "$archive" -C "$work/a"
	tar -xzf "$again" -C "$work/b"
	diff -r --brief "$work/a" "$work/b" >&2 || true
	exit 1
fi
echo 'The same bytes.'

#!/bin/sh
# Fuzzes on stable Rust: builds the targets once, then runs each for so many seconds, one after the other.
#   fuzz/run.sh [SECONDS] [TARGET...]      default: 60 seconds, all targets; 0 seconds runs the stored inputs only
# Ends with 1 if a target found something, and says where the input lies and how to run it again.
# FUZZ_JOBS=2 runs two targets at a time; FUZZ_SEED=NUMBER makes the choices of libFuzzer repeatable; what is found new is
# kept in FUZZ_CORPUS/TARGET, if that is set.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- loader acl encoders lock pipeline

# A folder of its own, since the flags differ.
target=${CARGO_TARGET_DIR:-target}/fuzz
env -u CARGO_ENCODED_RUSTFLAGS -u RUSTFLAGS RUSTC_WRAPPER="$PWD/fuzz/rustc.sh" cargo build --quiet --locked \
	--manifest-path fuzz/Cargo.toml --target-dir "$target" --profile fuzz

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
found=$target/found
mkdir -p "$found"

# What profiles, ACL files and locks look like: from the fixtures, so that nothing is stored twice.
seeds() {
	case $1 in
	loader) cp fixtures/ok/*.yaml fixtures/invalid/*.yaml fixtures/rules/*.yaml "$2" ;;
	acl)
		for file in snapshots/ok/*/redis/users.acl.snap; do
			name=${file#snapshots/ok/}
			# Behind the head of the snapshot.
			sed '1,/^---$/d; 1d' "$file" >"$2/${name%%/*}"
			printf -- '---\nget shop:1\nconfig set dir /\nsort a by b* get c\nsubscribe news:1\n' >>"$2/${name%%/*}"
		done
		;;
	esac
}

run() {
	mkdir -p "$work/$1/seeds" "$work/$1/new"
	seeds "$1" "$work/$1/seeds"
	[ ! -d "fuzz/corpus/$1" ] || cp fuzz/corpus/"$1"/* "$work/$1/seeds"
	new=${FUZZ_CORPUS:+$FUZZ_CORPUS/$1}
	new=${new:-$work/$1/new}
	mkdir -p "$new"
	set -- "$1" -rss_limit_mb=2048 -timeout=20 -max_len=4096 -print_final_stats=1 -artifact_prefix="$found/$1-" "-seed=${FUZZ_SEED:-0}"
	[ ! -f "fuzz/$1.dict" ] || set -- "$@" -dict="fuzz/$1.dict"
	if [ "$seconds" -eq 0 ]; then set -- "$@" -runs=0; else set -- "$@" -max_total_time="$seconds"; fi
	# Of a structured profile, short inputs say little.
	[ "$1" != pipeline ] || set -- "$@" -len_control=0 -max_len=1024
	name=$1
	shift
	if "$target/fuzz/$name" "$@" "$new" "$work/$name/seeds" >"$work/$name.log" 2>&1; then
		sed -n "s/^\(.*DONE.*\)/$name: \1/p; s/^stat::number_of_executed_units: */$name: executions /p" "$work/$name.log"
	else
		cat "$work/$name.log"
		input=$(sed -n 's/.*Test unit written to //p' "$work/$name.log" | tail -1)
		echo "FOUND by $name: ${input:-no input was written}"
		[ -z "$input" ] || echo "Again: $target/fuzz/$name $input"
		touch "$work/found"
	fi
}

for name in "$@"; do
	run "$name"
done
[ ! -e "$work/found" ]

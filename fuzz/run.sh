#!/bin/sh
# Fuzzes on stable Rust: builds the targets once, then runs each for so many seconds.
#   fuzz/run.sh [SECONDS] [TARGET...]      default: 60 seconds, all targets; 0 seconds: the stored inputs only
# Ends with 1 if a target found something, and says where the input lies and how to run it again.
# FUZZ_JOBS=1 runs one target at a time, not two; FUZZ_SEED=NUMBER repeats the choices of libFuzzer; with FUZZ_CORPUS=DIR,
# what is new is kept in DIR/TARGET and is where the next run starts. To take of it what fuzz/corpus/TARGET needs:
#   target/fuzz/fuzz/TARGET -set_cover_merge=1 -use_counters=0 fuzz/corpus/TARGET DIR/TARGET
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

# What profiles and ACL files look like, and the words in them: from the fixtures, so that nothing is stored twice.
seeds() {
	case $1 in
	loader)
		cp fixtures/ok/*.yaml fixtures/invalid/*.yaml fixtures/rules/*.yaml "$2"
		grep -oh '"[a-z0-9_-]\{2,\}"' schema/profile.schema.json | sort -u >"$3"
		;;
	acl)
		for file in snapshots/ok/*/redis/users.acl.snap; do
			name=${file#snapshots/ok/}
			# Behind the head of the snapshot.
			sed '1,/^---$/d; 1d' "$file" >"$2/${name%%/*}"
			printf -- '---\nget shop:1\nconfig set dir /\nsort a by b* get c\nsubscribe news:1\n' >>"$2/${name%%/*}"
		done
		grep -oh '[+-]@\{0,1\}[a-z|]\{2,\}' snapshots/ok/*/redis/users.acl.snap | sort -u | sed 's/.*/"&"/' >"$3"
		;;
	esac
}

# run TARGET
run() {
	folder=$work/$1
	mkdir -p "$folder/seeds" "$folder/new"
	# A dictionary is never empty.
	echo '"redis"' >"$folder/words"
	seeds "$1" "$folder/seeds" "$folder/words"
	[ ! -d "fuzz/corpus/$1" ] || cp fuzz/corpus/"$1"/* "$folder/seeds"
	new=${FUZZ_CORPUS:+$FUZZ_CORPUS/$1}
	new=${new:-$folder/new}
	mkdir -p "$new"
	if [ "$seconds" -eq 0 ]; then
		limit=-runs=0
		least=$(find "$folder/seeds" -type f | wc -l)
	else
		limit=-max_total_time=$seconds
		least=200
	fi
	# A structured profile uses up all its bytes from the first one on; of a text, short ones are tried first.
	if [ "$1" = pipeline ]; then length='-len_control=0 -max_len=1024'; else length=-max_len=4096; fi
	# shellcheck disable=SC2086 # two options
	if "$target/fuzz/$1" "$limit" $length -seed="${FUZZ_SEED:-0}" -dict="$folder/words" -rss_limit_mb=2048 -timeout=20 \
		-print_final_stats=1 -artifact_prefix="$found/$1-" "$new" "$folder/seeds" >"$folder/log" 2>&1; then
		told=$(sed -n "s/^#\([0-9]*\)[[:space:]]*DONE *\(cov: [0-9]*\).*/\1 executions, \2/p" "$folder/log")
		echo "$1: $told"
		# A target that did next to nothing proves nothing.
		[ "${told%% *}" -ge "$least" ] && touch "$work/done-$1" && return
		echo "TOO FEW by $1: at least $least executions are expected"
	fi
	cat "$folder/log"
	input=$(sed -n 's/.*Test unit written to //p' "$folder/log" | tail -n 1)
	[ -z "$input" ] || echo "FOUND by $1: $input; again: $target/fuzz/$1 $input"
}

started=0
for name in "$@"; do
	run "$name" &
	started=$((started + 1))
	[ $((started % ${FUZZ_JOBS:-2})) -ne 0 ] || wait
done
wait
# Whatever kept one from its end, also of this script itself.
for name in "$@"; do
	[ -e "$work/done-$name" ] || { echo "FAILED: $name" && failed=yes; }
done
[ -z "${failed:-}" ]

#!/bin/sh
# RUSTC_WRAPPER of fuzz/run.sh: the instrumentation that libFuzzer reads (as `cargo fuzz --sanitizer none` sets it), for what
# is fuzzed and its YAML parser. Nothing else is worth the time that it costs in every run.
case " $* " in
*' --crate-name redisgen '* | *' --crate-name granit_parser '*)
	exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
		-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
		-Cllvm-args=-simplifycfg-branch-fold-threshold=0
	;;
*) exec "$@" ;;
esac

#!/bin/sh
# Passes all the tests on a fresh Debian machine with a Rust toolchain and root: installs the real
# consumers of what redisgen emits, then lints, then runs every test. Nothing is skipped: a consumer that
# is missing fails its test. Debian has no terraform: without one on PATH CI fails, and elsewhere it is said
# what is not proven.
set -eu
cd "$(dirname "$0")/.."

missing() {
	for package in age chromium containerd cryptsetup-bin docker.io e2fsprogs faketime fish fonts-dejavu-core g++ gcc git iproute2 iptables kmod libc6-dev \
		mandoc musl-tools nftables openssh-client openssh-server openssl poppler-utils procps prometheus protobuf-compiler python3 \
		python3-grpcio python3-msgpack python3-pip python3-protobuf python3-venv python3-yaml redis-server redis-tools \
		shellcheck strace systemd ufw user-mode-linux util-linux valgrind zsh; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || printf '%s ' "$package"
	done
	# Node from elsewhere brings its own npm, which Debian's package would conflict with.
	command -v node >/dev/null || printf 'nodejs '
	command -v npm >/dev/null || printf 'npm '
}
packages=$(missing)
if [ -n "$packages" ]; then
	# Debian starts a server when it installs one; the tests bring their own.
	policy=
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of names
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
	[ -z "$policy" ] || rm -f "$policy"
fi

terraform=yes
if ! command -v terraform >/dev/null; then
	terraform=
	echo 'NOT PROVEN: terraform is not on PATH (1.11 or later), so no module of terraform/ is validated, tested, planned or applied.' >&2
	[ -z "${CI:-}" ] || exit 1
fi

# The static binary of the archive. Without rustup the toolchain has to bring the target itself.
target=$(uname -m)-unknown-linux-musl
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || rustup target add "$target"

cargo fmt --check
cargo fmt --check --manifest-path fuzz/Cargo.toml
cargo clippy --all-targets --quiet -- -D warnings
# Without the proofs, and what only they need.
cargo clippy --no-default-features --quiet -- -D warnings
# With the profile and in the folder of fuzz/run.sh, which then builds less.
cargo clippy --manifest-path fuzz/Cargo.toml --locked --profile fuzz --target-dir "${CARGO_TARGET_DIR:-target}/fuzz" --quiet -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
shellcheck --external-sources tests/*.sh tests/backup/*.sh tests/docker/*.sh tests/firewall/*.sh tests/luks/*.sh packaging/*.sh fuzz/*.sh benches/alternatives/*.sh .ci/run
cargo test --no-run
# Most tests wait for servers more than they compute: two programs at a time, those with the longest runs among the
# first, and what each prints in one piece. A failing one does not keep the others from running.
logs=$(mktemp -d)
trap 'rm -rf -- "$logs"' EXIT
# Computes and waits for nobody: it takes what time the others leave.
nice -n 19 sh -c './benches/bench --instructions && ./fuzz/run.sh' >"$logs/computed" 2>&1 &
computing=$!
tests() {
	for path in tests/*.rs tests/*/main.rs; do
		name=${path#tests/} && name=${name%/main.rs} && name=${name%.rs}
		{ [ "$name" = terraform ] && [ -z "$terraform" ]; } || echo "--test $name"
	done | sort -r
	printf '%s\n' --lib --bins --doc
}
failed=
# shellcheck disable=SC2016 # the inner shell expands these
tests | xargs -P 2 -I '{}' sh -c '
	log=$(mktemp "$1/XXXXXX")
	failed=
	# shellcheck disable=SC2086 # two words
	cargo test $2 >"$log" 2>&1 || failed=yes
	cat "$log"
	[ -z "$failed" ] || { echo "FAILED: cargo test $2" && exit 1; }' sh "$logs" '{}' || failed=yes
wait "$computing" || failed=computing
cat "$logs/computed"
[ "$failed" != computing ] || echo 'FAILED: ./benches/bench --instructions && ./fuzz/run.sh'
[ -z "$failed" ] || exit 1
[ -n "$terraform" ] || echo 'NOT PROVEN: the tests of terraform/ did not run; put terraform on PATH.' >&2

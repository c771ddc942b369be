#!/bin/sh
# Passes all the tests on a fresh Debian machine with a Rust toolchain and root: installs the real
# consumers of what redisgen emits, then lints, then runs every test. Nothing is skipped: a consumer that
# is missing fails its test. Debian has no terraform: without one on PATH CI fails, and elsewhere it is said
# what is not proven.
set -eu
cd "$(dirname "$0")/.."

missing() {
	for package in age chromium containerd cryptsetup-bin docker.io e2fsprogs fish fonts-dejavu-core gcc git iproute2 iptables kmod libc6-dev \
		mandoc musl-tools nftables openssh-client openssh-server openssl poppler-utils procps prometheus protobuf-compiler python3 \
		python3-grpcio python3-msgpack python3-pip python3-protobuf python3-venv python3-yaml redis-server redis-tools \
		shellcheck systemd ufw user-mode-linux util-linux zsh; do
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
cargo clippy --all-targets --quiet -- -D warnings
# Without the proofs, and what only they need.
cargo clippy --no-default-features --quiet -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
shellcheck --external-sources tests/*.sh tests/backup/*.sh tests/docker/*.sh tests/firewall/*.sh tests/luks/*.sh packaging/*.sh .ci/run
if [ -n "$terraform" ]; then
	cargo test
else
	# Every test binary but the one that needs it.
	tests=$(for path in tests/*.rs tests/*/main.rs; do
		name=${path#tests/} && name=${name%/main.rs} && name=${name%.rs}
		[ "$name" = terraform ] || printf -- '--test %s ' "$name"
	done)
	# shellcheck disable=SC2086 # a list of options
	cargo test --lib --bins $tests
	cargo test --doc
	echo 'NOT PROVEN: the tests of terraform/ did not run; put terraform on PATH.' >&2
fi

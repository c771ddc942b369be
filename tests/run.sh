#!/bin/sh
# Passes all the tests on a fresh Debian machine with a Rust toolchain and root: installs the real
# consumers of what redisgen emits, then lints, then runs every test. Nothing is skipped: a consumer that
# is missing fails its test.
set -eu
cd "$(dirname "$0")/.."

missing() {
	for package in redis-server redis-tools docker.io containerd iproute2 util-linux openssl shellcheck nftables iptables ufw systemd python3 python3-pip python3-yaml; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || printf '%s ' "$package"
	done
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

cargo fmt --check
cargo clippy --all-targets --quiet -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
shellcheck tests/*.sh tests/docker/*.sh tests/firewall/*.sh .ci/run
cargo test

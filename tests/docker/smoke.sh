#!/bin/sh
# Proves the test harness itself: engine, image, Compose, and that nothing is
# left behind. When an integration test fails, run this first: if it fails too,
# the machine is at fault and not the generated deployment.
set -eu

usage() {
	cat <<'TEXT'
usage: smoke.sh

Prints one line per check and "smoke: all passed" at the end. Exits 77 if this
machine cannot run the engine, 1 at the first check that fails.
TEXT
}

case ${1-} in -h | --help) usage; exit 0 ;; esac
[ $# -eq 0 ] || { usage >&2; exit 2; }

here=$(dirname -- "$(readlink -f -- "$0")")
"$here/engine.sh" check

dir=$(mktemp -d)
tidy() {
	"$here/engine.sh" stop "$dir" 2>/dev/null || true
	rm -rf -- "$dir"
}
trap tidy EXIT
trap 'exit 1' INT TERM

now() { date +%s%3N; }
ok() { echo "ok    $*"; }
fail() { echo "FAIL  $*"; tail -n 20 "$dir/dockerd.log" >&2 || true; exit 1; }
# pass WHAT COMMAND..., deny WHAT COMMAND...: must succeed, must not succeed.
pass() {
	what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then ok "$what"; else cat "$dir/out"; fail "$what"; fi
}
deny() {
	what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then cat "$dir/out"; fail "$what"; else ok "$what"; fi
}
# same WHAT WANTED GOT
same() { if [ "$2" = "$3" ]; then ok "$1: $3"; else fail "$1: wanted '$2', got '$3'"; fi; }

inside() { "$here/engine.sh" exec "$dir" "$@"; }
outside() { "$here/engine.sh" outside "$dir" "$@"; }
compose() { "$here/compose.sh" "$dir" -f "$dir/app/compose.yaml" -p rgsmoke "$@"; }
ping_at() { [ "$(timeout 3 redis-cli -h "$1" -p "$2" ping 2>&1)" = PONG ]; }
inside_ping() { [ "$(inside timeout 3 redis-cli -h "$1" -p "$2" ping 2>&1)" = PONG ]; }
outside_ping() { [ "$(outside timeout 3 redis-cli -h "$1" -p "$2" ping 2>&1)" = PONG ]; }

# What an engine could leave in the host's namespaces.
host_state() {
	ip -o link show type bridge | sed 's/.* \([^ ]*\): <.*/link \1/'
	ip -o link show type veth | sed 's/.* \([^ ]*\): <.*/link \1/'
	# Only what an engine adds; the host's own rules may change meanwhile.
	{ iptables-save; ip6tables-save; } 2>/dev/null | grep -i -e docker -e rg- -e br- || true
	awk '{ print "mount", $5 }' /proc/self/mountinfo
	cat /proc/sys/net/ipv4/ip_forward
}
host_state >"$dir/before"

mkdir -p "$dir/app/conf"
cat >"$dir/app/conf/redis.conf" <<'TEXT'
bind 0.0.0.0
protected-mode no
dir /data
appendonly yes
TEXT
cat >"$dir/app/compose.yaml" <<'TEXT'
services:
  redis:
    image: redis:7.0.15-bookworm
    command: ["redis-server", "/etc/redis/redis.conf"]
    user: "999:999"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    mem_limit: 128m
    pids_limit: 64
    ports: ["127.0.0.1:16379:6379"]
    networks: [back, edge]
    tmpfs: ["/tmp:rw,noexec,nosuid,nodev,size=8m"]
    volumes:
      - data:/data
      - type: bind
        source: ./conf
        target: /etc/redis
        read_only: true
    healthcheck:
      test: ["CMD", "redis-cli", "ping"]
      interval: 1s
      timeout: 2s
      retries: 10
  # The contrast: published on every address.
  open:
    image: redis:7.0.15-bookworm
    command: ["--protected-mode", "no", "--save", ""]
    ports: ["16380:6379"]
    networks: [edge]
  # Without a way out.
  inner:
    image: redis:7.0.15-bookworm
    command: ["sleep", "600"]
    init: true
    networks: [back]
networks:
  back:
    internal: true
  edge:
    driver_opts:
      com.docker.network.bridge.name: rg-test
volumes:
  data: {}
TEXT

t=$(now)
pass 'compose is there' "$here/compose.sh" --fetch
ok "compose ready after $(($(now) - t)) ms"

t=$(now)
DOCKER_HOST=$("$here/engine.sh" start "$dir" --owner $$ | sed -n 's/^DOCKER_HOST=//p')
export DOCKER_HOST
same 'engine socket' "unix://$dir/docker.sock" "$DOCKER_HOST"
ok "engine up after $(($(now) - t)) ms, $(docker info -f '{{.ServerVersion}} {{.Driver}} cgroup v{{.CgroupVersion}}' 2>/dev/null)"
deny 'a second start in the same folder is refused' "$here/engine.sh" start "$dir"

t=$(now)
pass 'image builds' "$here/image.sh" "$dir" redis:7.0.15-bookworm
ok "image built after $(($(now) - t)) ms"

t=$(now)
pass 'compose up --wait' compose up --detach --wait --quiet-pull
ok "compose up took $(($(now) - t)) ms"
id=$(compose ps --quiet redis)

# The network.
pass 'published port answers inside' inside_ping 127.0.0.1 16379
deny 'port on 127.0.0.1 is closed to another machine' outside_ping 198.51.100.1 16379
pass 'port on every address is open to another machine' outside_ping 198.51.100.1 16380
deny 'no published port appears on the host' ping_at 127.0.0.1 16379
pass 'bridge rg-test is in the engine' inside ip link show rg-test
deny 'bridge rg-test is not on the host' ip link show rg-test
pass 'a container reaches its neighbour by name' compose exec -T inner redis-cli -h redis ping
outside timeout 60 redis-server --port 7000 --protected-mode no --save '' --dir "$dir" >"$dir/far.log" 2>&1 &
tries=0
until outside_ping 203.0.113.1 7000; do
	tries=$((tries + 1))
	[ "$tries" -lt 50 ] || fail 'the far server does not start'
	sleep 0.1
done
pass 'the edge network leads out' compose exec -T redis timeout 3 redis-cli -h 203.0.113.1 -p 7000 ping
deny 'the internal network does not' compose exec -T inner timeout 3 redis-cli -h 203.0.113.1 -p 7000 ping

# The container.
same 'user' 999:999 "$(docker exec "$id" sh -c 'echo "$(id -u):$(id -g)"')"
same 'health' healthy "$(docker inspect -f '{{.State.Health.Status}}' "$id")"
same 'read-only root' true "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}}' "$id")"
same 'binding' '127.0.0.1:16379' "$(docker port "$id" 6379)"
pid=$(docker inspect -f '{{.State.Pid}}' "$id")
same 'effective capabilities' 0000000000000000 "$(inside sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$pid/status")"
same 'bounding capabilities' 0000000000000000 "$(inside sed -n 's/^CapBnd:[[:space:]]*//p' "/proc/$pid/status")"
same 'no new privileges' 1 "$(inside sed -n 's/^NoNewPrivs:[[:space:]]*//p' "/proc/$pid/status")"
same 'seccomp filter' 2 "$(inside sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")"
deny 'root file system refuses a write' docker exec "$id" touch /usr/new
deny 'configuration refuses a write' docker exec "$id" touch /etc/redis/new
pass '/tmp takes a write' docker exec "$id" touch /tmp/new
pass '/data takes a write' docker exec "$id" redis-cli set k v
same 'owner and mode of a data file' '999 600' "$(docker exec "$id" stat -c '%u %a' /data/appendonlydir/appendonly.aof.1.incr.aof)"

# A memory limit that is not enforced would make other tests pass for nothing.
docker run --name rgsmoke-oom --memory 32m --memory-swap 32m redis:7.0.15-bookworm \
	sh -c 'head -c 100000000 /dev/zero | tail -c 90000000 | wc -c' >"$dir/out" 2>&1 || true
same 'out of memory is seen' true "$(docker inspect -f '{{.State.OOMKilled}}' rgsmoke-oom)"
docker rm --volumes rgsmoke-oom >/dev/null

# The end.
t=$(now)
pass 'compose stop' compose stop redis
ok "compose stop took $(($(now) - t)) ms"
same 'exit code after SIGTERM' 0 "$(docker inspect -f '{{.State.ExitCode}}' "$id")"
pass 'compose down' compose down --volumes
same 'volumes left' '' "$(docker volume ls -q)"
same 'containers left' '' "$(docker ps -aq)"

read -r first _ <"$dir/engine/pid"
spaces=$(readlink "/proc/$first/ns/mnt" "/proc/$first/ns/net" "/proc/$first/ns/pid")
cgroup=$(cat "$dir/engine/cgroup")
t=$(now)
pass 'engine stops' "$here/engine.sh" stop "$dir"
ok "engine stop took $(($(now) - t)) ms"

left=
for process in /proc/[0-9]*; do
	for space in mnt net pid; do
		found=$(readlink "$process/ns/$space" 2>/dev/null) || continue
		case "$spaces" in *"$found"*) left="$left ${process#/proc/}" ;; esac
	done
done
same 'processes left' '' "$left"
same 'control groups left' '' "$(find /sys/fs/cgroup -name "$cgroup" 2>/dev/null)"
host_state >"$dir/after"
pass 'links, firewall rules, mounts and forwarding of the host are as before' \
	diff "$dir/before" "$dir/after"
deny 'the socket is gone' test -e "$dir/docker.sock"
echo 'smoke: all passed'

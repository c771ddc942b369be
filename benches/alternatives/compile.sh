#!/bin/bash
# What a team would write first: variables and text, no YAML. Twelve files, those that a deployment needs first, of the same
# length as redisgen's; one process makes them for any number of names.
#
# Usage: compile.sh OUT NAME...   with several names, each has a folder of its own below OUT
#
# It does not read a profile, check anything, quote what it is given, nor do anything of what compile.py beside it leaves out.
# Every file is one builtin: a `cat` for each would cost twelve processes more.
set -eu

port=6379
image=redis:7.4.11-bookworm
app=app
memory=512MiB
bytes=$((512 << 20))
max_clients=1000
snapshots=$'save 3600 1\nsave 300 100\nsave 60 10000'
digest=$(printf '%064d' 0)
declare -A rights=(
	[admin]='~* &* +@all'
	[app]='resetchannels -@all +@read +@write +@transaction -@dangerous -function +ping +echo +select +client|setinfo +client|setname +client|getname +client|id +command'
)

# Everything of one deployment, below the folder $out.
compile() {
	local name=$1 out=$2 file="$1.yaml" bridge=${1:0:8} acl=
	for user in admin app; do
		keys=
		[ "$user" = admin ] || keys="~$name:* "
		acl+="${acl:+$'\n'}user $user on sanitize-payload #$digest $keys${rights[$user]}"
	done

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
# A comment behind a directive would be part of its value: comments stand on lines of their own.

# Network
# All addresses of the container; the compose file decides what is published.
bind * -::*
# Official images change the default to no.
protected-mode yes
# No unencrypted port.
port 0
tls-port 6379
tcp-keepalive 60
timeout 300

# TLS
tls-cert-file /run/redis/redis.crt
tls-key-file /run/redis/redis.key
tls-ca-cert-file /run/redis/ca.crt
# Clients prove themselves by password; \`tls.mode: mutual\` asks for certificates too.
tls-auth-clients no
tls-protocols \"TLSv1.2 TLSv1.3\"
tls-ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
tls-ciphersuites TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256
tls-prefer-server-ciphers yes

# Users
aclfile /run/redis/users.acl
acl-pubsub-default resetchannels
acllog-max-len 128

# Switches that hand out the host
enable-protected-configs no
enable-debug-command no
enable-module-command no

# Limits
maxclients $max_clients
# Below the container's $memory: while a snapshot is written, changed pages exist twice.
maxmemory $((bytes * 5 / 8 / 1048576))mb
maxmemory-policy noeviction
# A client that does not read what it asked for is dropped before it fills the memory.
client-output-buffer-limit normal 64mb 32mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
client-query-buffer-limit 64mb

# Persistence
dir /data
dbfilename dump.rdb
appendonly yes
appendfsync everysec
$snapshots
stop-writes-on-bgsave-error yes

# Logs
daemonize no
loglevel notice
# Standard output, for the container's log driver.
logfile \"\"
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 10
hide-user-data-from-log yes" >"$out/redis/redis.conf"

printf '%s\n' "$acl
user default off sanitize-payload ~* resetchannels -@all +@write +select +pfcount
user exporter on sanitize-payload #$digest resetchannels -@all +ping +info +slowlog|len +latency|latest +latency|histogram
user health on sanitize-payload #$digest resetchannels -@all +ping" >"$out/redis/users.acl"

printf '%s\n' "#!/bin/sh
# Code generated from $file. DO NOT EDIT.
# Green only if the server answers PONG to the health user: redis-cli ends with 0 on NOAUTH and
# WRONGPASS unless -e is given, so the reply is compared too.
set -eu
# Read by this short-lived process only; an argument would show in the process list.
REDISCLI_AUTH=\"\$(cat /run/redis/health.password)\"
export REDISCLI_AUTH
set -- -e --no-auth-warning -h 127.0.0.1 -p 6379
set -- \"\$@\" --user health
set -- \"\$@\" --tls --cacert /run/redis/ca.crt
reply=\"\$(redis-cli \"\$@\" ping)\"
[ \"\$reply\" = PONG ]" >"$out/redis/healthcheck.sh"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
name: \"$name\"

services:
  redis:
    image: \"$image\"
    # The server itself is the first process: no shell that swallows SIGTERM, no entrypoint that loads the
    # image's bundled modules, and never root.
    user: \"999:999\"
    entrypoint: [\"redis-server\", \"/usr/local/etc/redis/redis.conf\"]
    # Changes with what the server reads when it starts, so that \`up\` recreates the container then.
    labels: { redisgen.configuration: \"$digest\" }
    read_only: true
    cap_drop: [ALL]
    security_opt: [\"no-new-privileges:true\"]
    tmpfs: [\"/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777\"]
    ulimits:
      nofile: { soft: $((max_clients + 128)), hard: $((max_clients + 128)) }
      # A core dump would hold the data.
      core: 0
    deploy:
      resources:
        limits:
          pids: 64
          memory: \"$bytes\"
    # As much as the memory limit means no swap: data would reach the disk unencrypted.
    memswap_limit: \"$bytes\"
    stop_signal: SIGTERM
    stop_grace_period: 60s
    restart: unless-stopped
    # Docker publishes these past UFW and INPUT rules: firewall/apply.sh goes first.
    ports:
      - { host_ip: \"127.0.0.1\", published: \"$port\", target: 6379, protocol: tcp }
    networks: [app, edge, monitor]
    volumes:
      - { type: volume, source: data, target: /data }
      - { type: bind, source: ./redis, target: \"/usr/local/etc/redis\", read_only: true, bind: { create_host_path: false } }
      # One folder, so that the server sees files that were replaced on the host.
      - { type: bind, source: ./secrets/server, target: \"/run/redis\", read_only: true, bind: { create_host_path: false } }
    healthcheck:
      test: [CMD, \"/usr/local/etc/redis/healthcheck.sh\"]
      interval: 5s
      timeout: 5s
      retries: 3
      start_period: 30s
    logging:
      driver: json-file
      options: { max-size: 10m, max-file: \"3\" }

  # Figures for Prometheus, with a user of its own that sees no data.
  exporter:
    image: \"oliver006/redis_exporter:v1.69.0\"
    user: \"59000:59000\"
    command:
      - \"-redis.addr=rediss://redis:6379\"
      - \"-redis.user=exporter\"
      - \"-redis.password-file=/run/exporter/passwords.json\"
      - \"-tls-ca-cert-file=/run/exporter/ca.crt\"
      - \"-set-client-name=false\"
      - \"-config-command=-\"
      - \"-redis-only-metrics=true\"
    labels: { redisgen.configuration: \"$digest\" }
    read_only: true
    cap_drop: [ALL]
    security_opt: [\"no-new-privileges:true\"]
    ulimits:
      nofile: { soft: 1024, hard: 1024 }
      # A core dump would hold the password.
      core: 0
    deploy:
      resources:
        limits:
          pids: 64
          memory: \"134217728\"
    memswap_limit: \"134217728\"
    restart: unless-stopped
    depends_on:
      redis: { condition: service_healthy }
    # For Prometheus on this host. Whoever reaches it reads every figure, and can make it dial other servers.
    ports:
      - { host_ip: \"127.0.0.1\", published: \"9121\", target: 9121, protocol: tcp }
    networks: [monitor, metrics]
    volumes:
      - { type: bind, source: ./secrets/exporter, target: \"/run/exporter\", read_only: true, bind: { create_host_path: false } }
    logging:
      driver: json-file
      options: { max-size: 10m, max-file: \"3\" }

networks:
  # Shared with applications; no way out of it.
  app:
    internal: true
    driver_opts: { com.docker.network.bridge.name: \"br-$bridge-app\" }
  # Publishes the port; only the server is in it.
  edge:
    driver_opts: { com.docker.network.bridge.name: \"br-$bridge-pub\" }
  # Between the exporter and the server, so that applications do not reach the exporter; no way out of it.
  monitor:
    internal: true
    driver_opts: { com.docker.network.bridge.name: \"br-$bridge-mon\" }
  # Publishes the exporter's port; only the exporter is in it.
  metrics:
    driver_opts: { com.docker.network.bridge.name: \"br-$bridge-exp\" }

volumes:
  data: {}" >"$out/docker-compose.prod.yml"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
# An example client. Run it next to the server:
#   docker compose -f docker-compose.prod.yml -f docker-compose.app.yml up --wait
services:
  app:
    image: \"$image\"
    user: \"999:999\"
    read_only: true
    cap_drop: [ALL]
    security_opt: [\"no-new-privileges:true\"]
    pids_limit: 16
    depends_on:
      redis: { condition: service_healthy }
    networks: [app]
    # What the modules in client/ read. The command below needs no more than the files.
    env_file: [client/environment]
    secrets:
      - redis_password
      - redis_ca
    # sleep as first process would not hear SIGTERM.
    init: true
    stop_grace_period: 1s
    entrypoint: [/bin/sh, -euc]
    # The password is in no argument, and in no environment but that of the short-lived client.
    command:
      - |
        connect() {
          REDISCLI_AUTH=\"\$\$(cat /run/secrets/redis_password)\"
          export REDISCLI_AUTH
          set -- --user $app \"\$\$@\"
          set -- --tls --cacert /run/secrets/redis_ca \"\$\$@\"
          redis-cli -e --no-auth-warning -h redis -p 6379 \"\$\$@\"
          unset REDISCLI_AUTH
        }
        connect ping
        connect set $name:redisgen-example stored
        connect get $name:redisgen-example
        touch /tmp/ready
        exec sleep 86400
    # The image declares /data a volume; without this each run would leave one behind.
    tmpfs: [\"/tmp:rw,noexec,nosuid,nodev,size=1m,mode=1777\", \"/data:rw,noexec,nosuid,nodev,size=1m\"]
    healthcheck:
      test: [CMD, test, -f, /tmp/ready]
      interval: 1s
      retries: 30

secrets:
  redis_password: { file: \"./secrets/clients/$app/password\" }
  redis_ca: { file: ./secrets/server/ca.crt }" >"$out/docker-compose.app.yml"

printf '%s\n' "#!/usr/sbin/nft -f
# Code generated from $file. DO NOT EDIT.
#
# Guards port $port of this host, with or without Docker, for IPv4 and IPv6. It only ever refuses: another
# firewall that drops by default needs an opening of its own.
# A port belongs to one deployment of a host, whatever address that listens on.
# One transaction over a table of its own; a second load changes nothing, and limits keep their counts.
# Load it with apply.sh, which tries it first.

# Declared first, so that the next lines have something to empty on the first load too.
table inet redis_${name//-/_} {
}
# Rules go, sets stay: who was counted remains counted.
flush table inet redis_${name//-/_}

table inet redis_${name//-/_} {
	counter denied {
	}

	# Behind conntrack (-200), before Docker's DNAT (-100): the port is the one on the wire.
	chain published {
		type filter hook prerouting priority dstnat - 10; policy accept;
		iif \"lo\" accept
		tcp dport $port fib daddr type local jump judge
		tcp dport 9121 fib daddr type local counter drop comment \"the exporter is for this host only\"
	}

	# Packets that a neighbour routes straight to a container, past the published port: Docker before 28 lets
	# them through.
	chain routed {
		type filter hook forward priority filter - 10; policy accept;
		oifname != \"br-$bridge-*\" accept
		iifname \"br-$bridge-*\" accept
		meta l4proto tcp ct status dnat ct original proto-dst $port accept comment \"judged above, if it was for this host\"
		tcp dport $port jump judge
		tcp dport 9121 counter drop
	}

	# Every packet is judged, not only the first: a source that is taken off the list loses its connection.
	chain judge {
		counter name \"denied\"
		limit rate 6/minute counter log prefix \"$name denied: \"
		drop
	}
}" >"$out/firewall/redisgen.nft"

printf '%s\n' "#!/bin/sh
# Code generated from $file. DO NOT EDIT.
#
# Takes the rules of one backend (nftables; the first if none is named) away, and nobody else's.
# Before a backend leaves the profile, remove its rules with this script: the next build does not know them.
set -eu

case \$#:\${1-} in
0: | 1:nftables) exec \"\$(dirname -- \"\$0\")/apply.sh\" nftables --remove ;;
*)
	echo \"usage: remove.sh [BACKEND]   nftables; the first if none is named\" >&2
	exit 2
	;;
esac" >"$out/firewall/remove.sh"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
#
# Loads the packet filter at boot, before Docker publishes the port. A unit must not run what others can change,
# so install a copy that belongs to root, from the folder that redisgen wrote:
#   install -d /etc/redisgen/$name
#   install -m 0755 firewall/*.sh /etc/redisgen/$name/
#   install -m 0644 firewall/redisgen.nft /etc/redisgen/$name/
#   install -m 0644 firewall/redisgen-firewall.service /etc/systemd/system/redisgen-firewall-$name.service
#   systemctl enable --now redisgen-firewall-$name.service
[Unit]
Description=Packet filter of Redis $name (port $port)
# Early, like nftables.service: before there is a network to be reached from.
DefaultDependencies=no
RequiresMountsFor=/etc/redisgen/$name /usr /run
After=local-fs.target
Before=network-pre.target docker.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
# These flush or replace rules when they start or reload: this one follows them.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/etc/redisgen/$name/apply.sh nftables
ExecReload=/etc/redisgen/$name/apply.sh nftables
# No ExecStop: stopping this unit leaves the port guarded, and remove.sh takes the rules away. Stopping
# nftables.service flushes everything, these rules too: start it again, or call apply.sh.

[Install]
WantedBy=multi-user.target docker.service nftables.service
# With this line too, Docker does not start without the filter; but whatever restarts the filter, as a restart of
# nftables.service does, then restarts Docker with all its containers:
#   RequiredBy=docker.service" >"$out/firewall/redisgen-firewall.service"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
# What an application has to know to connect from outside the server's network. Files are named from the folder that
# holds client/ and secrets/. No URL holds a password: it would end up in logs.
# A library must check that the certificate is for this host; most do so unless told otherwise.
redis:
  url: \"rediss://localhost:$port\"
  host: \"localhost\"
  port: $port
  username: \"$app\"
  password_file: \"secrets/clients/$app/password\"
  tls_ca_cert_file: \"secrets/server/ca.crt\"
  tls_check_hostname: true
  timeout_seconds: 5
  pool_size: 10
  health_check_interval_seconds: 30" >"$out/client/config.yaml"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
# Settings of the modules beside this file, for a container in the server's network: \`env_file\` of
# docker-compose.app.yml, whose \`secrets:\` puts the files where these lines say. Nothing here is secret.
REDIS_HOST=redis
REDIS_PORT=6379
REDIS_USER=$app
REDIS_PASSWORD_FILE=/run/secrets/redis_password
REDIS_CA_FILE=/run/secrets/redis_ca" >"$out/client/environment"

printf '%s\n' "#!/bin/sh
# Code generated from $file. DO NOT EDIT.
# redis-cli as one of the users:
#   client/redis-cli.sh [-h HOST] [-p PORT] USER [COMMAND...]
# Of the secrets it needs clients/USER and server/ca.crt, in a folder \`secrets\` beside its own.
set -eu
usage() {
  echo 'usage: redis-cli.sh [-h HOST] [-p PORT] USER [COMMAND...]' >&2
  exit 2
}
host=localhost
port=$port
while getopts h:p: option; do
  case \"\$option\" in
    h) host=\"\$OPTARG\" ;;
    p) port=\"\$OPTARG\" ;;
    *) usage ;;
  esac
done
shift \$((OPTIND - 1))
case \"\$port\" in
  '' | 0* | *[!0-9]* | ??????*) usage ;;
esac
case \"\$host\" in
  '' | -*) usage ;;
esac
secrets=\"\$(CDPATH='' cd -- \"\$(dirname -- \"\$0\")/..\" && pwd)/secrets\"
[ \$# -gt 0 ] || usage
user=\"\$1\"
shift
case \"\$user\" in
  '' | */*) usage ;;
esac
# Files in it can be read by whoever gets into the folder.
case \"\$(ls -ld -- \"\$secrets\")\" in
  drwx------*) ;;
  *)
    echo \"redis-cli.sh: \$secrets is open to others; close it: chmod 0700\" >&2
    exit 1
    ;;
esac
# In the environment of this process only, which those can read who can read the file; an argument would show in the
# process list. redis-cli has no option for a file, and --askpass takes the terminal away from its prompt.
REDISCLI_AUTH=\"\$(cat -- \"\$secrets/clients/\$user/password\")\"
export REDISCLI_AUTH
set -- --user \"\$user\" \"\$@\"
# redis-cli checks that this authority vouches for the server, and not for which name (measured); --sni would only
# send one. That is enough here: this authority signs no other server's certificate.
set -- --tls --cacert \"\$secrets/server/ca.crt\" \"\$@\"
# -e: a refused login or command is a failure.
exec redis-cli -e --no-auth-warning -h \"\$host\" -p \"\$port\" \"\$@\"" >"$out/client/redis-cli.sh"

printf '%s\n' "# Code generated from $file. DO NOT EDIT.
#
# For a Prometheus on this host. One of your own takes \`rule_files\` and the jobs from here; the label \`deployment\` is
# what the alerts and the dashboard select by.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files: [alerts.yml]

scrape_configs:
  - job_name: redis
    static_configs:
      - targets: [\"127.0.0.1:9121\"]
        labels: { deployment: \"$name\" }
  # node_exporter, for what scripts of this deployment write into its folder of text files. They state \`deployment\`
  # themselves, so that this target must not.
  - job_name: node
    static_configs:
      - targets: [\"127.0.0.1:9100\"]" >"$out/monitoring/prometheus.yml"
}

parent=$1
shift
umask 022
if [ $# = 1 ]; then folders=("$parent"); else folders=("${@/#/$parent/}"); fi
mkdir -p "${folders[@]/%//redis}" "${folders[@]/%//firewall}" "${folders[@]/%//client}" "${folders[@]/%//monitoring}"
at=0
for name in "$@"; do
	compile "$name" "${folders[at]}"
	at=$((at + 1))
done
chmod 755 "${folders[@]/%//redis/healthcheck.sh}" "${folders[@]/%//firewall/remove.sh}" "${folders[@]/%//client/redis-cli.sh}"

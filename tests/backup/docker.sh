#!/bin/sh
# Stands for Docker in tests/backup: what the containers would run, with the folders of the test in $ROOT.
set -eu
export PATH="$ROOT/bin:$PATH"
log=$ROOT/server.log

alive() { [ -s "$ROOT/pid" ] && kill -0 "$(cat "$ROOT/pid")" 2>/dev/null; }

if [ "$1" = inspect ]; then
	if ! alive; then
		echo 'exited unhealthy 0'
	elif grep -q 'eady to accept connections' "$log"; then
		echo 'running healthy 0'
	else
		echo 'running unhealthy 0'
	fi
	exit
fi
[ "$1" = compose ]
shift
while :; do
	case $1 in
	--file | --profile) shift 2 ;;
	*) break ;;
	esac
done
command=$1
shift
case $command in
run)
	while case $1 in -*) true ;; *) false ;; esac; do shift; done
	service=$1
	shift
	echo " Container test-$service-run  Created" >&2
	export REDISGEN_SECRETS="$ROOT/out/secrets/backup" REDISGEN_HOST=127.0.0.1
	REDISGEN_DATA=$ROOT/data
	[ "$service" != backup ] || [ ! -e "$ROOT/other-data" ] || REDISGEN_DATA=$ROOT/other-data
	REDISGEN_PORT=$(cat "$ROOT/port")
	export REDISGEN_DATA REDISGEN_PORT
	case $service in
	backup) script=snapshot ;;
	restore) script=replace ;;
	esac
	# Ways in which a connection to a container breaks.
	case $service:$(cat "$ROOT/break" 2>/dev/null || :) in
	backup:short) sh "$ROOT/out/backup/snapshot.sh" "$@" | head -c 1000 ;;
	backup:status)
		sh "$ROOT/out/backup/snapshot.sh" "$@"
		exit 137
		;;
	*) exec sh "$ROOT/out/backup/$script.sh" "$@" ;;
	esac
	;;
stop)
	if alive; then
		kill "$(cat "$ROOT/pid")"
		while alive; do sleep 0.02; done
	fi
	;;
up)
	if alive; then exit; fi
	: >"$log"
	# Never longer than a test; without the script's lock.
	sed -e "s|^dir .*|dir $ROOT/data|" -e "s|^aclfile .*|aclfile $ROOT/out/secrets/server/users.acl|" \
		-e 's|^bind .*|bind 127.0.0.1|' -e "s|^port .*|port $(cat "$ROOT/port")|" "$ROOT/out/redis/redis.conf" >"$ROOT/redis.conf"
	setsid timeout 900 "$ROOT/bin/server" "$ROOT/redis.conf" >>"$log" 2>&1 9>&- </dev/null &
	echo $! >"$ROOT/pid"
	;;
ps) echo test-redis-1 ;;
*) exit 1 ;;
esac

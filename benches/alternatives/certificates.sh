#!/bin/sh
# An authority, a server's and a client's certificate by openssl, P-256 as redisgen's: `certificates.sh FOLDER`.
set -eu
mkdir -p "$1"
cd "$1"
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "$@"; }
new -x509 -days 3650 -subj '/CN=demo authority' -keyout ca.key -out ca.crt
for name in redis client; do
	new -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
	printf 'subjectAltName=DNS:%s\nbasicConstraints=critical,CA:false\n' "$name" >"$name.ext"
	openssl x509 -req -days 397 -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -extfile "$name.ext" -out "$name.crt"
done

#!/bin/sh
# Makes the network namespace that it runs in a server, with a cable to each client.
#   network.sh ADDRESS4 ADDRESS6 [NAME ADDRESS4 ADDRESS6]...
# Each client is a namespace of its own, /run/netns/NAME.
set -eu

# Network namespaces, locks and the scripts' own folder have fixed places in /run.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns

# Without it the first packet over IPv6 waits a second for its address.
# shellcheck disable=SC2016 # the inner shell expands it
no_waiting='for which in all default; do echo 0 >/proc/sys/net/ipv6/conf/$which/accept_dad; done'

server4=$1 server6=$2
shift 2
sh -euc "$no_waiting"
ip -batch - <<TEXT
link set lo up
addr add $server4/32 dev lo
addr add $server6/128 dev lo
TEXT
while [ $# -gt 0 ]; do
	ip netns add "$1"
	ip netns exec "$1" sh -euc "$no_waiting"
	ip link add "$1" type veth peer name eth0 netns "$1"
	ip -batch - <<-TEXT
		addr add fe80::1/64 dev $1 nodad
		link set $1 up
		route add $2/32 dev $1
		route add $3/128 dev $1
	TEXT
	ip -netns "$1" -batch - <<-TEXT
		link set lo up
		link set eth0 up
		addr add $2/32 dev eth0
		addr add $3/128 dev eth0 nodad
		route add default dev eth0
		route add default via fe80::1 dev eth0
	TEXT
	shift 3
done

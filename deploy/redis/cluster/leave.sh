#!/bin/sh
# Before Redis is stopped: if it's a master, its replica takes over first. So nodes miss it for a
# moment, rather than until others take it for dead.
#
# Never fails: what isn't handed over here is found by the other servers.
REDISCLI_AUTH=$(tr -d '\r\n' < "${REDIS_SECRETS:-/run/secrets}/redis_cluster")
export REDISCLI_AUTH
ask() { timeout 3 redis-cli --no-auth-warning --user cluster "$@"; }
here() { ask -p "${REDIS_ADDRESS##*:}" cluster nodes; }

me=$(here | awk '$3 ~ /myself/ && $3 ~ /master/ && NF > 8 { print $1 }')
[ -n "$me" ] || exit 0
replica=$(here | awk -v me="$me" '$4 == me && $3 !~ /fail/ && $8 == "connected" { sub(/@.*/, "", $2); print $2; exit }')
[ -n "$replica" ] || exit 0
echo "leave.sh: $replica takes over: $(ask -h "${replica%:*}" -p "${replica##*:}" cluster failover)" >&2
for _ in $(seq 20); do
  ! here | grep -q 'myself,slave' || exit 0
  sleep 1
done

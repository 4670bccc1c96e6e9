#!/bin/sh
# Before Redis is stopped: if it's the master, a replica takes over first. So nodes miss it for a
# moment, rather than until sentinels take it for dead.
#
# Never fails: what isn't handed over here is found by the sentinels.
role() { timeout 3 redis-cli --no-auth-warning --user probe --pass none -p "${REDIS_ADDRESS##*:}" role | head -n 1; }

[ "$(role)" = master ] || exit 0
REDISCLI_AUTH=$(tr -d '\r\n' < "${REDIS_SECRETS:-/run/secrets}/redis_sentinel")
export REDISCLI_AUTH
for sentinel in $REDIS_SENTINELS; do
  said=$(timeout 3 redis-cli --no-auth-warning --user sentinel -h "${sentinel%:*}" -p "${sentinel##*:}" \
    sentinel failover chorus)
  echo "leave.sh: $sentinel: $said" >&2
  [ "$said" != OK ] || break
done
[ "$said" = OK ] || exit 0
unset REDISCLI_AUTH
for _ in $(seq 20); do
  [ "$(role)" != slave ] || exit 0
  sleep 1
done

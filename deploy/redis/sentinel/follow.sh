#!/bin/sh
# Start Redis as what the sentinels say it is, the master or a replica: follow.sh START ARGUMENTS...
#
# A server that was the master and comes back may be one no longer. So it waits for two sentinels
# that agree, also at the very first start: they name REDIS_FIRST then (see sentinel.sh).
#
# REDIS_ADDRESS: this one's own HOST:PORT. REDIS_SENTINELS: theirs, separated by spaces.
set -eu
here=$(dirname "$0")

agreed() {
  for sentinel in $REDIS_SENTINELS; do
    timeout 3 redis-cli -h "${sentinel%:*}" -p "${sentinel##*:}" \
      sentinel get-master-addr-by-name chorus 2>/dev/null | paste -s -d ' ' || true
  done | grep -E '^[^ ]+ [0-9]+$' | sort | uniq -d | head -n 1
}

until master=$(agreed) && [ -n "$master" ]; do
  echo "follow.sh: no two of $REDIS_SENTINELS say the same of where the master is" >&2
  sleep 1
done

set -- "$@" --replica-announce-ip "${REDIS_ADDRESS%:*}" --replica-announce-port "${REDIS_ADDRESS##*:}"
if [ "$master" != "${REDIS_ADDRESS%:*} ${REDIS_ADDRESS##*:}" ]; then
  set -- "$@" --replicaof "${master% *}" "${master#* }"
fi
exec /bin/sh "$@"

#!/bin/sh
# Start Redis as a server of a Redis Cluster: join.sh START ARGUMENTS...
#
# Servers remember one another by address, and pods come back under other ones. So each has a name
# that leads to an address that stays (a Service of its own), and tells others that one.
#
# REDIS_ADDRESS: this one's own HOST:PORT.
set -eu
here=$(dirname "$0")
until address=$(getent hosts "${REDIS_ADDRESS%:*}" | cut -d ' ' -f 1) && [ -n "$address" ]; do
  echo "join.sh: ${REDIS_ADDRESS%:*} has no address yet" >&2
  sleep 1
done
exec /bin/sh "$@" --include "$here/cluster.conf" --cluster-announce-ip "$address"

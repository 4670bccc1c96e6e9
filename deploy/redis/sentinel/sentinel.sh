#!/bin/sh
# Start a sentinel: settings from sentinel.conf, anew each time, and what it had found out from the
# data folder, where sentinels write it.
#
# REDIS_FIRST: the master's HOST:PORT when nothing is known yet. SENTINEL_ADDRESS: this one's own.
# Arguments go to redis-server.
set -eu
umask 077
here=$(dirname "$0")
data=${REDIS_DATA:-/data}
secret=$(tr -d '\r\n' < "${REDIS_SECRETS:-/run/secrets}/redis_sentinel")
hash=$(printf %s "$secret" | sha256sum | cut -d ' ' -f 1)
quorum=2

[ -w "$data" ] || { echo "sentinel.sh: $data can't be written by user $(id -u)" >&2; exit 1; }

conf=$data/sentinel.conf
touch "$conf"
monitor=$(grep '^sentinel monitor chorus ' "$conf" || true)
known=$(grep -E '^sentinel (myid|current-epoch|(config-epoch|leader-epoch|known-[a-z]+) chorus) ' "$conf" || true)
{
  echo "${monitor:-sentinel monitor chorus ${REDIS_FIRST%:*} ${REDIS_FIRST##*:} $quorum}"
  cat "$here/sentinel.conf"
  echo "sentinel announce-ip ${SENTINEL_ADDRESS%:*}"
  echo "sentinel announce-port ${SENTINEL_ADDRESS##*:}"
  echo "sentinel auth-pass chorus $secret"
  echo "sentinel sentinel-pass $secret"
  echo "user sentinel on #$hash resetkeys &* -@all +hello +auth +ping +client|setname +publish +subscribe +info +role +sentinel"
  echo "$known"
} > "$conf.new"
mv "$conf.new" "$conf"

exec redis-server "$conf" --sentinel --dir "$data" "$@"

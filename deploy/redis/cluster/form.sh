#!/bin/sh
# Make one Redis Cluster of servers, or mend it: form.sh MASTERS HOST:PORT...
#
# The first MASTERS servers get the slots, the others become their replicas. Run again it leaves
# alone what is well: slots stay where they are, replicas with their masters. A server that is new
# becomes a replica of the master that has fewest.
set -eu
masters=$1
shift
REDISCLI_AUTH=$(tr -d '\r\n' < "${REDIS_SECRETS:-/run/secrets}/redis_cluster")
export REDISCLI_AUTH
slots=16384

ask() {
  server=$1
  shift
  timeout 5 redis-cli --no-auth-warning --user cluster -h "${server%:*}" -p "${server##*:}" "$@"
}
told() { ask "$1" cluster info | tr -d '\r' | sed -n "s/^$2://p"; }
await() { until "$@"; do sleep 1; done; }
answers() { [ "$(ask "$1" ping 2>/dev/null)" = PONG ]; }
knows() { [ "$(told "$1" cluster_known_nodes)" -ge "$2" ]; }
sees_slots() { [ "$(told "$1" cluster_slots_assigned)" -eq $slots ]; }
is_well() { [ "$(told "$1" cluster_state)" = ok ]; }
follows() { ask "$1" cluster nodes | grep -q "^$2 [^ ]* [^ ]* $3 "; }

for one in "$@"; do
  await answers "$one"
done

for one in "$@"; do
  address=$(getent hosts "${one%:*}" | cut -d ' ' -f 1)
  ask "$1" cluster meet "$address" "${one##*:}" > /dev/null
done
for one in "$@"; do
  await knows "$one" $#
done

if ! sees_slots "$1"; then
  n=0
  for one in "$@"; do
    [ $n -lt "$masters" ] || break
    said=$(ask "$one" cluster addslotsrange $((slots * n / masters)) $((slots * (n + 1) / masters - 1)))
    echo "form.sh: slots for $one: $said"
    n=$((n + 1))
  done
fi
for one in "$@"; do
  await sees_slots "$one"
done

for one in "$@"; do
  # A master without slots: they would stand behind the eight fields that each server has.
  new=$(ask "$one" cluster nodes | awk '$3 ~ /myself/ && $3 ~ /master/ && NF == 8 { print $1 }')
  [ -n "$new" ] || continue
  master=$(ask "$1" cluster nodes | awk '
    $3 ~ /master/ && $3 !~ /fail/ && NF > 8 { has[$1] += 0 }
    $3 ~ /slave/ { has[$4] += 1 }
    $3 ~ /master/ && $3 !~ /fail/ && NF > 8 { order[++n] = $1 }
    END { for (i = 1; i <= n; i++) if (!best || has[order[i]] < has[best]) best = order[i]; print best }')
  said=$(ask "$one" cluster replicate "$master")
  echo "form.sh: $one follows $master: $said"
  await follows "$1" "$new" "$master"
done

for one in "$@"; do
  await is_well "$one"
done
echo "form.sh: the cluster is well"
ask "$1" cluster nodes

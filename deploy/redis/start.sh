#!/bin/sh
# Start Redis with the users of redis.acl and the passwords of the secrets `redis_USER`.
#
# Redis wants a password's hash in its list of users. Arguments go to redis-server.
set -eu
umask 077
here=$(dirname "$0")
data=${REDIS_DATA:-/data}
secrets=${REDIS_SECRETS:-/run/secrets}

[ -w "$data" ] || { echo "start.sh: $data can't be written by user $(id -u)" >&2; exit 1; }

users=$data/users.acl
: > "$users"
while read -r word name rest; do
  [ "$word" = user ] || continue
  secret="$secrets/redis_$name"
  if [ -r "$secret" ]; then
    hash=$(tr -d '\r\n' < "$secret" | sha256sum | cut -d ' ' -f 1)
    echo "user $name #$hash $rest" >> "$users"
  elif [ "$name" = default ] || [ "$name" = probe ]; then
    echo "user $name $rest" >> "$users"
  else
    echo "user $name off" >> "$users"
    echo "start.sh: no secret redis_$name: that user is off" >&2
  fi
done < "$here/redis.acl"

# A server that copies from another comes there as the user `replica`.
secret="$secrets/redis_replica"
if [ -r "$secret" ]; then
  printf 'masteruser replica\nmasterauth %s\n' "$(tr -d '\r\n' < "$secret")" > "$data/replica.conf"
  set -- "$@" --include "$data/replica.conf"
fi

# Redis writes into its configuration what sentinels tell it, until it's started again.
cat "$here/redis.conf" > "$data/redis.conf"

exec redis-server "$data/redis.conf" --dir "$data" --aclfile "$users" "$@"

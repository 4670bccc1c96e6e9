#!/bin/sh
# Start Redis with the users of redis.acl and the passwords of the secrets `redis_USER`.
#
# Redis wants a password's hash in its list of users, and that must be a file that it can write.
set -eu
umask 077

users=/data/users.acl
: > "$users"
while read -r word name rest; do
  [ "$word" = user ] || continue
  secret="/run/secrets/redis_$name"
  if [ -r "$secret" ]; then
    hash=$(tr -d '\r\n' < "$secret" | sha256sum | cut -d ' ' -f 1)
    echo "user $name #$hash $rest" >> "$users"
  elif [ "$name" = default ] || [ "$name" = probe ]; then
    echo "user $name $rest" >> "$users"
  else
    echo "user $name off" >> "$users"
    echo "start.sh: no secret redis_$name: that user is off" >&2
  fi
done < /etc/redis/redis.acl

exec redis-server /etc/redis/redis.conf "$@"

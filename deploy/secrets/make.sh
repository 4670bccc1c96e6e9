#!/bin/sh
# Draw the passwords that aren't there yet. Nothing is printed, nothing is overwritten.
set -eu
cd "$(dirname "$0")"
# Containers read them under users of their own; nobody else comes as far as here.
chmod 700 .
for name in redis_node redis_operator redis_viewer redis_exporter grafana_admin \
    redis_replica redis_sentinel redis_cluster; do
  [ -s "$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "$name"
done
# The exporter wants its password in a form of its own: beside where Redis is, older releases without
# the name of its user.
printf '{"redis://redis:6379": "%s", "redis://exporter@redis:6379": "%s"}\n' \
    "$(cat redis_exporter)" "$(cat redis_exporter)" > redis_exporter.json
# Who may use the HTTP API, and what for: `chorus token NAME --scopes ...` draws one.
[ -e tokens.toml ] || echo '# see docs/api.md' > tokens.toml
chmod 644 redis_* grafana_admin tokens.toml

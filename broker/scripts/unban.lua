#!lua flags=allow-oom
-- Takes a ban away.
-- KEYS  bans version
-- ARGV  network
-- ->    the ban, or '' if there's none
local ban = redis.call('HGET', KEYS[1], ARGV[1])
if not ban then return '' end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[2])
return ban

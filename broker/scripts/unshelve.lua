#!lua flags=allow-oom
-- Takes a session off the list of those that end, unless it was detached again meanwhile.
-- KEYS  detached shelf
-- ARGV  sid row(as the caller found it)
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1

#!lua flags=allow-oom
-- Puts a detached session on the list of those that end if nobody takes them up.
-- KEYS  detached shelf
-- ARGV  sid keep-ms row
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1

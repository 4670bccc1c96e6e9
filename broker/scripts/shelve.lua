#!lua flags=allow-oom
-- Puts a detached session on the list of those that end if nobody takes them up.
-- KEYS  detached shelf
-- ARGV  sid keep-ms row
local t = redis.call('TIME')
local ends = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[2]))
-- the same row again is the same detaching, repeated; another is from before it was taken up
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[3] then redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], 'NX', ends, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1

-- Bounds of how many nicks it's kept who had them.
-- KEYS  bygone(zset: nicks, by when they were given back last)
-- ARGV  most(nicks) seconds(for which it's kept at all), then nicks that were given back just now
-- ->    the nicks that are too many: of those it's to be forgotten
local t = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t[1] - tonumber(ARGV[2]))
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], t[1] + t[2] / 1000000, ARGV[i]) end
local found, over = {}, redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[1])
if over <= 0 then return found end
local flat = redis.call('ZPOPMIN', KEYS[1], over)
for i = 1, #flat, 2 do found[#found + 1] = flat[i] end
return found

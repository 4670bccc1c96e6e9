-- Says in a claim why its holder is away, or that they're back.
-- KEYS  claim
-- ARGV  sid token away(1 or 0) why
-- ->    1 done, 0 not the holder
local held = redis.call('HMGET', KEYS[1], 'sid', 'token')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'away', ARGV[4]) else redis.call('HDEL', KEYS[1], 'away') end
return 1

-- Adds to a counter, once however often it's asked.
-- KEYS  counter memo(of the node that asks)
-- ARGV  batch how-many
-- ->    the counter afterwards
local batch, value = string.match(redis.call('GET', KEYS[2]) or '', '^(%S+) (%d+)$')
if batch == ARGV[1] then return tonumber(value) end
local now = redis.call('INCRBY', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. string.format('%.0f', now), 'EX', 60)
return now

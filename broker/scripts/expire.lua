#!lua flags=allow-oom
-- Takes the nodes whose lease has ended, for the caller to sweep. Another node gets them
-- again a while later, unless the sweep was finished.
-- KEYS  leases dying
-- ARGV  again-ms until-ms(Redis time: if this is read later, the caller knows too little of now)
-- ->    incarnations to sweep now
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if now > tonumber(ARGV[2]) then return {} end
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 1)) do
  redis.call('ZREM', KEYS[1], node)
  redis.call('ZADD', KEYS[2], now, node)
end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)
for _, node in ipairs(due) do redis.call('ZADD', KEYS[2], now + tonumber(ARGV[1]), node) end
return due

#!lua flags=allow-oom
-- Takes the nodes whose lease has ended, for the caller to sweep, and the detached sessions whose
-- time is over, to end them. Another node gets them again a while later, unless that was done.
-- That a node is lost is told here, where it happens once.
-- KEYS  leases dying detached incidents
-- ARGV  again-ms most(sessions)
--       until-ms(Redis time: if this is read later, the caller knows too little of now)
--       most(incidents kept) teller(a node's name)
-- ->    {incarnations, sids}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if now > tonumber(ARGV[3]) then return { {}, {} } end
local again = string.format('%.0f', now + tonumber(ARGV[1]))

local function due(key, most)
  local found = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, most)
  for _, one in ipairs(found) do redis.call('ZADD', key, again, one) end
  return found
end

for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 1)) do
  redis.call('ZREM', KEYS[1], node)
  redis.call('ZADD', KEYS[2], now, node)
  redis.call('XADD', KEYS[4], 'MAXLEN', ARGV[4], '*', 'i', string.format(
    '{"at":%.0f,"kind":"node-lost","node":"%s","about":"%s","says":"its lease has ended"}',
    now, ARGV[5], node:match('^(.*)%.') or node))
end
return { due(KEYS[2], -1), due(KEYS[3], ARGV[2]) }

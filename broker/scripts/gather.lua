#!lua flags=allow-oom
-- The nodes of a cluster gather at a server that forgot everything. Nobody is given a nick anew before
-- all that were there hold again what they held, or the time for that is over.
-- KEYS  gathering: hash, of the first that came `since` (now), `ends` (0: over), `last` (of the server
--       that is gone, the latest moment that any node knows of), `nodes` (how many there were), and for
--       each that holds again what it held: its incarnation
-- ARGV  incarnation window-ms last deadline nodes(as of its last beat at the server that is gone)
--       done(1: it holds again what it held, 0)
-- ->    {ms to wait, its lease runs (1 or 0)}
--
-- Nobody's lease ran out while nobody was there. So of each lease as much is left as was left at the
-- last moment before, less what has passed since the first node came.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local function most(field, value)
  local found = math.max(number(field), tonumber(value))
  redis.call('HSET', KEYS[1], field, string.format('%.0f', found))
  return found
end
if redis.call('HSETNX', KEYS[1], 'since', string.format('%.0f', now)) == 1 then
  redis.call('HSET', KEYS[1], 'ends', string.format('%.0f', now + tonumber(ARGV[2])))
  redis.call('EXPIRE', KEYS[1], 3600)
end
local last, nodes = most('last', ARGV[3]), most('nodes', ARGV[5])
local runs = tonumber(ARGV[4]) - last > now - number('since')
if ARGV[6] == '1' then redis.call('HSET', KEYS[1], 'node ' .. ARGV[1], 1) end
if redis.call('HLEN', KEYS[1]) - 4 >= nodes then redis.call('HSET', KEYS[1], 'ends', 0) end
return { math.max(0, number('ends') - now), runs and 1 or 0 }

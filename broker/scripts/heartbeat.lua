#!lua flags=allow-oom
-- Renews a node's lease, and hands it what operators have ordered: once.
-- KEYS  leases epoch messages orders bans-version recovery
-- ARGV  incarnation lease-ms take(1 or 0) new-epoch(or '': it isn't drawn) messages-since
-- ->    {held (1 or 0), now, deadline, epoch, orders, version of the bans, who holds a lease,
--       the server that nodes have met at last, see recover.lua}
-- Not held, and not taken anew: the lease ended and others have seen this node's people leave.
-- A lease that ran out but was taken by nobody is still held.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local deadline = string.format('%.0f', now + tonumber(ARGV[2]))
if ARGV[4] ~= '' then redis.call('SETNX', KEYS[2], ARGV[4]) end
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held or ARGV[3] == '1' then
  redis.call('ZADD', KEYS[1], deadline, ARGV[1])
  held = true
end
if ARGV[5] ~= '0' then redis.call('INCRBY', KEYS[3], ARGV[5]) end
local orders = held and redis.call('LRANGE', KEYS[4], 0, -1) or {}
if #orders > 0 then redis.call('DEL', KEYS[4]) end
return { held and 1 or 0, string.format('%.0f', now), deadline, redis.call('GET', KEYS[2]) or '', orders,
  redis.call('GET', KEYS[5]) or '0', redis.call('ZRANGE', KEYS[1], 0, -1),
  redis.call('HGET', KEYS[6], 'server') or '' }

#!lua flags=allow-oom
-- Bans networks, and takes away bans whose time is over.
-- KEYS  bans version
-- ARGV  most again(1: only those that aren't banned) least(the version grows above it),
--       then for each: network ban
-- ->    1 done, 0 there are too many
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local till = tonumber(string.match(all[i + 1], '^%[(%d+)') or '0')
  if till > 0 and till <= now then redis.call('HDEL', KEYS[1], all[i]) end
end
local many = redis.call('HLEN', KEYS[1])
for i = 4, #ARGV, 2 do many = many + 1 - redis.call('HEXISTS', KEYS[1], ARGV[i]) end
if many > tonumber(ARGV[1]) then return 0 end
local set = ARGV[2] == '1' and 'HSETNX' or 'HSET'
for i = 4, #ARGV, 2 do redis.call(set, KEYS[1], ARGV[i], ARGV[i + 1]) end
local version = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[3])) + 1
redis.call('SET', KEYS[2], string.format('%.0f', version))
return 1

#!lua flags=allow-oom
-- Takes a kept session off its node, for whoever takes it up.
-- KEYS  kept
-- ARGV  token record seen till seconds state
--       state: empty if its node is gone: it stays as it was, and so does `seen` if that's there
-- ->    1 done, 0 it acts under another token now, 2 it isn't kept
local about = redis.call('HMGET', KEYS[1], 'tokens', 'gone')
if not about[1] or about[2] then return 2 end
if acting(about[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '', 'record', ARGV[2], 'till', ARGV[4])
if ARGV[6] == '' then
  redis.call('HSETNX', KEYS[1], 'seen', ARGV[3])
else
  redis.call('HSET', KEYS[1], 'seen', ARGV[3], 'state', ARGV[6])
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1

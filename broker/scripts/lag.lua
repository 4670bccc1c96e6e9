-- Writes down how far a session was certainly told, while it reads more slowly than it's told.
-- KEYS  kept
-- ARGV  token seen(empty: it has caught up)
-- ->    1 done, 0 it acts under another token now, 2 it isn't kept
local tokens = redis.call('HGET', KEYS[1], 'tokens')
if not tokens then return 2 end
if acting(tokens) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], 'seen') else redis.call('HSET', KEYS[1], 'seen', ARGV[2]) end
return 1

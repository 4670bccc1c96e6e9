-- A kept session has been taken up: nothing of it stands under an earlier token any more.
-- KEYS  kept
-- ARGV  token
-- ->    1 done, 0 it acts under another token now
local tokens = redis.call('HGET', KEYS[1], 'tokens')
if not tokens or acting(tokens) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'tokens', ARGV[1])
redis.call('HDEL', KEYS[1], 'was', 'record', 'till')
return 1

-- A kept session has been taken up: nothing of it stands under an earlier token any more.
-- KEYS  kept
-- ARGV  token
-- ->    1 done, 0 it acts under another token now, or was detached again meanwhile
local about = redis.call('HMGET', KEYS[1], 'tokens', 'owner')
if not about[1] or acting(about[1]) ~= ARGV[1] or about[2] == '' then return 0 end
redis.call('HSET', KEYS[1], 'tokens', ARGV[1])
redis.call('HDEL', KEYS[1], 'was', 'record', 'till')
return 1

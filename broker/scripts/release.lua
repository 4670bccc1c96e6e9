-- Gives a nick back. Its inbox stays a moment: the last holder may have to read it again.
-- KEYS  claim meta log
-- ARGV  sid token seconds
-- ->    1 released, 0 held by somebody else or nobody
local held = redis.call('HMGET', KEYS[1], 'sid', 'token')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1

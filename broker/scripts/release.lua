-- Gives a nick back, and tells who watches it. Its inbox stays a moment: the last holder may have to read it again.
-- KEYS  claim meta log was watch(topic)
-- ARGV  sid token seconds remembered(seconds for which it's kept who had it) went(an envelope)
-- ->    1 released, 0 held by somebody else or nobody
local held = redis.call('HMGET', KEYS[1], 'sid', 'token', 'nick', 'node', 'since', 'about')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
remember(held, KEYS[4], ARGV[4])
redis.call('DEL', KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
redis.call('PUBLISH', KEYS[5], ARGV[5])
return 1

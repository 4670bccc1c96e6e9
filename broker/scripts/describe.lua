-- Writes into a claim what is known of its holder, and tells who watches the nick.
-- KEYS  claim watch(topic)
-- ARGV  sid token about is-away why told(an envelope; empty: nobody is told)
-- ->    1 done, 0 not the holder
local held = redis.call('HMGET', KEYS[1], 'sid', 'token')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'about', ARGV[3])
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'away', ARGV[5]) else redis.call('HDEL', KEYS[1], 'away') end
if ARGV[6] ~= '' then redis.call('PUBLISH', KEYS[2], ARGV[6]) end
return 1

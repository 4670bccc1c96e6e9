-- Holds a name no longer for a channel that won't have it.
-- Nothing that was carried there may stay: new entries couldn't stand behind it.
-- KEYS  meta log
-- ARGV  id(of the move) ms(by Redis's clock, since when it's held at most)
-- ->    1 done, 0 it isn't held for that, or not for so long
local held = redis.call('HMGET', KEYS[1], 'berth', 'berth_ms')
if held[1] ~= ARGV[1] or tonumber(held[2]) > tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1

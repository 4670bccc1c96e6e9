-- Keeps a session for whoever knows its secret, or writes down its state anew.
-- KEYS  kept
-- ARGV  token secret owner state seconds fresh(1: it may be kept for the first time)
--       turn(how often it was taken up before, if Redis forgot that)
-- ->    1 done, 0 it acts under another token now, or was detached, 2 it isn't kept
local about = redis.call('HMGET', KEYS[1], 'tokens', 'owner', 'gone')
if about[1] and (acting(about[1]) ~= ARGV[1] or about[2] ~= ARGV[3] or about[3]) then return 0 end
if not about[1] and ARGV[6] == '0' then return 2 end
if not about[1] then redis.call('HSET', KEYS[1], 'tokens', ARGV[1], 'turn', ARGV[7]) end
redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'owner', ARGV[3], 'state', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1

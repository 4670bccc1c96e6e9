-- Keeps a session for whoever knows its secret, or writes down its state anew.
-- KEYS  kept
-- ARGV  token secret owner state seconds fresh(1: it may be kept for the first time)
-- ->    1 done, 0 it acts under another token now, 2 it isn't kept
local tokens = redis.call('HGET', KEYS[1], 'tokens')
if tokens and (acting(tokens) ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'gone') == 1) then return 0 end
if not tokens and ARGV[6] == '0' then return 2 end
if not tokens then redis.call('HSET', KEYS[1], 'tokens', ARGV[1], 'turn', 0) end
redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'owner', ARGV[3], 'state', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1

-- Keeps a session for whoever knows its secret, or writes down its state anew.
-- KEYS  kept
-- ARGV  token secret owner state seconds
--       how: 0 if it's kept still; 1: it may be kept for the first time; 2: it's the owner's, as
--       the server lost that it was taken up
--       turn(how often it was taken up before, if Redis forgot that)
-- ->    1 done, 0 it acts under another token now, 2 it isn't kept, 3 it was detached, or ended then:
--       its node was swept, and learns of that from its lease
local about = redis.call('HMGET', KEYS[1], 'tokens', 'owner', 'gone')
if about[1] and ARGV[6] == '2' then
  redis.call('HSET', KEYS[1], 'tokens', about[1] .. ' ' .. ARGV[1], 'turn', ARGV[7])
  redis.call('HDEL', KEYS[1], 'was', 'record', 'till', 'gone')
elseif about[1] then
  if acting(about[1]) ~= ARGV[1] then return 0 end
  if about[2] ~= ARGV[3] or about[3] then return 3 end
end
if not about[1] and ARGV[6] == '0' then return 2 end
if not about[1] then redis.call('HSET', KEYS[1], 'tokens', ARGV[1], 'turn', ARGV[7]) end
redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'owner', ARGV[3], 'state', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1

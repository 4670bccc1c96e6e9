-- Takes up a kept session under a new token.
-- KEYS  kept
-- ARGV  secret token owner seconds deadline(see tell) token-before owner-before seen
--       before: as they were when the caller wrote down what the session holds
--       seen: how far its node was told, for a session that has no places of its own yet
-- ->    {'unknown'}, {'elsewhere'}, {'changed'}, {'late'} or
--       {'ok', tokens before, owner before, record, state, seen, till, turn}; the same when repeated
local about = redis.call('HMGET', KEYS[1], 'tokens', 'secret', 'owner', 'gone')
local tokens = about[1]
if not tokens or about[2] ~= ARGV[1] or about[4] then return { 'unknown' } end
if acting(tokens) ~= ARGV[2] then
  -- whoever was overtaken stays so: a token's place among the others says whose it may replace
  if among(tokens, ARGV[2]) then return { 'elsewhere' } end
  if acting(tokens) ~= ARGV[6] or about[3] ~= ARGV[7] then return { 'changed' } end
  if now() > tonumber(ARGV[5]) then return { 'late' } end
  tokens = tokens .. ' ' .. ARGV[2]
  redis.call('HSET', KEYS[1], 'tokens', tokens, 'was', about[3], 'owner', ARGV[3])
  redis.call('HSETNX', KEYS[1], 'seen', ARGV[8])
  redis.call('HINCRBY', KEYS[1], 'turn', 1)
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
local more = redis.call('HMGET', KEYS[1], 'was', 'record', 'state', 'seen', 'till', 'turn')
for i = 1, 6 do more[i] = more[i] or '' end
return { 'ok', tokens, unpack(more) }

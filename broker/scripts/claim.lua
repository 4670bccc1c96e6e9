-- Claims a nick, or spells it anew for the session that holds it.
-- KEYS  claim meta log
-- ARGV  sid token nick node topic since is-away why deadline(see tell)
-- ->    {'taken'}, {'late'} or {'ok', epoch, seq of the inbox's tip when the nick was taken}
local held = redis.call('HMGET', KEYS[1], 'sid', 'token')
if held[1] and (held[1] ~= ARGV[1] or held[2] ~= ARGV[2]) then return { 'taken' } end
if now() > tonumber(ARGV[9]) then return { 'late' } end
redis.call('HSET', KEYS[1], 'sid', ARGV[1], 'token', ARGV[2], 'nick', ARGV[3], 'node', ARGV[4],
  'topic', ARGV[5], 'since', ARGV[6])
if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'away', ARGV[8]) end
redis.call('PERSIST', KEYS[2])
redis.call('PERSIST', KEYS[3])
if not held[1] then
  local tip = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
  redis.call('HSET', KEYS[1], 'epoch', tip[1] or '', 'seq', tip[2] or '0')
end
local tip = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
return { 'ok', tip[1], tip[2] }

-- Puts a claim under its session's new token, on the node that took the session up.
-- KEYS  claim meta
-- ARGV  sid tokens(before) token node topic deadline(see tell)
-- ->    {'gone'}, {'late'} or {'ok', nick, is-away, why, since, topic before,
--       epoch and seq of the inbox's tip when the nick was taken, and now, and when that was, about}
local held = redis.call('HMGET', KEYS[1], 'sid', 'token', 'nick', 'away', 'since', 'topic', 'epoch', 'seq',
  'claimed', 'about')
if held[1] ~= ARGV[1] or not among(ARGV[2] .. ' ' .. ARGV[3], held[2]) then return { 'gone' } end
if now() > tonumber(ARGV[6]) then return { 'late' } end
redis.call('HSET', KEYS[1], 'token', ARGV[3], 'node', ARGV[4], 'topic', ARGV[5])
local tip = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
return { 'ok', held[3], held[4] and 1 or 0, held[4] or '', held[5], held[6], held[7], held[8],
  tip[1] or '', tip[2] or '0', held[9] or '0', held[10] or '' }

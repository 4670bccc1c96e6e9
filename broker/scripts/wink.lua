-- As `flash`, to whoever holds a nick.
-- KEYS  claim
-- ARGV  name-as-json head tail(the event, around the session that holds the nick) deadline(see tell)
-- ->    {'none'}, {'late'} or {'ok', nick, away or '', is-away}
local held = redis.call('HMGET', KEYS[1], 'nick', 'topic', 'away', 'sid', 'token')
if not held[1] or held[5] == '+' then return { 'none' } end -- '+': retained, see claim
if now() > tonumber(ARGV[4]) then return { 'late' } end
redis.call('PUBLISH', held[2], fleeting(ARGV[1], ARGV[2] .. '"' .. held[4] .. '"' .. ARGV[3]))
return { 'ok', held[1], held[3] or '', held[3] and 1 or 0 }

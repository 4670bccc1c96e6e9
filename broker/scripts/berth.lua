-- Holds a name for a channel that is about to have it.
-- KEYS  meta roster log moved(see _moving)
-- ARGV  name-as-json lines id(of the move) from(the channel's name, folded) deadline(see tell)
--       at(see _settle) seconds(for which it's held) recent(ms: so long nobody else gets a name that
--       was given up)
-- ->    {'late'}, {'taken'} there is such a channel, or another one is about to, {'recent'}, or
--       {'held', ms}, the same when repeated
local meta, roster, log, moved = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if now() > tonumber(ARGV[5]) then return { 'late' } end
settle(meta, roster, log, ARGV[2], ARGV[6])
local about = redis.call('HMGET', meta, 'berth', 'berth_ms', 'name', 'spoken')
if about[1] == ARGV[3] then return { 'held', about[2] } end
if about[1] or redis.call('HLEN', roster) > 0 or (about[3] and about[4]) then return { 'taken' } end
local ms, to = string.match(redis.call('HGET', moved, 'last') or '', '^%S+ %d+ (%d+) (.*)$')
-- of who is on the way from here nobody may lose the word of it; but who comes back brings it along
if ms and to ~= ARGV[4] and now() - tonumber(ms) < tonumber(ARGV[8]) then return { 'recent' } end
redis.call('DEL', meta, log)
local held = string.format('%.0f', now())
redis.call('HSET', meta, 'berth', ARGV[3], 'berth_from', ARGV[4], 'berth_ms', held)
redis.call('EXPIRE', meta, ARGV[7])
return { 'held', held }

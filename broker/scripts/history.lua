-- KEYS  meta log
-- ARGV  count
-- ->    spoken entries, newest first: {id, ms, body, ...}
local about = redis.call('HMGET', KEYS[1], 'spoken', 'seq')
return spoken(KEYS[2], about[1], about[2] or '0', tonumber(ARGV[1]))
